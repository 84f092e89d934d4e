/** Whether this runtime lets the App use the network by itself. */

import { connect } from 'node:net';

/** How runtimes say no: Node's permission model, and Deno's under its old and new name. */
const denied = /ERR_ACCESS_DENIED|NotCapable|PermissionDenied|Requires net access|--allow-net/;

/** Longer than this, and something was let through. */
const patience = 2000;

/**
 * Tries to reach a port of this machine. Listening would not do as a trial: where it is forbidden, Node
 * throws where nobody can catch it.
 */
export async function networkIsOpen(): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const socket = connect({ host: '127.0.0.1', port: 9 });
      const end = (open: boolean): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(open);
      };
      const timer = setTimeout(() => {
        end(true);
      }, patience);
      socket.on('connect', () => {
        end(true);
      });
      socket.on('error', (error) => {
        end(!isDenied(error));
      });
    } catch (error) {
      resolve(!isDenied(error));
    }
  });
}

function isDenied(error: unknown): boolean {
  const { name, code, message } = error as {
    name?: string;
    code?: string;
    message?: string;
  };
  return denied.test(`${name ?? ''} ${code ?? ''} ${message ?? ''}`);
}
