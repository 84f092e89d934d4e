/**
 * The stage of the end-to-end tests and of the demo: a workspace with the packed App on one side, a real Synapse
 * on the other, and the App registered there as an administrator would do it.
 */

import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import {
  Workspace,
  type InstalledApp,
  type Person,
  type Room,
  type RuntimeName,
  type WorkspaceOptions,
} from '../workspace/index.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { freePort } from './homeserver/ports.ts';
import { Synapse } from './homeserver/synapse.ts';
import { poll } from './homeserver/waiting.ts';
import { Stage, ZIP } from './stage.ts';

export interface FederationOptions {
  readonly runtime?: RuntimeName;
  readonly workspace?: WorkspaceOptions;
  /** More for `homeserver.yaml`. */
  readonly homeserver?: Readonly<Record<string, unknown>>;
  /** Told when each step is done, by those who show it. */
  readonly progress?: (step: Step, federation?: Federation) => Promise<void> | void;
}

export type Step = 'workspace' | 'installed' | 'registered' | 'synapse' | 'connected';

/** What the App asks the homeserver's administrator to install. */
export interface Registration {
  readonly yaml: string;
  readonly id: string;
  readonly url: string;
  readonly asToken: string;
  readonly hsToken: string;
}

/** Both sides of one conversation. */
export interface Portal {
  readonly channel: Room;
  /** The Matrix room's id. */
  readonly room: string;
}

const SERVER = 'hs.test';

/** Until all is well again after a crash or an outage. */
export const RECOVERY = { timeout: 90_000 };

export class Federation extends Stage {
  /** Stands once `start` has come to it. */
  registration!: Registration;
  /** Where Matrix users live. */
  readonly serverName = SERVER;
  readonly #listenPort: number;
  readonly #synapsePort: number;
  #questions = 0;

  static async start(options: FederationOptions = {}): Promise<Federation> {
    const { progress = () => undefined } = options;
    const workspace = await Workspace.create(options.workspace);
    try {
      const instance = await workspace.startInstance({ runtime: options.runtime ?? 'deno' });
      const lobby = await workspace.createChannel('lobby', { owner: workspace.admin });
      await progress('workspace');
      const app = await instance.install(await readFile(ZIP));
      await progress('installed');
      const federation = new Federation(workspace, app, lobby, await freePort(), await freePort());
      await federation.#begin(progress, options.homeserver);
      return federation;
    } catch (error) {
      await workspace.close();
      throw error;
    }
  }

  private constructor(
    workspace: Workspace,
    app: InstalledApp,
    /** Not federated: where administrators type commands. */
    readonly lobby: Room,
    listenPort: number,
    synapsePort: number,
  ) {
    super(workspace, app);
    this.#listenPort = listenPort;
    this.#synapsePort = synapsePort;
  }

  /** Where the App listens, if its runtime lets it. */
  get listenerUrl(): string {
    return `http://127.0.0.1:${this.#listenPort}`;
  }

  get listenPort(): number {
    return this.#listenPort;
  }

  /** The registration as `/federation registration` shows it to an administrator. */
  async readRegistration(): Promise<Registration> {
    const { admin } = this.workspace;
    const before = admin.notices().length;
    await admin.command(this.lobby, '/federation registration');
    const shown = await this.workspace.until('the registration to be shown', () => {
      const [, yaml] = /```yaml\n([^]*)```/.exec(admin.notices().slice(before).at(-1)?.text ?? '') ?? [];
      return yaml;
    });
    const fields = parse(shown) as Record<'id' | 'url' | 'as_token' | 'hs_token', string>;
    return {
      yaml: shown,
      id: fields.id,
      url: fields.url,
      asToken: fields.as_token,
      hsToken: fields.hs_token,
    };
  }

  /**
   * Waits until the App says that it is connected. It looks again at most every 30 seconds by itself; saving a
   * setting makes it look at once, and is also what brings its log to light.
   */
  async connected(): Promise<void> {
    const lines = this.app.logs().length;
    await poll(
      async () => {
        await this.app.set('homeserver_url', this.synapse.baseUrl);
        return this.log(lines).some((line) => line.includes('Connected to the homeserver')) || undefined;
      },
      { timeout: 60_000, what: 'the App to be connected', found: () => this.log(0).slice(-20).join('\n') },
    );
  }

