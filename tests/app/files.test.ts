/** Files on their way, between a workspace and servers that are only pretended. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import { api } from '../../app/endpoints.ts';
import { Client } from '../../app/host/client.ts';
import { Files } from '../../app/host/files.ts';
import { sizeOf } from '../../app/host/image.ts';
import { Site } from '../../app/host/site.ts';
import { EngineTransport, type Transport } from '../../app/host/transport.ts';
import { Listener } from '../../app/listener.ts';
import { Log } from '../../app/log.ts';
import { Passage } from '../../app/passage.ts';
import type { Answer, Call } from '../../app/protocol.ts';
import { png } from '../e2e/png.ts';

const MB = 1024 * 1024;

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

async function server(t: TestContext, answer: Answering): Promise<string> {
  const http = createServer(answer);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
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

function client(t: TestContext): Client {
  const own = new Client([], () => true);
  t.after(() => {
    own.close();
  });
  return own;
}

interface Upload {
  name: string;
  bytes: Buffer;
  room: string;
  user: string;
}

/** The engine as far as files go. */
function workspace(files: Record<string, { bytes: Buffer; size?: number }> = {}, patience?: number) {
  const uploads: Upload[] = [];
  const state = { refuse: '', silent: false, busy: 0, most: 0, reads: 0 };
  const reader = {
    getById: (id: string) => {
      const file = files[id];
      return Promise.resolve(file && { id, size: file.size ?? file.bytes.length });
    },
    getBufferById: (id: string) => {
      state.reads++;
      if (state.silent) return new Promise<never>(() => undefined);
      return Promise.resolve(files[id]?.bytes);
    },
  };
  const uploadBuffer = async (
    bytes: Buffer,
    { filename, room, user }: { filename: string; room: { id: string }; user: { username: string } },
  ) => {
    if (state.silent) return new Promise<never>(() => undefined);
    state.most = Math.max(state.most, ++state.busy);
    await new Promise((resolve) => setImmediate(resolve));
    state.busy--;
    if (state.refuse !== '') throw new Error(state.refuse);
    uploads.push({ name: filename, bytes, room: room.id, user: user.username });
    return { id: `upload${uploads.length}` };
  };
  const accessors = {
    read: {
      getUploadReader: () => reader,
      getRoomReader: () => ({
        getById: (id: string) => Promise.resolve({ id }),
        getMessages: () =>
          Promise.resolve(
            uploads.map((_, at) => ({ id: `message${at + 1}`, file: { _id: `upload${at + 1}` } })),
          ),
      }),
      getUserReader: () => ({ getByUsername: (username: string) => Promise.resolve({ username }) }),
    },
    writing: () =>
      Promise.resolve({ modify: { getCreator: () => ({ getUploadCreator: () => ({ uploadBuffer }) }) } }),
  };
  return { files: new Files(accessors as never, patience), uploads, state };
}

const status = (answer: Answer): number => (answer.kind === 'response' ? answer.status : 0);
const body = (answer: Answer): Record<string, unknown> =>
  JSON.parse(answer.kind === 'response' ? answer.body : '{}') as Record<string, unknown>;

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

function kept(id: string, mediaType = 'application/octet-stream') {
  return { kind: 'upload', id, mediaType, streamed: null } as const;
}

const room = { kind: 'room', room: 'general', sender: 'bob:far.test', name: 'a.bin', most: MB } as const;

test('a file goes to the homeserver as it is, and the size of a picture is told', async (t) => {
  const bytes = png([1, 2, 3], 5);
  const { files, state } = workspace({
    picture: { bytes },
    odd: { bytes: Buffer.from('x') },
    huge: { bytes, size: 17 * MB },
  });
  const got: { type: string | undefined; bytes: Buffer }[] = [];
  const url = await server(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      got.push({ type: request.headers['content-type'], bytes: Buffer.concat(parts) });
      response.writeHead(200).end('{"content_uri":"mxc://x/y"}');
    });
  });
  const to = call(url, 'POST');
  assert.deepEqual(body(await files.bring(kept('picture', 'image/png'), to, client(t))), {
    content_uri: 'mxc://x/y',
    w: 5,
    h: 5,
  });
  assert.deepEqual(body(await files.bring(kept('odd'), to, client(t))), { content_uri: 'mxc://x/y' });
  assert.deepEqual(got, [
    { type: 'image/png', bytes },
    { type: 'application/octet-stream', bytes: Buffer.from('x') },
  ]);
  state.reads = 0;
  assert.equal(status(await files.bring(kept('huge'), to, client(t))), 400);
  assert.equal(status(await files.bring(kept('gone'), to, client(t))), 404);
  assert.equal(state.reads, 0, 'what is too large is not read');
  const nobody = await files.bring(kept('picture'), call('http://127.0.0.1:9', 'POST'), client(t));
  assert.equal(nobody.kind, 'unreachable');
});

