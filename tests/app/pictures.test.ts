/** Pictures on their way, between two servers that are only pretended. */

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import { api } from '../../app/endpoints.ts';
import { Client } from '../../app/host/client.ts';
import { largestImage } from '../../app/host/image.ts';
import { pictureLimits, Pictures } from '../../app/host/pictures.ts';
import { Site } from '../../app/host/site.ts';
import { EngineTransport } from '../../app/host/transport.ts';
import { Listener } from '../../app/listener.ts';
import { Log } from '../../app/log.ts';
import type { Call } from '../../app/protocol.ts';

const dot = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const png = { type: 'image/png', bytes: new Uint8Array(dot) };

interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A server that notes what it is asked, and answers as it is told. */
async function server(t: TestContext, answer: (asked: Asked, response: ServerResponse) => void) {
  const asked: Asked[] = [];
  const http = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(parts) };
      asked.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return { asked, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

function call(url: string, method = 'GET'): Call {
  return {
    method,
    url,
    authorization: 'Bearer secret',
    peer: null,
    guarded: false,
    body: null,
    timeout: 5000,
  };
}

function parts(t: TestContext, access = { address: '', user: '', token: '' }, allowed = pictureLimits) {
  const lines: string[] = [];
  const client = new Client([], () => true);
  t.after(() => {
    client.close();
  });
  const site = new Site(() => client, new Log((line) => lines.push(line)));
  site.access = access;
  return { site, pictures: new Pictures(() => client, site, allowed), lines };
}

const send = (response: ServerResponse, type: string, bytes: Uint8Array = dot, status = 200): void => {
  response.writeHead(status, { 'Content-Type': type }).end(bytes);
};

test('a picture that many want at once is fetched once, and then kept', async (t) => {
  const media = await server(t, (_, response) => {
    send(response, 'image/png; charset=binary');
  });
  const { pictures } = parts(t);
  const request = call(`${media.url}/a`);
  const all = await Promise.all([1, 2, 3].map(() => pictures.get(request)));
  for (const image of [...all, await pictures.get(request)]) assert.deepEqual(image, png);
  assert.equal(media.asked.length, 1);
  assert.equal(media.asked[0]?.headers.authorization, 'Bearer secret');
  assert.equal(media.asked[0].headers.accept, 'image/*');
});

test('what is kept has an end: who was not asked for longest goes', async (t) => {
  const media = await server(t, (_, response) => {
    send(response, 'image/gif');
  });
  const { pictures } = parts(t, undefined, { keptBytes: 2 * dot.length, atOnce: 1 });
  for (const path of ['a', 'b', 'a', 'c', 'a', 'b']) await pictures.get(call(`${media.url}/${path}`));
  assert.deepEqual(
    media.asked.map(({ url }) => url),
    ['/a', '/b', '/c', '/b'],
  );
  const busy = pictures.get(call(`${media.url}/d`));
  await assert.rejects(pictures.get(call(`${media.url}/e`)), /too many/);
  await busy;
});

test('what is no picture is none, and is asked for again', async (t) => {
  const wrong: [string, Uint8Array, number][] = [
    ['image/svg+xml', Buffer.from('<svg/>'), 200],
    ['text/html', Buffer.from('<script>'), 200],
    ['image/png', dot, 404],
    ['image/png', new Uint8Array(), 200],
  ];
  const media = await server(t, (_, response) => {
    const [type, bytes, status] = wrong[0] ?? assert.fail();
    send(response, type, bytes, status);
  });
  const { pictures } = parts(t);
  while (wrong.length > 0) {
    assert.equal(await pictures.get(call(media.url)), undefined);
    wrong.shift();
  }
  wrong.push(['image/png', new Uint8Array(largestImage + 1), 200]);
  await assert.rejects(pictures.get(call(media.url)), /too large/);
  wrong[0] = ['image/png', dot, 502];
  await assert.rejects(pictures.get(call(media.url)), /answered 502/);
  wrong[0] = ['image/png', dot, 200];
  assert.deepEqual(await pictures.get(call(media.url)), png);
});

test("people's pictures are told apart, from initials and from each other", async (t) => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  const answers: Record<string, (response: ServerResponse, asked: Asked) => void> = {
    '/avatar/al%20ice': (response, { headers }) => {
      if (headers['if-modified-since'] === date) response.writeHead(304).end();
      else response.writeHead(200, { 'Content-Type': 'image/jpeg', 'Last-Modified': date }).end(dot);
    },
    '/avatar/undated': (response) => {
      send(response, 'image/png');
    },
    '/avatar/initials': (response) => {
      send(response, 'image/svg+xml', Buffer.from('<svg/>'));
    },
    '/avatar/broken': (response) => {
      send(response, 'text/html', dot, 500);
    },
  };
  const workspace = await server(t, (asked, response) => answers[asked.url]?.(response, asked));
  const { site, lines } = parts(t, { address: workspace.url, user: '', token: '' });
  const picture = { kind: 'picture', version: date };
  assert.deepEqual(await site.avatar('al ice', null), picture);
  assert.deepEqual(await site.avatar('al ice', date), picture);
  assert.equal(workspace.asked[1]?.headers['if-modified-since'], date);
  assert.equal(workspace.asked[1].headers.cookie, undefined);
  const undated = await site.avatar('undated', null);
  assert.deepEqual(
    await site.avatar('undated', undated.kind === 'picture' ? undated.version : null),
    undated,
  );
  assert.deepEqual(await site.avatar('initials', null), { kind: 'initials' });
  assert.deepEqual(await site.avatar('broken', null), { kind: 'unknown' });
  assert.deepEqual(lines, []);
  site.access = { address: 'http://127.0.0.1:9', user: 'u', token: 'secret-token' };
  for (let round = 0; round < 2; round++) assert.deepEqual(await site.avatar('x', null), { kind: 'unknown' });
  assert.equal(lines.length, 1);
  assert.match(lines.join(), /do not reach Matrix: .*refused/);
  assert.doesNotMatch(lines.join(), /secret/);
});

