// Free loopback ports.

import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

const taken = new Set<number>();

/**
 * A port nobody listens on now. It lies below the range the kernel draws outgoing connections
 * from, so that it is still free when a homeserver comes back to it after a restart.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    if (!taken.has(port) && (await isFree(port))) {
      taken.add(port);
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