test('a large file is handed on as it comes, by the account of the settings', async (t) => {
  const size = 64 * MB;
  let asked: IncomingMessage['headers'] = {};
  let sent = 0;
  let most = 0;
  const workspaceUrl = await server(t, ({ url = '', headers }, response) => {
    asked = headers;
    if (url.endsWith('/secret.bin')) response.writeHead(403).end();
    else if (url.endsWith('/gone.bin')) response.writeHead(404).end();
    else if (url.endsWith('/busy.bin')) response.writeHead(502).end('a web page');
    else if (url.endsWith('/moved.bin'))
      response.writeHead(302, { Location: `${workspaceUrl}/store/x` }).end();
    else if (url.endsWith('/broken.bin')) {
      response.writeHead(200, { 'Content-Length': size });
      response.write(Buffer.alloc(MB), () => response.destroy());
    } else {
      response.writeHead(200, { 'Content-Length': size });
      const more = (): void => {
        while (sent < size) {
          sent += 64 * 1024;
          if (!response.write(Buffer.alloc(64 * 1024, 7))) return;
        }
        response.end();
      };
      sent = 0;
      response.on('drain', more);
      more();
    }
  });
  let got = 0;
  const to = await server(t, (request, response) => {
    got = 0;
    request.on('data', (part: Buffer) => {
      got += part.length;
      most = Math.max(most, sent - got);
      // It takes its time.
      request.pause();
      setImmediate(() => request.resume());
    });
    request.on('end', () =>
      response.writeHead(200).end(JSON.stringify({ length: request.headers['content-length'] })),
    );
  });
  const own = client(t);
  const site = new Site(() => own, new Log(() => undefined));
  site.access = { address: workspaceUrl, user: 'me', token: 'sesame' };
  const { files, state } = workspace();
  const bring = (name: string, transport: Transport = own) =>
    files.stream(name, { kept: kept('id', 'video/mp4'), name }, call(to, 'POST'), site, transport);
  const answer = await bring('a b.bin');
  assert.deepEqual([status(answer), body(answer)['length'], got], [200, String(size), size]);
  assert.deepEqual([asked['x-user-id'], asked['x-auth-token']], ['me', 'sesame']);
  assert.ok(most > 0 && most < 16 * MB, `${most} bytes were under way`);
  assert.equal(state.reads, 0);
  assert.deepEqual([status(await bring('moved.bin')), asked['x-auth-token']], [200, undefined]);
  const secret = await bring('secret.bin');
  assert.equal(status(secret), 404);
  assert.match(String(body(secret)['error']), /let that account join the room/);
  assert.equal((await bring('broken.bin')).kind, 'unreachable');
  assert.deepEqual([status(await bring('gone.bin')), status(await bring('busy.bin'))], [404, 503]);
  // The workspace may come back.
  site.access.address = 'http://127.0.0.1:9';
  assert.equal(status(await bring('nobody.bin')), 503);
  // Rocket.Chat's client cannot: that is no fault of the homeserver.
  assert.equal(status(await bring('x', new EngineTransport({} as never))), 404);
});