test('a picture goes from the workspace to a server', async (t) => {
  const workspace = await server(t, (_, response) => {
    send(response, 'image/webp');
  });
  const homeserver = await server(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"content_uri":"mxc://x/y"}');
  });
  const { pictures } = parts(t, { address: workspace.url, user: 'uid', token: 'secret' });
  const to = { kind: 'server', request: call(`${homeserver.url}/upload`, 'POST') } as const;
  const answer = await pictures.carry({ kind: 'user', username: 'alice' }, to);
  assert.deepEqual(answer.kind === 'response' && [answer.status, answer.body], [
    200,
    '{"content_uri":"mxc://x/y"}',
  ]);
  const [asked] = homeserver.asked;
  assert.deepEqual([asked?.method, asked?.headers['content-type']], ['POST', 'image/webp']);
  assert.deepEqual(asked?.body, dot);
  // Where pictures are for those who are signed in only, the account is.
  assert.equal(workspace.asked[0]?.headers.cookie, 'rc_uid=uid; rc_token=secret');
});

test('a picture goes from a server to an account, and what is none is said to be none', async (t) => {
  let type = 'image/png';
  const media = await server(t, (_, response) => {
    send(response, type);
  });
  const workspace = await server(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"success":true}');
  });
  const { pictures, site } = parts(t, { address: workspace.url, user: 'uid', token: 'secret' });
  const from = { kind: 'server', request: call(media.url) } as const;
  const to = { kind: 'user', username: 'bob:far.test' } as const;
  const answer = await pictures.carry(from, to);
  assert.equal(answer.kind === 'response' && answer.status, 200);
  const [asked] = workspace.asked;
  assert.deepEqual(
    [asked?.url, asked?.headers['x-user-id'], asked?.headers['x-auth-token']],
    ['/api/v1/users.setAvatar', 'uid', 'secret'],
  );
  const headers = { 'content-type': asked?.headers['content-type'] ?? '' };
  const form = await new Response(new Uint8Array(asked?.body ?? []), { headers }).formData();
  assert.equal(form.get('username'), 'bob:far.test');
  const image = form.get('image');
  assert.ok(image instanceof File);
  assert.equal(image.type, 'image/png');
  assert.deepEqual(Buffer.from(await image.arrayBuffer()), dot);
  type = 'image/svg+xml';
  const none = await pictures.carry(from, to);
  assert.equal(none.kind === 'response' && none.status, 415);
  assert.equal(workspace.asked.length, 1);
  await site.rest('users.update', '{"userId":"x"}');
  assert.deepEqual(
    [workspace.asked[1]?.url, workspace.asked[1]?.body.toString()],
    ['/api/v1/users.update', '{"userId":"x"}'],
  );
});

test("bytes go through the engine's client too", async () => {
  const sent: unknown[] = [];
  const reply = { statusCode: 200, headers: { 'content-type': 'image/png' }, content: dot };
  const http = {
    post: (url: string, options: { content: unknown; encoding: unknown }) => {
      sent.push(url, options.content, options.encoding);
      return Promise.resolve(reply);
    },
  };
  const transport = new EngineTransport(http as never);
  const { status, bytes } = await transport.carry(call('http://x/', 'POST'), { body: dot }, 1000);
  assert.deepEqual([status, Buffer.from(bytes)], [200, dot]);
  assert.deepEqual(sent, ['http://x/', dot, null]);
  await assert.rejects(transport.carry(call('http://x/', 'POST'), {}, 10), /too large/);
});

test('browsers get pictures through both ways in, may keep them, and run nothing of them', async (t) => {
  const listener = new Listener(() => Promise.resolve(png), new Log(() => undefined));
  await listener.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => listener.close());
  const answer = await fetch(`http://127.0.0.1:${String(listener.port)}/avatar/x/y/z`);
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), dot);
  const expected = {
    'Content-Type': 'image/png',
    'Cache-Control': 'public, max-age=31536000, immutable',
    'Content-Security-Policy': "default-src 'none'",
    'X-Content-Type-Options': 'nosniff',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(answer.headers.get(name), value);

  const asked: string[] = [];
  const { endpoints } = api({
    take: () => undefined,
    answer: ({ uri }) => {
      asked.push(uri);
      return Promise.resolve(png);
    },
    download: () => Promise.reject(new Error('nothing to download')),
  });
  const endpoint = endpoints.find(({ path }) => path.startsWith('avatar/'));
  const request = {
    method: 'get',
    headers: {},
    query: {},
    params: { server: 'far.test:8448', media: 'm', mark: 'k' },
  };
  const given = await endpoint?.get?.(
    request as never,
    {} as never,
    {} as never,
    {} as never,
    {} as never,
    {} as never,
  );
  assert.deepEqual(given, { status: 200, headers: expected, content: dot });
  assert.deepEqual(asked, ['/avatar/far.test%3A8448/m/k']);
});
