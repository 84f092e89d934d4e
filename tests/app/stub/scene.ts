/** A workspace with the App over the stand-in for the core, and what one can ask of it. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

import { secretVariable } from '../../../app/settings.ts';
import {
  type InstalledApp,
  type Instance,
  type Person,
  type Room,
  type RuntimeName,
  Workspace,
} from '../../workspace/index.ts';
import { manifest, packed } from './pack.ts';
import { freePort } from './port.ts';

/** What the stand-in saw, in the words of its documents. */
export type Seen = Record<string, unknown> & { kind: string };

export class Scene {
  private constructor(
    readonly ws: Workspace,
    readonly instance: Instance,
    readonly app: InstalledApp,
    readonly alice: Person,
    readonly room: Room,
    readonly port: number,
  ) {}

  static async set(t: TestContext, runtime: RuntimeName): Promise<Scene> {
    const ws = await Workspace.create({
      scheduler: { poll: 200 },
      environment: { [secretVariable(manifest.id)]: 'sesame' },
    });
    t.after(() => ws.close());
    const instance = await ws.startInstance({ runtime });
    const app = await instance.install(await packed(), { enable: false });
    const port = await freePort();
    await app.set('listen_port', port);
    await app.enable();
    const alice = await ws.createUser('alice', { name: 'Alice' });
    const room = await ws.createChannel('garden', { members: [alice] });
    return new Scene(ws, instance, app, alice, room, port);
  }

  seen(): Seen[] {
    return this.ws
      .persistence(manifest.id)
      .map(({ data }) => JSON.parse((data as { body: string }).body) as Seen);
  }

  async expect(kind: string, look: (seen: Seen) => boolean = () => true): Promise<Seen> {
    const found = (): Seen | undefined => this.seen().find((one) => one.kind === kind && look(one));
    return this.ws.until(kind, found, { timeout: 30_000 }, () =>
      JSON.stringify([this.seen(), this.app.logs()]),
    );
  }

  /** Has the App perform an effect by way of a command; gives what came of it. */
  async perform(effect: Record<string, unknown>): Promise<Seen> {
    const outcomes = (): Seen[] =>
      this.seen().filter(({ kind }) => kind === 'performed' || kind === 'refused');
    const before = outcomes().length;
    await this.alice.command(this.room, `/federation perform ${encodeURIComponent(JSON.stringify(effect))}`);
    const result = outcomes()[before];
    assert.ok(result, 'the effect has an outcome');
    return result;
  }

  async load(keys: Record<string, unknown>[]): Promise<unknown[]> {
    const before = this.seen().length;
    await this.alice.command(this.room, `/federation load ${encodeURIComponent(JSON.stringify(keys))}`);
    const loaded = this.seen()
      .slice(before)
      .find(({ kind }) => kind === 'loaded');
    return loaded?.loaded as unknown[];
  }

  /** Where another server reaches the App: its listener, or the endpoints where the network is closed. */
  base(): string {
    return this.instance.runtime === 'node26' ? this.app.url('public') : `http://127.0.0.1:${this.port}`;
  }

  async transaction(id: string, body: unknown, query = ''): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.base()}/_matrix/app/v1/transactions/${id}${query}`, {
      method: 'PUT',
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Record<string, unknown>;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Another process cannot be listened to: it is asked again and again, ten times a second. */
export async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