test('a large file of the homeserver is handed on to the workspace as it comes', async (t) => {
  const size = 64 * MB;
  let sent = 0;
  let most = 0;
  const from = await server(t, ({ url = '' }, response) => {
    if (url === '/gone') response.writeHead(404).end('{"errcode":"M_NOT_FOUND"}');
    else if (url === '/huge') response.writeHead(200, { 'Content-Length': 200 * MB }).write('x');
    else if (url === '/unknown') response.writeHead(200).end('x');
    else if (url === '/broken') {
      response.writeHead(200, { 'Content-Length': size });
      response.write(Buffer.alloc(MB), () => response.destroy());
    } else {
      response.writeHead(200, { 'Content-Length': size, 'Content-Type': 'video/mp4' });
      sent = 0;
      const more = (): void => {
        while (sent < size) {
          sent += 64 * 1024;
          if (!response.write(Buffer.alloc(64 * 1024, 7))) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
    }
  });
  let got = 0;
  let asked: IncomingMessage | undefined;
  let first = '';
  let answer: [number, string] = [200, '{"file":{"_id":"f1"},"success":true}'];
  const workspaceUrl = await server(t, (request, response) => {
    asked = request;
    got = 0;
    request.on('data', (part: Buffer) => {
      if (got === 0) first = part.toString('latin1');
      got += part.length;
      most = Math.max(most, sent - got);
      // It takes its time.
      request.pause();
      setImmediate(() => request.resume());
    });
    if (answer[0] === 413) response.writeHead(413).end();
    else request.on('end', () => response.writeHead(answer[0]).end(answer[1]));
  });
  const own = client(t);
  const site = new Site(() => own, new Log(() => undefined));
  site.access = { address: workspaceUrl, user: 'me', token: 'sesame' };
  const { files } = workspace();
  const to = { kind: 'media', room: 'general', name: 'a "b".mp4', most: 100 * MB } as const;
  const hand = (path: string, transport: Transport = own) =>
    files.hand(path, call(`${from}${path}`), to, site, transport);
  const [film, again] = await Promise.all([hand('/film'), hand('/film')]);
  assert.equal(again, film, 'it comes once');
  assert.deepEqual([status(film), body(film)['file']], [200, { _id: 'f1' }]);
  assert.equal(asked?.url, '/api/v1/rooms.media/general');
  assert.deepEqual([asked.headers['x-user-id'], asked.headers['x-auth-token']], ['me', 'sesame']);
  assert.equal(Number(asked.headers['content-length']), got);
  assert.ok(got > size && got < size + 1000);
  assert.match(first, /name="file"; filename="a %22b%22\.mp4"\r\nContent-Type: video\/mp4\r\n\r\n/);
  assert.ok(most > 0 && most < 16 * MB, `${most} bytes were under way`);

  assert.deepEqual([status(await hand('/gone')), status(await hand('/huge'))], [404, 413]);
  assert.match(String(body(await hand('/unknown'))['error']), /does not say how large/);
  assert.equal(status(await hand('/broken')), 503);
  answer = [403, '{"success":false,"error":"unauthorized"}'];
  const refused = await hand('/film');
  assert.equal(status(refused), 422);
  assert.match(String(body(refused)['error']), /unauthorized \(is the account/);
  answer = [413, ''];
  // Whoever refuses it may break the connection off.
  assert.ok([422, 503].includes(status(await hand('/film'))));
  answer = [502, 'a web page'];
  assert.equal(status(await hand('/film')), 503);
  assert.equal(status(await hand('/film', new EngineTransport({} as never))), 422);
  assert.equal((await files.hand('x', call('http://127.0.0.1:9/x'), to, site, own)).kind, 'unreachable');
});

test('files come one at a time, each once, and the message of each is found', async (t) => {
  const url = await server(t, ({ url = '' }, response) => {
    response.writeHead(200).end(url);
  });
  const { files, uploads, state } = workspace();
  const whose = ['1', '2', '3', '4', '5', '1', '5'];
  const all = await Promise.all(whose.map((one) => files.take(one, call(`${url}/${one}`), room, client(t))));
  assert.equal(uploads.length, 5);
  assert.equal(state.most, 1);
  for (const [at, answer] of all.entries()) {
    const message = String(body(answer)['message']);
    const upload = uploads[Number(message.replace('message', '')) - 1];
    assert.equal(upload?.bytes.toString(), `/${String(whose[at])}`);
    assert.deepEqual([upload.name, upload.room, upload.user], ['a.bin', 'general', 'bob:far.test']);
  }
});

test('a workspace that never answers keeps no other file waiting', async (t) => {
  const url = await server(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(200).end('{}'));
  });
  const { files, state, uploads } = workspace({ picture: { bytes: Buffer.from('x') } }, 50);
  state.silent = true;
  assert.equal(status(await files.take('1', call(url), room, client(t))), 422);
  assert.equal(status(await files.bring(kept('picture'), call(url, 'POST'), client(t))), 404);
  state.silent = false;
  assert.equal(status(await files.take('2', call(url), room, client(t))), 200);
  assert.equal(uploads.length, 1);
});

test('what is too large is not taken in, and each side is heard', async (t) => {
  const { promise: left, resolve: leaves } = deferred();
  const url = await server(t, ({ url }, response) => {
    if (url === '/missing') response.writeHead(404).end('{"errcode":"M_NOT_FOUND"}');
    else if (url === '/small') response.writeHead(200).end('x');
    else {
      // It says nothing of its size, and has no end.
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      };
      response.writeHead(200).on('drain', more).on('close', leaves);
      more();
    }
  });
  const { files, state, uploads } = workspace();
  assert.equal(status(await files.take('1', call(`${url}/endless`), room, client(t))), 413);
  await left;
  const missing = await files.take('2', call(`${url}/missing`), room, client(t));
  assert.deepEqual([status(missing), body(missing)['errcode']], [404, 'M_NOT_FOUND']);
  state.refuse = 'error-invalid-file-type\n  at somewhere';
  const refused = await files.take('3', call(`${url}/small`), room, client(t));
  assert.deepEqual([status(refused), body(refused)['error']], [422, 'error-invalid-file-type']);
  assert.deepEqual(uploads, []);
});

