/** Calls to Matrix servers, which are met at addresses that are not their names, and not at every address. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createPlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createRawServer, type AddressInfo, type Server as RawServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createSecureContext } from 'node:tls';

import type { Admits } from '../../app/host/agents.ts';
import { Client } from '../../app/host/client.ts';
import { EngineTransport } from '../../app/host/transport.ts';
import type { Answer, Call, Peer } from '../../app/protocol.ts';
import { Authority } from './stub/certificates.ts';

const authority = new Authority();
const notAdmitted = 'its address is private, and the settings do not allow that';

const call = (url: string, more: Partial<Call> = {}): Call => ({
  method: 'GET',
  url,
  authorization: null,
  peer: null,
  guarded: false,
  body: null,
  timeout: 5000,
  ...more,
});

const peer = (name: string): Peer => ({ host: `${name}:8448`, sni: name });

async function listening(t: TestContext, server: RawServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Has certificates for `a.test`, `b.test` and its address, chosen by the name in TLS; tells what it saw. */
async function servers(t: TestContext): Promise<{ port: number; server: Server }> {
  const contexts = new Map(
    ['a.test', 'b.test'].map((name) => [name, createSecureContext(authority.issue(name))]),
  );
  const connections: unknown[] = [];
  const server = createServer(
    { ...authority.issue('127.0.0.1'), SNICallback: (name, done) => done(null, contexts.get(name)) },
    (request, response) => {
      const { socket } = request;
      if (!connections.includes(socket)) connections.push(socket);
      const connection = connections.indexOf(socket);
      const { servername } = socket as unknown as { servername: string | false };
      response.end(JSON.stringify([servername, request.headers.host, request.url, connection]));
    },
  );
  const port = await listening(t, server);
  t.after(() => {
    server.closeAllConnections();
  });
  return { port, server };
}

function clientOf(t: TestContext, admits: Admits = () => true): Client {
  const client = new Client([authority.certificate], admits);
  t.after(() => {
    client.close();
  });
  return client;
}

function body(answer: Answer): unknown {
  assert.equal(answer.kind, 'response', JSON.stringify(answer));
  return JSON.parse((answer as { body: string }).body);
}

function why(answer: Answer): string {
  return answer.kind === 'unreachable' ? answer.why : `an answer: ${answer.body}`;
}

for (const guarded of [false, true]) {
  const kind = guarded ? 'a guarded' : 'an unguarded';

  test(`${kind} call tells a server its own name, and keeps connections of names apart`, async (t) => {
    const { port } = await servers(t);
    const client = clientOf(t);
    const ask = async (name: string): Promise<unknown> =>
      body(await client.call(call(`https://127.0.0.1:${port}/x`, { peer: peer(name), guarded })));
    assert.deepEqual(await ask('a.test'), ['a.test', 'a.test:8448', '/x', 0]);
    assert.deepEqual(await ask('b.test'), ['b.test', 'b.test:8448', '/x', 1]);
    assert.deepEqual(await ask('a.test'), ['a.test', 'a.test:8448', '/x', 0]);
    const address = { host: '127.0.0.1', sni: null };
    const byAddress = await client.call(call(`https://127.0.0.1:${port}/x`, { peer: address, guarded }));
    assert.deepEqual(body(byAddress), [false, '127.0.0.1', '/x', 2]);
  });

  test(`${kind} call trusts a certificate for the name, not for the address`, async (t) => {
    const { port } = await servers(t);
    const client = clientOf(t);
    const ask = (url: string, to: Peer): Promise<Answer> => client.call(call(url, { peer: to, guarded }));
    const stranger = await ask(`https://127.0.0.1:${port}/`, peer('stranger.test'));
    const nameless = await ask(`https://localhost:${port}/`, { host: 'localhost', sni: null });
    for (const answer of [stranger, nameless]) {
      assert.match(why(answer), /: its certificate is not trusted/);
    }
  });

  test(`${kind} call's path goes out byte for byte`, async (t) => {
    const { port } = await servers(t);
    const client = clientOf(t);
    const paths = ["/a%21b$!'()*,;:@=+%2F%2f%7e~|^`?q=%20!'$[]{}", '/a/../b/%2e%2e//c', '?query'];
    const sent = await Promise.all(
      paths.map((path) =>
        client.call(call(`https://127.0.0.1:${port}${path}#fragment`, { peer: peer('a.test'), guarded })),
      ),
    );
    assert.deepEqual(
      sent.map((answer) => (body(answer) as string[])[2]),
      [...paths.slice(0, 2), '/?query'],
    );
  });
}

test('what could be read in two ways is no web address', async (t) => {
  const client = clientOf(t);
  for (const url of [
    'https://a.test/ü',
    'https://a.test/a b',
    'https://a.test\\b',
    'ftp://a.test/',
    'https:a',
  ])
    assert.deepEqual(await client.call(call(url)), {
      kind: 'unreachable',
      why: 'its address is not a web address',
    });
});

