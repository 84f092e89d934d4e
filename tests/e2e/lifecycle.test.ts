/** The App's life as its administrator leads it: switched off and on, updated, its port taken away, removed. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { Person } from '../workspace/index.ts';
import { Federation, numbered, type Portal } from './federation.ts';
import { poll } from './homeserver/waiting.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { ZIP } from './stage.ts';

/** Synapse tries again after 1, 2, 4 … seconds when the App was away. */
const PATIENCE = { timeout: 60_000 };

describe("the App's life", () => {
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

  test('installed, it listens where it was told', async () => {
    assert.ok(await federation.app.enabled());
    assert.ok(await isOpen(federation.listenPort));
    // At first at its default port, until it was told.
    const places = federation.log().filter((line) => line.startsWith('listening on '));
    assert.equal(places.at(-1), `listening on 127.0.0.1:${federation.listenPort}`);
  });

  test('switched off, it leaves its port and does nothing', async () => {
    await federation.app.disable();
    assert.ok(!(await isOpen(federation.listenPort)));
    await alice.say(portal.channel, 'said to nobody yet');
    await bob.say(portal.room, 'nor this');
    assert.ok(!(await federation.heard(bob, portal.room)).includes('said to nobody yet'));
    assert.ok(!portal.channel.messages().some(({ text }) => text === 'nor this'));
  });

  test('switched on again, it takes its port and brings what was said meanwhile', async () => {
    await federation.app.enable();
    await bob.expectMessage(portal.room, 'said to nobody yet', PATIENCE);
    await portal.channel.expectMessage(({ text }) => text === 'nor this', PATIENCE);
    assert.ok(await isOpen(federation.listenPort));
    await talk('switched on');
  });

  test('what was said in a long absence is brought in order, however much it was', async () => {
    const [local, remote] = [numbered('absence of alice', 150), numbered('absence of bob', 50)];
    await federation.app.disable();
    for (const text of local) await alice.say(portal.channel, text);
    for (const text of remote) await bob.say(portal.room, text);
    await federation.app.enable();
    const shown = (): string[] => portal.channel.messages().map(({ text }) => text);
    await portal.channel.expect('all of bob', () => remote.every((text) => shown().includes(text)), PATIENCE);
    await bob.expectMessage(portal.room, local.at(-1) ?? '', PATIENCE);
    const heard = await federation.heard(bob, portal.room);
    assert.deepEqual(
      heard.filter((text) => local.includes(text)),
      local,
    );
    assert.deepEqual(
      shown().filter((text) => remote.includes(text)),
      remote,
    );
  });

  test('it can be switched off and on many times', async () => {
    for (let round = 0; round < 3; round++) {
      await federation.app.disable();
      await federation.app.enable();
    }
    await talk('on and off');
  });

  test('updated, it goes on where it was', async () => {
    const { registration } = federation;
    await federation.app.update(withVersion(await readFile(ZIP), '0.99.0'));
    assert.ok(await federation.app.enabled());
    assert.deepEqual(await federation.readRegistration(), registration);
    await talk('updated');
  });

  test('it moves to another port and back', async () => {
    const { listenPort } = federation;
    const other = listenPort + 1;
    await federation.app.set('listen_port', other);
    assert.ok(await isOpen(other));
    assert.ok(!(await isOpen(listenPort)));
    await federation.app.set('listen_port', listenPort);
    assert.ok(await isOpen(listenPort));
    await talk('moved');
  });

  test('a port that is taken after a restart is waited for', async () => {
    await federation.instance.stop();
    const squatter = await occupy(federation.listenPort);
    const instance = await federation.workspace.startInstance();
    // What goes out needs no port.
    await alice.say(portal.channel, 'the port is taken');
    await bob.expectMessage(portal.room, 'the port is taken', PATIENCE);
    assert.ok(federation.log().includes(`port ${federation.listenPort} is taken; trying until it is free`));
    await bob.say(portal.room, 'and what about me?');
    assert.ok(!portal.channel.messages().some(({ text }) => text === 'and what about me?'));

    squatter.close();
    await once(squatter, 'close');
    await poll(async () => (await isOpen(federation.listenPort)) || undefined, {
      ...PATIENCE,
      what: 'the App to take its port',
    });
    await portal.channel.expectMessage(({ text }) => text === 'and what about me?', PATIENCE);
    federation.app = instance.app(federation.app.id);
    await talk('port is back');
  });

  test('removed, it leaves nothing behind', async () => {
    const { workspace, app, instance } = federation;
    await app.uninstall();
    assert.ok(!(await isOpen(federation.listenPort)));
    assert.deepEqual(workspace.persistence(app.id), []);
    assert.deepEqual(workspace.jobs(), []);
    await assert.rejects(alice.command(portal.channel, '/federation status'), /No such command/);
    await workspace.until('its processes to end', () =>
      instance.processes.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null),
    );
  });

  test('installed anew, it draws new tokens', async () => {
    const old = federation.registration;
    federation.app = await federation.instance.install(await readFile(ZIP));
    await federation.configure({
      server_name: federation.serverName,
      homeserver_url: federation.synapse.baseUrl,
    });
    const fresh = await federation.readRegistration();
    assert.notEqual(fresh.asToken, old.asToken);
    assert.notEqual(fresh.hsToken, old.hsToken);
    await federation.app.disable();
  });

  async function talk(about: string): Promise<void> {
    await alice.say(portal.channel, `alice: ${about}`);
    await bob.expectMessage(portal.room, `alice: ${about}`, PATIENCE);
    await bob.say(portal.room, `bob: ${about}`);
    await portal.channel.expectMessage(({ text }) => text === `bob: ${about}`, PATIENCE);
  }
});

/** The same package under another version. */
function withVersion(zip: Uint8Array, version: string): Uint8Array {
  const files = unzipSync(new Uint8Array(zip));
  const manifest = JSON.parse(strFromU8(files['app.json'] ?? new Uint8Array())) as object;
  return zipSync({ ...files, 'app.json': strToU8(JSON.stringify({ ...manifest, version })) });
}

/** Whether somebody listens. */
function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', done(true));
    socket.once('error', done(false));
  });
}

/** Holds the port as soon as it is free, and answers nobody. */
function occupy(port: number): Promise<Server> {
  const listen = (): Promise<Server | undefined> =>
    new Promise((resolve) => {
      const server = createServer((socket) => socket.destroy());
      server.once('error', () => {
        resolve(undefined);
      });
      server.listen(port, '127.0.0.1', () => {
        resolve(server);
      });
    });
  return poll(listen, { ...PATIENCE, what: 'the port to be free' });
}
