/** The App in every runtime it must live in: the real engine, with a stand-in for the compiled core. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, createServer as createRawServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';

import type { RuntimeName } from '../workspace/index.ts';
import { Authority } from './stub/certificates.ts';
import { manifest, packed } from './stub/pack.ts';
import { freePort, listens } from './stub/port.ts';
import { eventually, isAlive, Scene, type Seen } from './stub/scene.ts';

const runtimes: RuntimeName[] = ['deno', 'node24', 'node26'];

for (const runtime of runtimes) {
  const open = runtime !== 'node26';

  test(`${runtime}: starts, says which way it goes, and hands hooks, commands and requests to the core`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, app, alice, room, port } = scene;
    assert.equal(await app.enabled(), true);
    const start = await scene.expect('start');
    const own = open
      ? `http://localhost:${port}`
      : `${ws.settings.string('Site_Url')}/api/apps/public/${manifest.id}`;
    assert.deepEqual(start.config, {
      mode: 'homeserver',
      homeserverUrl: '',
      serverName: '',
      userPrefix: 'rc_',
      botLocalpart: 'rocketchat',
      appserviceUrl: own,
      secret: 'sesame',
      dnsUrl: '',
      privateAddresses: false,
      typing: true,
      directMessageUsers: 8,
      workspace: 'workspace-in-a-box',
      endpoints: `${ws.settings.string('Site_Url')}/api/apps/public/${manifest.id}`,
      pictures: '',
      rest: false,
      messageSize: 5000,
      largestFile: 8 * 1024 * 1024,
    });
    const lines = app.logs().flatMap(({ args }) => args);
    const way = open ? "using the App's own listener and client" : 'the runtime closes the network';
    assert.equal(lines.filter((line) => String(line).startsWith(way)).length, 1, JSON.stringify(lines));

    const said = await alice.say(room, 'hello *world*');
    const { message } = (await scene.expect('messageSent')) as Seen & { message: Record<string, unknown> };
    assert.equal(message.id, said.id);
    assert.equal(message.room, room.id);
    assert.equal(message.text, 'hello *world*');
    assert.equal(message.system, null);
    assert.deepEqual(message.sender, {
      id: alice.id,
      username: 'alice',
      name: 'Alice',
      kind: 'user',
      roles: ['user'],
      active: true,
      madeByUs: false,
    });
    assert.equal((JSON.parse(message.md as string) as { type: string }[])[0]?.type, 'PARAGRAPH');
    assert.equal(message.at, said.at.getTime());

    await alice.command(room, '/federation invite @bob:example.org');
    const command = await scene.expect('command');
    assert.deepEqual(command.words, ['invite', '@bob:example.org']);
    assert.deepEqual(command.room, { id: room.id, name: 'garden', kind: 'channel', encrypted: false });

    assert.deepEqual(await scene.transaction('t%2F1', { events: [] }, '?a=b'), {
      method: 'PUT',
      uri: '/_matrix/app/v1/transactions/t%2F1?a=b',
      authorization: ['Bearer secret'],
      size: 13,
      text: '{"events":[]}',
    });
  });

  test(`${runtime}: performs every effect, and a second time does no harm`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, room, alice, app } = scene;
    const ghost = { kind: 'createUser', username: 'bob:example.org', name: 'Bob' };
    assert.equal((await scene.perform(ghost)).kind, 'performed');
    assert.equal((await scene.perform(ghost)).kind, 'performed');
    const bob = ws.user('bob:example.org')?.doc();
    assert.deepEqual([bob?.type, bob?.roles, bob?.name, bob?.active], ['bot', ['bot'], 'Bob', true]);

    const join = { kind: 'addMember', room: room.id, username: 'bob:example.org' };
    assert.equal((await scene.perform(join)).kind, 'performed');
    assert.equal((await scene.perform(join)).kind, 'performed');
    assert.deepEqual(room.members().sort(), ['alice', 'bob:example.org']);

    // The workspace's first channel has no creator, on whom the engine insists.
    const old = await ws.createChannel('old', { members: [alice] });
    delete (ws.database.rooms.docs.get(old.id) as { u?: unknown }).u;
    assert.equal((await scene.perform({ ...join, room: old.id })).kind, 'performed');
    assert.deepEqual([old.members().sort(), old.doc().u], [['alice', 'bob:example.org'], undefined]);

    const post = {
      kind: 'createMessage',
      id: 'derived0123456789',
      room: room.id,
      sender: 'bob:example.org',
      text: 'from afar',
    };
    assert.equal((await scene.perform(post)).kind, 'performed');
    assert.equal((await scene.perform(post)).kind, 'performed');
    const posted = ws.database.messages.find(({ msg }) => msg === 'from afar');
    assert.deepEqual(
      posted.map(({ _id, u }) => [_id, u.username]),
      [['derived0123456789', 'bob:example.org']],
    );

    const refused = await scene.perform({ ...post, id: 'other', sender: 'nobody:example.org' });
    assert.deepEqual([refused.kind, refused.why], ['refused', 'there is no user nobody:example.org']);
    const nowhere = await scene.perform({ ...join, room: 'nowhere' });
    assert.equal(nowhere.kind, 'refused');

    assert.equal(
      (await scene.perform({ kind: 'notify', room: room.id, user: alice.id, text: 'psst' })).kind,
      'performed',
    );
    assert.equal(
      (await scene.perform({ kind: 'removeMember', room: room.id, username: 'bob:example.org' })).kind,
      'performed',
    );
    assert.deepEqual(room.members(), ['alice']);

    assert.equal(
      (await scene.perform({ kind: 'log', level: 'info', text: 'said meanwhile' })).kind,
      'performed',
    );
    assert.ok(app.logs().some(({ args }) => args.includes('said meanwhile')));

    const document = { id: 'doc:1', associations: ['docs'], body: '{"a":1}' };
    for (let times = 0; times < 2; times++) await scene.perform({ kind: 'insert', document });
    assert.deepEqual(await scene.load([{ kind: 'documents', association: 'docs' }]), [
      { kind: 'documents', bodies: ['{"a":1}', '{"a":1}'] },
    ]);
    await scene.perform({ kind: 'remove', id: 'doc:1' });
    const [documents, message, user, nobody, recent] = await scene.load([
      { kind: 'documents', association: 'docs' },
      { kind: 'message', id: 'derived0123456789' },
      { kind: 'userByName', username: 'bob:example.org' },
      { kind: 'userByName', username: 'nobody' },
      { kind: 'recent', room: room.id, skip: 0, limit: 10 },
    ]);
    assert.deepEqual(documents, { kind: 'documents', bodies: [] });
    assert.equal((message as { message: { text: string } }).message.text, 'from afar');
    assert.equal((user as { user: { kind: string } }).user.kind, 'bot');
    assert.deepEqual(nobody, { kind: 'user', user: null });
    const { messages } = recent as {
      messages: { id: string; md: string | null; sender: { kind: string } }[];
    };
    assert.deepEqual(
      messages.map(({ id, sender }) => [id, sender.kind]),
      [['derived0123456789', 'bot']],
    );
    assert.notEqual(messages[0]?.md, null);
    assert.deepEqual(
      app.logs().filter(({ severity }) => severity === 'error'),
      [],
    );
  });

  test(`${runtime}: calls another server and hands its answer over`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const server = createServer((request, response) => {
      response
        .writeHead(429, { 'retry-after': '2' })
        .end(JSON.stringify({ got: request.headers.authorization }));
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const tag = { scope: 'room:1', entry: 'e', step: 's' };
    const request = {
      method: 'PUT',
      url: `http://127.0.0.1:${port}/x`,
      authorization: 'Bearer token',
      peer: null,
      guarded: false,
      body: '{}',
      timeout: 5000,
    };
    await scene.perform({ kind: 'call', tag, request });
    const outcome = await scene.expect('outcome');
    assert.deepEqual(outcome.tag, tag);
    const { ahead, ...answer } = outcome.answer as { ahead: number };
    assert.ok(Math.abs(ahead) < 60_000);
    assert.deepEqual(answer, {
      kind: 'response',
      status: 429,
      body: '{"got":"Bearer token"}',
      retryAfter: 2000,
      cacheControl: null,
      location: null,
    });
    await scene.perform({ kind: 'wake', scope: 'room:2', at: Date.now() + 50 });
    assert.equal((await scene.expect('wake')).scope, 'room:2');
  });

  test(`${runtime}: meets Matrix servers by their names, and only where the core admits the address`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const authority = new Authority();
    const named = createSecureContext(authority.issue('a.test'));
    const server = createSecureServer(
      { ...authority.issue('127.0.0.1'), SNICallback: (_, done) => done(null, named) },
      (request, response) => {
        const { servername } = request.socket as unknown as { servername: string | false };
        response.end(JSON.stringify([servername, request.headers.host, request.url]));
      },
    ).listen(0, '127.0.0.1');
    let strangers = 0;
    const stranger = createRawServer(() => strangers++).listen(0, '127.9.0.1');
    t.after(() => [server, stranger].forEach((one) => one.close()));
    await Promise.all([once(server, 'listening'), once(stranger, 'listening')]);
    await scene.app.set('ca_certificates', authority.certificate);
    const get = async (host: string, at: typeof server | typeof stranger, name: string): Promise<unknown> => {
      const { port } = at.address() as AddressInfo;
      const request = {
        method: 'GET',
        url: `https://${host}:${port}/a%21$!`,
        authorization: null,
        peer: { host: `${name}:8448`, sni: name },
        guarded: true,
        body: null,
        timeout: 5000,
      };
      const [loaded] = await scene.load([{ kind: 'fetch', request }]);
      const { kind, answer } = loaded as { kind: string; answer: { body?: string; why?: string } };
      assert.equal(kind, 'answer');
      return answer.body === undefined ? answer.why : JSON.parse(answer.body);
    };
    const answers = [
      await get('127.0.0.1', server, 'a.test'),
      await get('127.0.0.1', server, 'b.test'),
      await get('127.9.0.1', stranger, 'a.test'),
    ];
    if (open) {
      assert.deepEqual(answers[0], ['a.test', 'a.test:8448', '/a%21$!']);
      assert.match(String(answers[1]), /: its certificate is not trusted/);
      assert.match(String(answers[2]), /: its address is private, and the settings do not allow that$/);
    } else {
      for (const answer of answers)
        assert.match(String(answer), /^through Rocket\.Chat's own client no other Matrix server/);
    }
    assert.equal(strangers, 0);
  });

  test(`${runtime}: after a kill it is back on its port and writes before any hook`, async (t) => {
    const scene = await Scene.set(t, runtime);
    await scene.expect('start');
    await scene.instance.killRuntime();
    await scene.instance.runtimeRestarted({ timeout: 30_000 });
    const { ws, room } = scene;
    await scene.ws.until(
      'a second start',
      () => scene.seen().filter(({ kind }) => kind === 'start').length === 2,
    );
    const effect = {
      kind: 'createMessage',
      id: 'afterkill',
      room: room.id,
      sender: 'alice',
      text: 'still here',
    };
    await scene.transaction('1', {}, `?perform=${encodeURIComponent(JSON.stringify(effect))}`);
    await ws.until('the message', () => ws.database.messages.docs.has('afterkill'));
  });

  test(`${runtime}: after a trap a new instance of the core takes over`, async (t) => {
    const scene = await Scene.set(t, runtime);
    await scene.expect('start', ({ count }) => count === 1);
    void scene.alice.command(scene.room, '/federation trap').catch(() => undefined);
    await scene.expect('start', ({ count }) => count === 2);
    await scene.expect('trapped', ({ tag }) => (tag as { entry: string }).entry === 'poison');
    await scene.alice.say(scene.room, 'and on it goes');
    await scene.expect('messageSent');
  });

  test(`${runtime}: settings are checked, applied and survive being switched off and on`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { app, ws } = scene;
    await app.set('homeserver_url', 'matrix.example.org');
    assert.equal(app.setting('homeserver_url'), '');
    await app.set('homeserver_url', 'https://matrix.example.org/');
    await scene.expect(
      'start',
      ({ config }) => (config as { homeserverUrl: string }).homeserverUrl === 'https://matrix.example.org',
    );
    if (open) {
      const port = await freePort();
      await app.set('listen_port', port);
      assert.deepEqual([await listens(port), await listens(scene.port)], [true, false]);
      await app.disable();
      assert.equal(await listens(port), false);
      await app.enable();
      assert.equal(await listens(port), true);
    } else {
      await app.disable();
      await app.enable();
    }
    await scene.expect('stop');
    await app.update(await packed('0.1.1'));
    assert.equal(await app.enabled(), true);
    await app.uninstall();
    assert.equal(ws.persistence(manifest.id).length, 0);
  });

  if (!open) continue;

  test(`${runtime}: hands over every signature of a request`, async (t) => {
    const { port } = await Scene.set(t, runtime);
    const socket = connect({ host: '127.0.0.1', port });
    t.after(() => socket.destroy());
    const signed = ['Authorization: X-Matrix one', 'Authorization: X-Matrix two'];
    socket.write(
      ['GET /_matrix/%21$! HTTP/1.1', 'Host: x', ...signed, 'Connection: close', '', ''].join('\r\n'),
    );
    let answer = '';
    for await (const part of socket) answer += String(part);
    const { uri, authorization } = JSON.parse(answer.slice(answer.indexOf('{'))) as Record<string, unknown>;
    assert.deepEqual([uri, authorization], ['/_matrix/%21$!', ['X-Matrix one', 'X-Matrix two']]);
  });

  test(`${runtime}: an orphan leaves its port to its successor`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, instance, port } = scene;
    await scene.expect('start');
    const orphans = await instance.crash();
    t.after(() => {
      for (const pid of orphans) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Gone, as it should be.
        }
      }
    });
    const next = await ws.startInstance({ runtime });
    const answer = async (): Promise<string | undefined> => {
      const response = await fetch(`http://127.0.0.1:${port}/x`).catch(() => undefined);
      return response?.text();
    };
    await eventually('the successor to have the port', async () => {
      const [pid] = orphans;
      return !isAlive(pid ?? 0) && (await answer()) !== undefined;
    });
    assert.equal(next.running, true);
  });
}