/** Counts connections, and what comes on them. */
async function silent(
  t: TestContext,
): Promise<{ port: number; seen: { connections: number; bytes: number } }> {
  const seen = { connections: 0, bytes: 0 };
  const server = createRawServer((socket) => {
    seen.connections++;
    socket.on('data', ({ length }) => (seen.bytes += length));
    socket.on('error', () => undefined);
  });
  return { port: await listening(t, server), seen };
}

test('an address that is not admitted is not connected to, as such or by a name', async (t) => {
  const { port, seen } = await silent(t);
  const asked: string[] = [];
  const client = clientOf(t, (address) => {
    asked.push(address);
    return false;
  });
  for (const scheme of ['http', 'https'])
    for (const host of ['127.0.0.1', 'localhost', '[::1]'])
      assert.deepEqual(await client.call(call(`${scheme}://${host}:${port}/`, { guarded: true })), {
        kind: 'unreachable',
        why: `${host}:${port}: ${notAdmitted}`,
      });
  assert.deepEqual(seen, { connections: 0, bytes: 0 });
  assert.deepEqual(
    [...new Set(asked)].filter((address) => !['127.0.0.1', '::1'].includes(address)),
    [],
  );
});

test('an address that turns out not to be admitted once it is connected to gets not a byte', async (t) => {
  const { port, seen } = await silent(t);
  let asked = 0;
  // Admits what was looked up, then takes it back: as if the runtime had gone elsewhere.
  const client = clientOf(t, () => asked++ === 0);
  const answer = await client.call(
    call(`https://127.0.0.1:${port}/`, { peer: peer('a.test'), guarded: true }),
  );
  assert.deepEqual(answer, { kind: 'unreachable', why: `127.0.0.1:${port}: ${notAdmitted}` });
  while (seen.connections === 0) await new Promise(setImmediate);
  assert.deepEqual([asked, seen.bytes], [2, 0]);
});

test('a guarded call uses no connection that was made without guard', async (t) => {
  const { port } = await servers(t);
  const client = clientOf(t, () => false);
  const to = { peer: peer('a.test') };
  const url = `https://127.0.0.1:${port}/`;
  assert.equal((await client.call(call(url, to))).kind, 'response');
  assert.equal((await client.call(call(url, { ...to, guarded: true }))).kind, 'unreachable');
  const plain = await listening(
    t,
    createPlainServer((_, response) => response.end('{}')),
  );
  assert.equal((await client.call(call(`http://127.0.0.1:${plain}/`))).kind, 'response');
  assert.equal(
    (await client.call(call(`http://127.0.0.1:${plain}/`, { guarded: true }))).kind,
    'unreachable',
  );
});

test('a guarded call that is admitted works without TLS too, and keeps its connection', async (t) => {
  let connections = 0;
  const server = createPlainServer((request, response) => response.end(JSON.stringify(request.headers.host)));
  server.on('connection', () => connections++);
  const port = await listening(t, server);
  const client = clientOf(t);
  for (let times = 0; times < 3; times++) {
    const answer = await client.call(call(`http://localhost:${port}/`, { guarded: true }));
    assert.equal(body(answer), `localhost:${port}`);
  }
  assert.equal(connections, 1);
});

test('what cannot be reached is said as ever', async (t) => {
  const client = clientOf(t);
  const guarded = { peer: peer('a.test'), guarded: true };
  assert.deepEqual(await client.call(call('https://127.0.0.1:1/', guarded)), {
    kind: 'unreachable',
    why: '127.0.0.1:1: nothing answers there (connection refused)',
  });
  const { port } = await silent(t);
  const answer = await client.call(call(`https://127.0.0.1:${port}/`, { ...guarded, timeout: 50 }));
  assert.deepEqual(answer, { kind: 'unreachable', why: `127.0.0.1:${port}: no answer within 0.05 s` });
});

test("an authority that is not the administrator's is not trusted", async (t) => {
  const { port } = await servers(t);
  const client = new Client([new Authority('another').certificate], () => true);
  t.after(() => {
    client.close();
  });
  const answer = await client.call(
    call(`https://127.0.0.1:${port}/`, { peer: peer('a.test'), guarded: true }),
  );
  assert.match(why(answer), /: its certificate is not trusted/);
});

test("through the engine's client no Matrix server is called, and it is said why", async () => {
  const transport = new EngineTransport({} as never);
  for (const more of [{ guarded: true }, { peer: peer('a.test') }]) {
    const answer = await transport.call(call('https://example.org/', more));
    assert.match(why(answer), /^through Rocket\.Chat's own client no other Matrix server/);
  }
});
