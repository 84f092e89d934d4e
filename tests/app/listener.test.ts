/** The listener under good and bad requests, and its fight for a port. */

import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import type { Arrived } from '../../app/inputs/request.ts';
import { Listener, limits } from '../../app/listener.ts';
import { Log } from '../../app/log.ts';
import type { Reply } from '../../app/protocol.ts';

const host = '127.0.0.1';
const echo = ({ method, uri, authorization, body }: Arrived): Promise<Reply> =>
  Promise.resolve({ status: 200, body: JSON.stringify([method, uri, authorization, body.length]) });

interface Lines {
  log: Log;
  lines: string[];
}

function logging(): Lines {
  const lines: string[] = [];
  return { log: new Log((line) => lines.push(line)), lines };
}

async function started(
  t: TestContext,
  answer: (request: Arrived) => Promise<Reply> = echo,
  allowed: Partial<typeof limits> = {},
  knock?: (head: { authorization: string[] }) => Promise<Reply | undefined>,
): Promise<{ url: string; port: number; listener: Listener } & Lines> {
  const { log, lines } = logging();
  const listener = new Listener(answer, log, { ...limits, ...allowed }, knock);
  await listener.listen({ host, port: 0 });
  t.after(() => listener.close());
  const port = listener.port ?? 0;
  return { url: `http://${host}:${port}`, port, listener, log, lines };
}

/** Sends text as it is; gives the answer as it is. */
function whole(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write(text));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/** The same, but only the answer's first line. */
async function raw(port: number, text: string): Promise<string> {
  return (await whole(port, text)).split('\r\n')[0] ?? '';
}

test('hands over the raw address, the authorization and the body', async (t) => {
  const { url } = await started(t);
  const response = await fetch(`${url}/a%2Fb?c=%20d`, {
    method: 'PUT',
    headers: { authorization: 'Bearer x' },
    body: Buffer.alloc(5_000_000),
  });
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.deepEqual(await response.json(), ['PUT', '/a%2Fb?c=%20d', ['Bearer x'], 5_000_000]);
  assert.deepEqual(await (await fetch(url)).json(), ['GET', '/', [], 0]);
});

test('hands over every authorization there is, in order, and the address as it was sent', async (t) => {
  const { port } = await started(t);
  const head = [
    'GET /a/../%21!$?q HTTP/1.1',
    'Host: x',
    'Authorization: X-Matrix one',
    'AUTHORIZATION: X-Matrix two',
  ];
  const answer = await whole(port, `${head.join('\r\n')}\r\n\r\n`);
  assert.deepEqual(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), [
    'GET',
    '/a/../%21!$?q',
    ['X-Matrix one', 'X-Matrix two'],
    0,
  ]);
});

test('a body over the limit is refused, whether announced or not', async (t) => {
  const { url, port } = await started(t, echo, { bodyBytes: 1000 });
  const announced = await fetch(url, { method: 'PUT', body: Buffer.alloc(1001) });
  assert.equal(announced.status, 413);
  assert.deepEqual(await announced.json(), { errcode: 'M_TOO_LARGE', error: 'The body is too large' });
  const chunks = `3e9\r\n${'x'.repeat(1001)}\r\n`;
  const head = 'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(await raw(port, head + chunks), 'HTTP/1.1 413 Payload Too Large');
  assert.equal((await fetch(url, { method: 'PUT', body: Buffer.alloc(1000) })).status, 200);
});

test('what is held at a time is bounded, and given back', async (t) => {
  const waiting: (() => void)[] = [];
  const { url } = await started(
    t,
    async (request) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return echo(request);
    },
    { heldBytes: 1500, requests: 2 },
  );
  const put = () => fetch(url, { method: 'PUT', body: Buffer.alloc(1000) });
  const first = put();
  while (waiting.length === 0) await new Promise(setImmediate);
  assert.equal((await put()).status, 503);
  for (const go of waiting.splice(0)) go();
  assert.equal((await first).status, 200);
  const again = put();
  while (waiting.length === 0) await new Promise(setImmediate);
  for (const go of waiting.splice(0)) go();
  assert.equal((await again).status, 200);
});

test('a core that fails gives 500, says why in the log only, and goes on', async (t) => {
  let fails = true;
  const { url, lines } = await started(t, (request) =>
    fails ? Promise.reject(new Error('boom')) : echo(request),
  );
  const response = await fetch(url, { method: 'PUT', body: '{}' });
  assert.equal(response.status, 500);
  assert.equal((await response.text()).includes('boom'), false);
  assert.equal(lines.length, 1);
  fails = false;
  assert.equal((await fetch(url)).status, 200);
});

test('what is not HTTP gets 400', async (t) => {
  const { port, url } = await started(t);
  assert.equal(await raw(port, 'nonsense\r\n\r\n'), 'HTTP/1.1 400 Bad Request');
  assert.equal((await fetch(url)).status, 200);
});

test('a sender who goes away in the middle does no harm', async (t) => {
  const { port, url, lines } = await started(t);
  const sending = httpRequest({ host, port, method: 'PUT', headers: { 'content-length': '100' } });
  sending.on('error', () => undefined);
  await new Promise((resolve) => sending.write('{', resolve));
  sending.destroy();
  assert.equal((await fetch(url)).status, 200);
  assert.deepEqual(lines, []);
});

