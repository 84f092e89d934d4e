/** Both ways of calling another server. */

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createRawServer, type AddressInfo, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';

import { Client } from '../../app/host/client.ts';
import { EngineTransport, largestAnswer, retryAfter } from '../../app/host/transport.ts';
import type { Call } from '../../app/protocol.ts';

async function listening(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serving(t: TestContext, answer: RequestListener): Promise<string> {
  return listening(t, createServer(answer));
}

function clientOf(t: TestContext): Client {
  const client = new Client([], () => true);
  t.after(() => {
    client.close();
  });
  return client;
}

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

test('sends what it is told and gives any status back', async (t) => {
  const seen: unknown[] = [];
  const url = await serving(t, (request, response) => {
    request.setEncoding('utf8').on('data', (body) => {
      const { method, url: path, headers } = request;
      seen.push([
        method,
        path,
        headers.authorization,
        headers['content-type'],
        headers['content-length'],
        body,
      ]);
    });
    request.on('end', () => {
      response.sendDate = false;
      response
        .writeHead(404, { 'Retry-After': '1.5', 'Cache-Control': 'max-age=60', Location: '/elsewhere' })
        .end('{"errcode":"M_NOT_FOUND"}');
    });
  });
  const put = call(`${url}/a%2Fb?c=%20`, { method: 'PUT', authorization: 'Bearer secret', body: '{"ü":1}' });
  assert.deepEqual(await clientOf(t).call(put), {
    kind: 'response',
    status: 404,
    body: '{"errcode":"M_NOT_FOUND"}',
    retryAfter: 1500,
    cacheControl: 'max-age=60',
    location: '/elsewhere',
    ahead: null,
  });
  assert.deepEqual(seen, [['PUT', '/a%2Fb?c=%20', 'Bearer secret', 'application/json', '8', '{"ü":1}']]);
});

test("how far the other side's clock is ahead", async (t) => {
  const url = await serving(t, (_, response) => {
    response.setHeader('Date', new Date(Date.now() + 90_000).toUTCString()).end('{}');
  });
  const answer = await clientOf(t).call(call(url));
  assert.ok(answer.kind === 'response' && answer.ahead !== null);
  // The header holds whole seconds.
  assert.ok(answer.ahead > 80_000 && answer.ahead <= 90_000, String(answer.ahead));
});

test('characters cut in two by the network are put together', async (t) => {
  const bytes = Buffer.from('"🌍"');
  const url = await serving(t, (_, response) => {
    response.write(bytes.subarray(0, 3));
    setImmediate(() => response.end(bytes.subarray(3)));
  });
  const answer = await clientOf(t).call(call(url));
  assert.equal(answer.kind === 'response' && answer.body, '"🌍"');
});

test('no answer in time is said so, in plain words and without the address', async (t) => {
  const url = await serving(t, () => undefined);
  const answer = await clientOf(t).call(call(`${url}/x?token=secret`, { timeout: 50 }));
  assert.deepEqual(answer, { kind: 'unreachable', why: `${new URL(url).host}: no answer within 0.05 s` });
});

test('an answer that never ends counts as none', async (t) => {
  const url = await serving(t, (_, response) => response.writeHead(200).write('{'));
  const answer = await clientOf(t).call(call(url, { timeout: 100 }));
  assert.equal(answer.kind, 'unreachable');
});

test('nobody there', async (t) => {
  const answer = await clientOf(t).call(call('http://127.0.0.1:1/x'));
  assert.deepEqual(answer, {
    kind: 'unreachable',
    why: '127.0.0.1:1: nothing answers there (connection refused)',
  });
  assert.deepEqual(await clientOf(t).call(call('nonsense')), {
    kind: 'unreachable',
    why: 'its address is not a web address',
  });
});

test('an answer broken off in the middle is none', async (t) => {
  const url = await serving(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': '10' }).write('12');
    setImmediate(() => response.destroy());
  });
  assert.equal((await clientOf(t).call(call(url))).kind, 'unreachable');
});

test('an answer too large for memory is refused', async (t) => {
  const url = await serving(t, (_, response) => response.end(Buffer.alloc(largestAnswer + 1)));
  const refused = { kind: 'unreachable', why: `${new URL(url).host}: the answer is too large` };
  assert.deepEqual(await clientOf(t).call(call(url)), refused);
  const small = await serving(t, (_, response) => response.end(Buffer.alloc(9)));
  assert.equal((await clientOf(t).call(call(small), 9)).kind, 'response');
  assert.equal((await clientOf(t).call(call(small), 8)).kind, 'unreachable');
});

test('a kept connection that the server closed meanwhile is no failure', async (t) => {
  let requests = 0;
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined);
    let here = 0;
    socket.on('data', () => {
      requests++;
      // The second request on a connection finds it closed.
      if (here++ > 0) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}');
    });
  });
  const url = await listening(t, server);
  const client = clientOf(t);
  for (let times = 0; times < 3; times++) assert.equal((await client.call(call(url))).kind, 'response');
  assert.ok(requests > 3, 'a connection was used a second time');
});

test('Retry-After in seconds or as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfter(null, now), null);
  assert.equal(retryAfter('', now), null);
  assert.equal(retryAfter('soon', now), null);
  assert.equal(retryAfter('30', now), 30_000);
  assert.equal(retryAfter('-1', now), 0);
  assert.equal(retryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000);
});

test("the engine's client is asked in its own way", async () => {
  const asked: unknown[] = [];
  const http = {
    put: (url: string, options: unknown) => {
      asked.push([url, options]);
      return Promise.resolve({
        url,
        method: 'put',
        statusCode: 429,
        headers: { 'retry-after': '3', 'cache-control': 'no-cache' },
        content: '{}',
      });
    },
  };
  const put = call('https://example.org/x', { method: 'PUT', authorization: 'Bearer secret', body: '{}' });
  assert.deepEqual(await new EngineTransport(http as never).call(put), {
    kind: 'response',
    status: 429,
    body: '{}',
    retryAfter: 3000,
    cacheControl: 'no-cache',
    location: null,
    ahead: null,
  });
  const headers = {
    Accept: 'application/json',
    'Content-Type': 'application/json',
    Authorization: 'Bearer secret',
  };
  assert.deepEqual(asked, [['https://example.org/x', { headers, timeout: 5000, content: '{}' }]]);
});

test("the engine's errors lose the address", async () => {
  const get = (url: string) => Promise.reject(new Error(`request to ${url} failed, reason: no route`));
  const answer = await new EngineTransport({ get } as never).call(
    call('https://example.org/x?user_id=secret'),
  );
  assert.deepEqual(answer, { kind: 'unreachable', why: 'request to the address failed, reason: no route' });
});

test("the engine's client that never answers", async () => {
  const get = () => new Promise(() => undefined);
  const answer = await new EngineTransport({ get } as never).call(
    call('https://example.org/', { timeout: 20 }),
  );
  assert.equal(answer.kind, 'unreachable');
});
