// Two homeservers that federate over TLS, with wires between them that can be held: a network that forks rooms.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { CertificateAuthority } from './certificates.ts';
import { freePort } from './ports.ts';
import { Synapse } from './synapse.ts';

export class Pair {
  readonly certificates: CertificateAuthority;
  readonly near: Synapse;
  readonly far: Synapse;
  /** Everything that others ask `near`, and what it answers. */
  readonly toNear: Wire;
  readonly toFar: Wire;

  static async start(): Promise<Pair> {
    const certificates = await CertificateAuthority.create();
    const [near, far] = await Promise.all([behindWire(certificates), behindWire(certificates)]);
    return new Pair(certificates, near, far);
  }

  private constructor(certificates: CertificateAuthority, near: Wired, far: Wired) {
    this.certificates = certificates;
    this.near = near.synapse;
    this.far = far.synapse;
    this.toNear = near.wire;
    this.toFar = far.wire;
  }

  /** From now on neither hears of the other. */
  hold(): void {
    this.toNear.hold();
    this.toFar.hold();
  }

  /** Everything said in the meantime arrives. */
  release(): void {
    this.toNear.release();
    this.toFar.release();
  }

  async stop(): Promise<void> {
    await Promise.all([this.toNear.cut(), this.toFar.cut(), this.near.stop(), this.far.stop()]);
    await this.certificates.remove();
  }
}

interface Wired {
  readonly synapse: Synapse;
  readonly wire: Wire;
}

async function behindWire(certificates: CertificateAuthority): Promise<Wired> {
  const [port, federationPort] = [await freePort(), await freePort()];
  const wire = await Wire.lay(port, federationPort);
  // What is held must not be given up: a request waits as long as the test does.
  const federation = { client_timeout: '60s', max_short_retries: 0, max_long_retries: 0 };
  const name = `localhost:${port}`;
  const synapse = await Synapse.start({ name, certificates, federationPort, config: { federation } });
  return { synapse, wire };
}

/** Carries connections to another port. Held, it accepts them still, but carries nothing: nobody notices a failure. */
export class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held = false;

  static async lay(port: number, target: number): Promise<Wire> {
    const server = createServer({ allowHalfOpen: true });
    const wire = new Wire(server, target);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  private constructor(server: Server, target: number) {
    this.#server = server;
    server.on('connection', (socket) => {
      const other = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true });
      this.#join(socket, other);
      this.#join(other, socket);
    });
  }

  hold(): void {
    this.#held = true;
    for (const socket of this.#sockets) socket.pause();
  }

  release(): void {
    this.#held = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** For good. */
  async cut(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    // Not `pipe`, which would go on by itself.
    from.on('data', (bytes) => to.write(bytes));
    from.once('end', () => to.end());
    from.once('error', () => to.destroy());
    from.once('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#held) from.pause();
  }
}
