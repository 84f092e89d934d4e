/**
 * An installation's identity: the administrators' window, the registration as a download, new tokens while people
 * talk, and the App removed and installed again, with an export and without.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Person } from '../workspace/index.ts';
import { Federation, RECOVERY, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { PYTHON } from './homeserver/paths.ts';
import { ZIP } from './stage.ts';

interface Shown {
  readonly type: string;
  readonly view: {
    readonly id: string;
    readonly blocks: readonly { readonly text?: { readonly text: string } }[];
  };
}

/** Synapse's own reader of registrations; what it cannot use ends it. */
const LOAD = `
import sys
from synapse.config.appservice import load_appservices
[service] = load_appservices("hs.test", [sys.argv[1]])
print(service.id, service.supports_ephemeral, service.is_exclusive_user("@rc_alice:hs.test"),
      service.is_exclusive_alias("#rc_room_x:hs.test"), service.is_exclusive_user("@bob:hs.test"))
`;

describe("an installation's identity", () => {
  let federation: Federation;
  let admin: Person;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    admin = federation.workspace.admin;
    alice = await federation.workspace.createUser('alice');
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('tea-room', alice, bob);
  });

  after(() => federation.close());

  test('the window opens for administrators, by a command and by a button, and answers in place', async () => {
    const { app } = federation;
    await admin.command(federation.lobby, '/federation admin');
    const opened = await shown(1);
    assert.equal(opened.type, 'modal.open');
    assert.match(said(opened), /Federated rooms: 1/);
    await admin.pressButton({ view: { ...opened.view }, appId: app.id }, 'dead');
    const updated = await shown(2);
    assert.deepEqual([updated.type, updated.view.id], ['modal.update', opened.view.id]);
    assert.match(said(updated), /Nothing was put aside/);
    await admin.actionButton(app.id, 'admin', undefined, { context: 'userDropdownAction' });
    assert.match(said(await shown(3)), /Federated rooms: 1/);
    await alice.command(federation.lobby, '/federation admin');
    await alice.expectNotice(({ text }) => text.startsWith('Only administrators'));
    assert.deepEqual(alice.interactions(), []);
  });

  test('the registration is downloaded once, and Synapse reads it', async () => {
    const link = linkIn(await ask('registration'));
    const answer = await fetch(link);
    assert.equal(answer.status, 200);
    assert.equal(
      answer.headers.get('content-disposition'),
      'attachment; filename="rocketchat-registration.yaml"',
    );
    const yaml = await answer.text();
    assert.equal(yaml, federation.registration.yaml);
    assert.equal((await fetch(link)).status, 404);
    const path = join(federation.synapse.dir, 'downloaded.yaml');
    await writeFile(path, yaml);
    const { stdout } = await promisify(execFile)(PYTHON, ['-c', LOAD, path]);
    assert.equal(stdout.trim(), 'rocketchat-federation True True True False');
  });

  test('tokens are rotated while people talk', async () => {
    const old = federation.registration;
    assert.match(await ask('rotate-tokens'), /New tokens are drawn/);
    federation.registration = await federation.readRegistration();
    assert.notEqual(federation.registration.asToken, old.asToken);
    await talk('not installed yet');
    await federation.synapse.halt();
    await alice.say(portal.channel, 'said while Synapse was away');
    await federation.synapse.replaceRegistrations(federation.registration.yaml);
    await bob.expectMessage(portal.room, 'said while Synapse was away', RECOVERY);
    await talk('installed');
    assert.equal(await pinged(old.hsToken), 200);
    assert.equal(await pinged(federation.registration.hsToken), 200);
    assert.equal(await pinged('neither'), 403);
  });

  test('removed and installed again with its export, it goes on where it was', async () => {
    const text = await ask('export');
    const [, key = ''] = /```\n(\S+)\n```/.exec(text) ?? [];
    const file = Buffer.from(await (await fetch(linkIn(text))).arrayBuffer());
    assert.ok(!file.includes(federation.registration.asToken));
    const before = federation.registration;
    await reinstall();
    await admin.upload(federation.lobby, { name: 'export.json', bytes: file });
    assert.match(await ask(`import ${key}`), /^Imported: 1 rooms, 1 people of Matrix/);
    assert.deepEqual(await federation.readRegistration(), before);
    await talk('imported');
    await nothingDoubled();
  });

  test('removed and installed again without one, it takes up its rooms', async () => {
    await reinstall();
    federation.registration = await federation.readRegistration();
    await federation.synapse.replaceRegistrations(federation.registration.yaml);
    await federation.connected();
    await federation.workspace.until('the room to be taken up', () =>
      federation.workspace
        .persistence(federation.app.id)
        .some((record) => JSON.stringify(record).includes(`portal-remote:${portal.room}`)),
    );
    await talk('taken up');
    await nothingDoubled();
    const ghosts = federation.workspace.users().filter(({ username }) => username.includes(':'));
    assert.equal(ghosts.length, 1);
  });

  async function ask(words: string): Promise<string> {
    const before = admin.notices().length;
    await admin.command(federation.lobby, `/federation ${words}`);
    return federation.workspace.until(`an answer to ${words.split(' ')[0] ?? ''}`, () => {
      return admin.notices()[before]?.text;
    });
  }

  /** As a browser reaches it: the test's server is not at the workspace's own address. */
  function linkIn(text: string): string {
    const [, path = ''] = /\]\(https?:\/\/[^/]+(\/api\/apps\/public\/[^)]+)\)/.exec(text) ?? [];
    assert.notEqual(path, '', text);
    return `${federation.instance.endpointUrl}${path}`;
  }

  async function shown(count: number): Promise<Shown> {
    return federation.workspace.until(`window ${count}`, () => {
      return admin.interactions()[count - 1] as unknown as Shown | undefined;
    });
  }

  function said({ view }: Shown): string {
    return view.blocks.map(({ text }) => text?.text ?? '').join('\n');
  }

  async function pinged(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${federation.listenerUrl}/_matrix/app/v1/ping`, {
      method: 'POST',
      headers,
      body: '{}',
    });
    return answer.status;
  }

  async function reinstall(): Promise<void> {
    const { instance, app } = federation;
    await app.uninstall();
    assert.deepEqual(federation.workspace.persistence(app.id), []);
    federation.app = await instance.install(await readFile(ZIP));
    await federation.configure({
      listen_host: '127.0.0.1',
      listen_port: federation.listenPort,
      appservice_url: federation.listenerUrl,
      server_name: federation.serverName,
      homeserver_url: federation.synapse.baseUrl,
    });
  }

  async function talk(about: string): Promise<void> {
    await alice.say(portal.channel, `alice: ${about}`);
    await bob.expectMessage(portal.room, `alice: ${about}`, RECOVERY);
    await bob.say(portal.room, `bob: ${about}`);
    await portal.channel.expectMessage(({ text }) => text === `bob: ${about}`, RECOVERY);
  }

  async function nothingDoubled(): Promise<void> {
    const heard = await federation.heard(bob, portal.room);
    assert.deepEqual(heard, [...new Set(heard)]);
    const there = portal.channel.messages().map(({ text }) => text);
    assert.deepEqual(there, [...new Set(there)]);
  }
});
