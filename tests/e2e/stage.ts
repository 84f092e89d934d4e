/** What the stages of all end-to-end tests have: a workspace with the packed App, and a real Synapse. */

import { fileURLToPath } from 'node:url';
import type { InstalledApp, Instance, Workspace } from '../workspace/index.ts';
import { MatrixUser } from './homeserver/client.ts';
import type { Synapse } from './homeserver/synapse.ts';

/** Made by `./build.sh pack`. */
export const ZIP = fileURLToPath(new URL('../../target/matrix-federation.zip', import.meta.url));

export abstract class Stage {
  /** Stands once `start` has come to it. */
  synapse!: Synapse;
  readonly #matrixUsers: MatrixUser[] = [];

  protected constructor(
    readonly workspace: Workspace,
    public app: InstalledApp,
  ) {}

  /** The server that people are at, unless a test says otherwise. */
  get instance(): Instance {
    const instance = this.workspace.instances.find(({ running }) => running);
    if (instance === undefined) throw new Error('no instance runs');
    return instance;
  }

  /** A new account at the homeserver, and its client. */
  async matrixUser(name: string, password = `secret of ${name}`): Promise<MatrixUser> {
    await this.synapse.registerUser(name, password);
    const user = await MatrixUser.login({ baseUrl: this.synapse.baseUrl, user: name, password });
    this.#matrixUsers.push(user);
    return user;
  }

  /** The username of a Matrix user's ghost, once it is there. A port is part of it in its own way. */
  async ghostOf({ userId }: MatrixUser): Promise<string> {
    const wanted = userId.slice(1).replace(/:(\d+)$/, '_$1');
    return (await this.workspace.expectUser(wanted, { timeout: 30_000 })).username;
  }

  /** What local people said in the Matrix room, as a client reads it back from the server. */
  async heard(reader: MatrixUser, room: string): Promise<string[]> {
    const messages = await reader.messages(room);
    return messages
      .filter(({ sender }) => sender !== reader.userId)
      .map(({ content }) => String(content['body']));
  }

  async configure(settings: Readonly<Record<string, unknown>>): Promise<void> {
    for (const [id, value] of Object.entries(settings)) await this.app.set(id, value);
  }

  /** What the App wrote into its log. */
  log(from = 0): string[] {
    return this.app
      .logs()
      .slice(from)
      .flatMap(({ args }) => args.map(String));
  }

  async close(): Promise<void> {
    for (const user of this.#matrixUsers) user.stop();
    await Promise.all([this.workspace.close(), this.synapse.stop()]);
  }
}
