/**
 * Connections to servers that somebody else chose: the socket is made here, the address it really has is
 * looked at, and only then is it handed to HTTP or TLS. So not a byte is sent to an address that is not admitted.
 */

import { Agent as PlainAgent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import {
  Agent as SecureAgent,
  type AgentOptions as SecureAgentOptions,
  type RequestOptions,
} from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { background } from '../within.ts';

/** Whether an IP address may be connected to. */
export type Admits = (address: string) => boolean;

/** What agents are told; without a stream there is an error. */
type Created = (error: Error | null, stream?: Duplex) => void;

/** A call gives up on its own; the socket it waited for must end as well. */
const connectMs = 30_000;

const notAdmitted = 'its address is private, and the settings do not allow that';

/** Older versions look for the address in the certificate, whatever name they are told. */
const oldDeno = 'this version of Deno cannot make sure that it is the right server; 2.9 or newer can';

export class CheckedPlainAgent extends PlainAgent {
  constructor(
    options: AgentOptions,
    private readonly admits: Admits,
  ) {
    super(options);
  }

  override createConnection(options: ClientRequestArgs, created: Created): undefined {
    dial(options, this.admits, created, (socket) => socket);
  }
}

export class CheckedSecureAgent extends SecureAgent {
  constructor(
    options: SecureAgentOptions,
    private readonly admits: Admits,
  ) {
    super(options);
  }

  override createConnection(options: RequestOptions, created: Created): undefined {
    dial(options, this.admits, created, (socket) => {
      const over: RequestOptions & { socket: Socket } = { ...options, socket };
      const secure = super.createConnection(over) as (Duplex & { encrypted?: boolean }) | null | undefined;
      if (secure?.encrypted !== true) throw new Error(oldDeno);
      return secure;
    });
  }
}

function dial(
  { host, port }: ClientRequestArgs,
  admits: Admits,
  created: Created,
  prepare: (socket: Socket) => Duplex,
): void {
  const name = host ?? 'localhost';
  if (isIP(name) !== 0 && !admits(name)) {
    queueMicrotask(() => {
      created(new Error(notAdmitted));
    });
    return;
  }
  let settled = false;
  const socket = connect({ host: name, port: Number(port), noDelay: true });
  const settle = (error: Error | null, stream?: Duplex): void => {
    clearTimeout(timer);
    if (error !== null) socket.destroy();
    if (settled) return;
    settled = true;
    created(error, stream);
  };
  const timer = setTimeout(() => {
    settle(new Error('the connection took too long'));
  }, connectMs);
  background(timer);
  // Heard for good: without somebody who hears it, an error ends the process.
  socket.on('error', settle);
  // One refused address among several refuses the name: nobody says which of them the runtime will try.
  socket.on('lookup', (_error, address: string | undefined) => {
    if (address && !admits(address)) settle(new Error(notAdmitted));
  });
  socket.once('connect', () => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || !admits(remoteAddress)) {
      settle(new Error(notAdmitted));
      return;
    }
    try {
      settle(null, prepare(socket));
    } catch (error) {
      settle(error instanceof Error ? error : new Error('no connection'));
    }
  });
}
