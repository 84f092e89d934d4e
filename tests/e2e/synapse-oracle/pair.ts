/**
 * Two Synapses that federate with each other over TLS on this machine: the judges of what a room's state is,
 * and with one of them halted, cut off or busy, the makers of forks.
 */

import { CertificateAuthority } from '../homeserver/certificates.ts';
import { MatrixUser } from '../homeserver/client.ts';
import { Synapse } from '../homeserver/synapse.ts';

export class SynapsePair {
  readonly #users: MatrixUser[] = [];

  static async start(): Promise<SynapsePair> {
    const certificates = await CertificateAuthority.create();
    const started: Synapse[] = [];
    try {
      // One after the other: they share a folder of certificates.
      const near = await Synapse.start({ certificates });
      started.push(near);
      return new SynapsePair(certificates, near, await Synapse.start({ certificates }));
    } catch (error) {
      await Promise.all(started.map((synapse) => synapse.stop()));
      await certificates.remove();
      throw error;
    }
  }

  private constructor(
    /** Trusted by both. */
    readonly certificates: CertificateAuthority,
    readonly near: Synapse,
    readonly far: Synapse,
  ) {}

  /** A new account at one of them, and its client. */
  async enter(synapse: Synapse, name: string): Promise<MatrixUser> {
    const { password } = await synapse.registerUser(name, `${name}'s password`);
    const user = await MatrixUser.login({ baseUrl: synapse.baseUrl, user: name, password });
    this.#users.push(user);
    return user;
  }

  async stop(): Promise<void> {
    for (const user of this.#users) user.stop();
    await Promise.all([this.near.stop(), this.far.stop()]);
    await this.certificates.remove();
  }
}