test('a link streams a file of any size, or the part that is wanted, to be saved only', async (t) => {
  const size = 24 * MB;
  const asked: IncomingMessage['headers'][] = [];
  const url = await server(t, ({ headers, url }, response) => {
    asked.push(headers);
    if (url === '/gone') response.writeHead(404, { 'Set-Cookie': 'a=b' }).end('<script>');
    else if (headers.range !== undefined)
      response
        .writeHead(206, {
          'Content-Range': `bytes 1-2/${size}`,
          'Content-Length': 2,
          'Content-Type': 'text/html',
        })
        .end('ab');
    else {
      response.writeHead(200, { 'Content-Length': size, 'Content-Type': 'text/html', 'Set-Cookie': 'a=b' });
      response.end(Buffer.alloc(size, 7));
    }
  });
  let name = 'b\u00e4r";\r\nX: 1.bin';
  const own = client(t);
  const listener = new Listener(
    ({ uri }) => Promise.resolve(new Passage(own, { file: call(`${url}${uri}`), name })),
    new Log(() => undefined),
  );
  await listener.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => listener.close());
  const address = `http://127.0.0.1:${String(listener.port)}`;

  const whole = await fetch(`${address}/x`);
  assert.deepEqual([whole.status, (await whole.arrayBuffer()).byteLength], [200, size]);
  const expected = {
    'content-type': 'application/octet-stream',
    'content-length': String(size),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'set-cookie': null,
  };
  for (const [header, value] of Object.entries(expected)) assert.equal(whole.headers.get(header), value);
  assert.equal(
    whole.headers.get('content-disposition'),
    'attachment; filename="b_r____X__1.bin"; filename*=UTF-8\'\'b%C3%A4r%22%3B%0D%0AX%3A%201.bin',
  );
  assert.equal(asked[0]?.authorization, 'Bearer secret');

  const part = await fetch(`${address}/x`, { headers: { Range: 'bytes=1-2' } });
  assert.deepEqual([part.status, await part.text()], [206, 'ab']);
  assert.equal(part.headers.get('content-range'), `bytes 1-2/${size}`);
  assert.equal(asked[1]?.range, 'bytes=1-2');
  await (await fetch(`${address}/x`, { headers: { Range: 'lines=1-2' } })).arrayBuffer();
  assert.equal(asked[2]?.range, undefined);
  name = 'x';
  const gone = await fetch(`${address}/gone`);
  assert.deepEqual([gone.status, gone.headers.get('set-cookie')], [404, null]);
  assert.doesNotMatch(await gone.text(), /script/);

  // Whoever goes away in between leaves nothing running.
  const stop = new AbortController();
  const left = await fetch(`${address}/x`, { signal: stop.signal });
  assert.equal(left.status, 200);
  stop.abort();
  assert.equal((await fetch(`${address}/x`, { headers: { Range: 'bytes=1-2' } })).status, 206);
});

test("through the engine's endpoints a file comes whole", async () => {
  const http = { get: () => Promise.resolve({ statusCode: 200, headers: {}, content: Buffer.from('abc') }) };
  const passage = new Passage(new EngineTransport(http as never), { file: call('http://x/'), name: 'a.txt' });
  const { endpoints } = api({
    take: () => undefined,
    answer: () => Promise.resolve(passage),
    download: () => Promise.reject(new Error('nothing to download')),
  });
  const endpoint = endpoints.find(({ path }) => path.startsWith('file/'));
  const params = { server: 's', media: 'm', until: '1', name: 'a.txt', mark: 'k' };
  const given = await endpoint?.get?.(
    { method: 'get', headers: {}, query: {}, params } as never,
    {} as never,
    {} as never,
    {} as never,
    {} as never,
    {} as never,
  );
  assert.equal(given?.status, 200);
  assert.equal(
    given.headers?.['Content-Disposition'],
    'attachment; filename="a.txt"; filename*=UTF-8\'\'a.txt',
  );
  assert.deepEqual(given.content, Buffer.from('abc'));
});

test('the sizes of pictures are read from their first bytes', () => {
  const jpeg = Buffer.from('ffd8ffe000040000ffc0001108000300070301', 'hex');
  const webp = Buffer.concat([
    Buffer.from('RIFF....WEBPVP8X'),
    Buffer.from('0a00000000000000060000020000', 'hex'),
  ]);
  const gif = Buffer.from('474946383961070003000000', 'hex');
  for (const bytes of [jpeg, webp, gif]) assert.deepEqual(sizeOf(bytes), { w: 7, h: 3 });
  assert.deepEqual(sizeOf(png([0, 0, 0], 9)), { w: 9, h: 9 });
  for (const bytes of [jpeg.subarray(0, 9), gif.subarray(0, 7), Buffer.alloc(0), Buffer.from('text')])
    assert.equal(sizeOf(bytes), undefined);
});