  /**
   * The workspace's server is replaced by one with another runtime, and the homeserver told where the App is now:
   * where the runtime lets it listen, at its own listener, else at the engine's endpoints.
   */
  async serveUnder(runtime: RuntimeName, { open }: { readonly open: boolean }): Promise<void> {
    await this.instance.stop();
    const instance = await this.workspace.startInstance({ runtime });
    this.app = instance.app(this.app.id);
    const url = open ? this.listenerUrl : this.app.url();
    await this.configure({ appservice_url: url });
    this.registration = await this.readRegistration();
    await this.synapse.replaceRegistrations(this.registration.yaml);
    await this.connected();
  }

  /** Makes a channel and federates it: `by` invites `guest`, who joins. */
  async portal(name: string, by: Person, guest: MatrixUser): Promise<Portal> {
    const channel = await this.workspace.createChannel(name, { members: [by] });
    await by.command(channel, `/federation invite ${guest.userId}`);
    const invite = await guest.expectInvite((open) => open.name === name);
    await guest.join(invite.roomId);
    await channel.expectMember(await this.ghostOf(guest), { timeout: 30_000 });
    return { channel, room: invite.roomId };
  }

  /**
   * Waits until the channel shows all that somebody said on Matrix; answers what came out of order by Synapse's fault.
   *
   * Synapse now and then forgets a transaction that it makes at the very moment when it finds an application
   * service well again, and finds it at the next recovery. The App may ask for it before; else the recovery is brought
   * about. What is lost, or out of order by another's fault, stays an error.
   */
  async shown(portal: Portal, by: MatrixUser, texts: readonly string[]): Promise<string[]> {
    const { channel } = portal;
    const there = (): string[] =>
      channel
        .messages()
        .map(({ text }) => text)
        .filter((text) => texts.includes(text));
    const missing = (): string[] => {
      const shown = new Set(there());
      return texts.filter((text) => !shown.has(text));
    };
    await this.#sayAndSee(portal, by);
    if (isDeepStrictEqual(there(), texts)) return [];
    const unsent = new Set((await this.synapse.unsentTransactions()).flat());
    const said = await by.messages(portal.room);
    const forgotten = new Set(said.filter(({ id }) => unsent.has(id)).map(({ content }) => content['body']));
    const late = texts.filter((text) => forgotten.has(text));
    const lost = missing().filter((text) => !forgotten.has(text));
    if (lost.length > 0) throw new Error(`lost: ${lost.join(', ')}`);
    if (missing().length > 0) {
      await this.recover(portal, by);
      await channel.expect('what Synapse forgot', () => missing().length === 0, RECOVERY);
    }
    return late;
  }

  /** Makes Synapse notice that the App is away, and that it is there again. */
  async recover(portal: Portal, by: MatrixUser): Promise<void> {
    await this.instance.killRuntime();
    await this.#sayAndSee(portal, by);
    // The App listens before the engine calls it enabled.
    await this.instance.runtimeRestarted(RECOVERY);
  }

  /** What was said before is there, too, once this is: order is kept. */
  async #sayAndSee({ channel, room }: Portal, by: MatrixUser): Promise<void> {
    const question = `Is that all? ${String(++this.#questions)}`;
    await by.say(room, question);
    await channel.expectMessage(({ text }) => text === question, RECOVERY);
  }

  async #begin(
    progress: NonNullable<FederationOptions['progress']>,
    homeserver: FederationOptions['homeserver'],
  ): Promise<void> {
    await this.configure({
      listen_host: '127.0.0.1',
      listen_port: this.#listenPort,
      appservice_url: this.listenerUrl,
      server_name: SERVER,
      homeserver_url: `http://127.0.0.1:${this.#synapsePort}`,
    });
    this.registration = await this.readRegistration();
    await progress('registered', this);
    this.synapse = await Synapse.start({
      name: SERVER,
      port: this.#synapsePort,
      registration: this.registration.yaml,
      ...(homeserver === undefined ? {} : { config: homeserver }),
    });
    try {
      await progress('synapse', this);
      await this.connected();
      await progress('connected', this);
    } catch (error) {
      await this.synapse.stop();
      throw error;
    }
  }
}

/** Texts that show whether any was lost, doubled or put out of order. */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);
}