test('a port that is taken is tried for until it is free, with one line in the log', async (t) => {
  const holder = createServer().listen(0, host);
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as AddressInfo;
  const { log, lines } = logging();
  const listener = new Listener(echo, log, { ...limits, againMs: 20 });
  t.after(() => listener.close());
  const trials = t.mock.method(listener as unknown as { make(): unknown }, 'make');
  const states = [listener.state];
  await listener.listen({ host, port });
  states.push(listener.state);
  while (trials.mock.callCount() < 3) await new Promise(setImmediate);
  await new Promise((resolve) => holder.close(resolve));
  while (listener.port === undefined) await new Promise(setImmediate);
  states.push(listener.state);
  assert.deepEqual(states, [
    { kind: 'off' },
    { kind: 'taken', host, port },
    { kind: 'listening', host, port },
  ]);
  assert.deepEqual(lines, [`Matrix Federation: port ${port} is taken; trying until it is free`]);
  assert.equal((await fetch(`http://${host}:${port}`)).status, 200);
});

test('giving up on a taken port is for good', async (t) => {
  const holder = createServer().listen(0, host);
  t.after(() => holder.close());
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as AddressInfo;
  const listener = new Listener(echo, logging().log);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await listener.listen({ host, port });
  await listener.close();
  const trials = t.mock.method(listener as unknown as { make(): unknown }, 'make');
  t.mock.timers.tick(limits.againMs * 10);
  assert.equal(trials.mock.callCount(), 0);
});

test('an address that is not ours is said to be wrong, once, and tried for all the same', async (t) => {
  const { log, lines } = logging();
  const listener = new Listener(echo, log, { ...limits, errorMs: 20 });
  t.after(() => listener.close());
  const trials = t.mock.method(listener as unknown as { make(): unknown }, 'make');
  await listener.listen({ host: '192.0.2.1', port: 3300 });
  while (trials.mock.callCount() < 3) await new Promise(setImmediate);
  assert.equal(listener.state.kind, 'failed');
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /cannot listen on 192\.0\.2\.1:3300: .*Change the address or port/);
});

test('closing cuts what is under way and frees the port', async (t) => {
  const { url, listener, port } = await started(t, () => new Promise(() => undefined));
  const hanging = fetch(url);
  const cut = assert.rejects(hanging);
  while (!(await connections(listener))) await new Promise(setImmediate);
  await listener.close();
  await cut;
  await listener.listen({ host, port });
  assert.equal(listener.port, port);
});

test('an error after binding is said and does no harm', async (t) => {
  const { url, listener, lines } = await started(t);
  const { server } = listener as unknown as { server: ReturnType<typeof createServer> };
  server.emit('error', new Error('EMFILE'));
  assert.deepEqual(lines, ['Matrix Federation: the listener: EMFILE']);
  assert.equal((await fetch(url)).status, 200);
});

test('listening anew ends what was before, and a close meanwhile wins', async (t) => {
  const { port, listener } = await started(t);
  await listener.listen({ host, port: 0 });
  assert.notEqual(listener.port, port);
  await assert.rejects(fetch(`http://${host}:${port}`));
  await Promise.all([listener.listen({ host, port }), listener.close()]);
  assert.equal(listener.port, undefined);
  await assert.rejects(fetch(`http://${host}:${port}`));
});

async function connections(listener: Listener): Promise<boolean> {
  const { server } = listener as unknown as { server: ReturnType<typeof createServer> };
  return new Promise((resolve) => {
    server.getConnections((_, count) => {
      resolve(count > 0);
    });
  });
}

/** Lets in who says so; counts how often it was asked. */
function door() {
  const asked: string[][] = [];
  const knock = ({ authorization }: { authorization: string[] }): Promise<Reply | undefined> => {
    asked.push(authorization);
    const refusal = { status: 403, body: '{"errcode":"M_FORBIDDEN"}' };
    return Promise.resolve(authorization[0] === 'Bearer right' ? undefined : refusal);
  };
  return { asked, knock };
}

test('a stranger is refused before anything large is read', async (t) => {
  const { asked, knock } = door();
  const { url, port } = await started(t, echo, {}, knock);
  const put = (token: string, size: number) =>
    fetch(url, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: Buffer.alloc(size),
    });
  // Nothing of the body is sent, and the answer comes all the same.
  const head = 'PUT / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 5000000\r\n\r\n';
  const answer = await whole(port, head);
  assert.match(answer, /^HTTP\/1.1 403 Forbidden\r\n/);
  assert.match(answer, /Connection: close/i);
  assert.match(answer, /M_FORBIDDEN/);
  const chunked = 'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(await raw(port, chunked), 'HTTP/1.1 403 Forbidden');
  assert.equal((await put('right', 5_000_000)).status, 200);
  assert.equal(asked.length, 3);
  // What is small is read at once, and judged as a whole.
  assert.equal((await put('wrong', 64 * 1024)).status, 200);
  assert.equal(asked.length, 3);
});

test('who leaves while the core is asked leaves nothing behind', async (t) => {
  let asked!: () => void;
  const knocked = new Promise<void>((resolve) => (asked = resolve));
  let decide!: () => void;
  const decided = new Promise<undefined>((resolve) => {
    decide = () => {
      resolve(undefined);
    };
  });
  const { port, url, listener, lines } = await started(t, echo, { requests: 1 }, () => {
    asked();
    return decided;
  });
  const socket = connect({ host, port }, () =>
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nabc'),
  );
  await knocked;
  socket.destroy();
  while (await connections(listener)) await new Promise(setImmediate);
  decide();
  let status = 503;
  while (status === 503) status = (await fetch(url)).status;
  assert.equal(status, 200);
  assert.deepEqual(lines, []);
});
