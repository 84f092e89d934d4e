/** Troubles beside the conversation: a taken port, a full database; and who is typing, which is no trouble at all. */

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import type { Person } from '../workspace/index.ts';
import { Federation, numbered, RECOVERY, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { freePort } from './homeserver/ports.ts';
import { poll } from './homeserver/waiting.ts';

describe('beside the conversation', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice');
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('tea-room', alice, bob);
  });

  after(() => federation.close());

  test('who types on Matrix is shown, and no more once they have said it', async () => {
    const ghost = await federation.ghostOf(bob);
    const { workspace } = federation;
    const typing = (): boolean[] =>
      workspace
        .typing(portal.channel)
        .filter(({ username }) => username === ghost)
        .map((word) => word.typing);
    await bob.client.sendTyping(portal.room, true, 30_000);
    await workspace.until('bob to type', () => typing().at(-1) === true, RECOVERY);
    // Clients forget it after ten seconds, so it is said again.
    await workspace.until('bob to go on typing', () => typing().length >= 3, RECOVERY);
    await bob.say(portal.room, 'at last');
    await portal.channel.expectMessage(({ text }) => text === 'at last', RECOVERY);
    await workspace.until('bob to stop', () => typing().at(-1) === false, RECOVERY);
    const before = typing().length;
    await bob.client.sendTyping(portal.room, false, 0);
    await bob.client.sendTyping(portal.room, true, 30_000);
    await workspace.until('bob to type again', () => typing().slice(before).includes(true), RECOVERY);
    await bob.client.sendTyping(portal.room, false, 0);
    await workspace.until('bob to think better of it', () => typing().at(-1) === false, RECOVERY);
  });

  test('a port that somebody else took: what we say goes out, and what Matrix says comes once it is free', async () => {
    const { app, listenPort } = federation;
    await app.set('listen_port', await freePort());
    const holder = await taken(listenPort);
    await app.set('listen_port', listenPort);
    const local = numbered('through a taken port', 3);
    const remote = numbered('before a closed door', 3);
    for (const text of remote) await bob.say(portal.room, text);
    for (const text of local) await alice.say(portal.channel, text);
    await bob.expectMessage(portal.room, local.at(-1) ?? '', RECOVERY);
    assert.deepEqual(
      texts().filter((text) => remote.includes(text)),
      [],
    );
    await new Promise((resolve) => holder.close(resolve));
    await arrived(local, remote);
  });

  test('a database that takes nothing more: nothing is acknowledged, nothing lost, little said', async () => {
    const { workspace, synapse } = federation;
    const local = numbered('without a place', 3);
    const remote = numbered('not taken', 3);
    const lines = federation.log(0).length;
    workspace.database.persistence.full = 'no space left';
    for (const text of remote) await bob.say(portal.room, text);
    for (const text of local) await alice.say(portal.channel, text);
    await poll(async () => ((await synapse.unsentTransactions()).length > 0 ? true : undefined), {
      what: 'the transaction to be refused',
      timeout: 60_000,
    });
    workspace.database.persistence.full = undefined;
    await arrived(local, remote);
    const said = federation.log(lines).filter((line) => line.includes('no space left'));
    assert.ok(said.length <= 6, said.join('\n'));
  });

  test('a database that takes seconds for each document: all comes, only later', async () => {
    const { persistence } = federation.workspace.database;
    const local = numbered('slow and steady', 3);
    const remote = numbered('slowly taken', 3);
    let waited = 0;
    persistence.slow = async () => {
      waited++;
      // How slow it is: what is meant, not waited for.
      await pause(2000);
    };
    for (const text of remote) await bob.say(portal.room, text);
    for (const text of local) await alice.say(portal.channel, text);
    await bob.expectMessage(portal.room, local.at(-1) ?? '', RECOVERY);
    await portal.channel.expectMessage(({ text }) => text === remote.at(-1), RECOVERY);
    persistence.slow = undefined;
    assert.ok(waited >= 6, `${waited} inserts`);
    await arrived(local, remote);
  });

  test('a homeserver that limits us is kept to, and gets all in order', async () => {
    const { synapse, registration, serverName } = federation;
    await synapse.replaceRegistrations(
      registration.yaml.replace('rate_limited: false', 'rate_limited: true'),
    );
    await federation.connected();
    const admin = await synapse.registerUser('root', 'password', { admin: true });
    const puppet = encodeURIComponent(`@rc_alice:${serverName}`);
    const limited = await fetch(`${synapse.baseUrl}/_synapse/admin/v1/users/${puppet}/override_ratelimit`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin.accessToken}` },
      body: JSON.stringify({ messages_per_second: 2, burst_count: 2 }),
    });
    assert.equal(limited.status, 200);
    const local = numbered('at your pace', 10);
    const began = Date.now();
    for (const text of local) await alice.say(portal.channel, text);
    await arrived(local, []);
    assert.ok(Date.now() - began > 3000, 'Synapse has limited nothing');
  });

  async function arrived(local: readonly string[], remote: readonly string[]): Promise<void> {
    await bob.expectMessage(portal.room, local.at(-1) ?? '', RECOVERY);
    const late = await federation.shown(portal, bob, remote);
    const heard = await federation.heard(bob, portal.room);
    assert.deepEqual(
      heard.filter((text) => local.includes(text)),
      local,
    );
    assert.deepEqual(
      texts().filter((text) => remote.includes(text) && !late.includes(text)),
      remote.filter((text) => !late.includes(text)),
    );
  }

  function texts(): string[] {
    return portal.channel.messages().map(({ text }) => text);
  }
});

/** Somebody who holds a port and answers nobody. It is free a moment after it was given up. */
async function taken(port: number): Promise<Server> {
  return poll(
    () =>
      new Promise<Server | undefined>((resolve) => {
        const server = createServer((socket) => socket.destroy());
        server.once('error', () => {
          resolve(undefined);
        });
        server.listen({ port, host: '0.0.0.0' }, () => {
          resolve(server);
        });
      }),
    { what: `port ${port} to be free`, timeout: 30_000 },
  );
}
