/** The three subprocesses an App may find itself in, and what it sees there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Workspace, type InstalledApp, type RuntimeName } from './index.ts';
import { packProbe, run, seen } from './probe/probe.ts';

async function installed(
  t: { after(done: () => Promise<void>): void },
  runtime: RuntimeName,
): Promise<{ ws: Workspace; app: InstalledApp }> {
  const ws = await Workspace.create();
  t.after(() => ws.close());
  return {
    ws,
    app: await (await ws.startInstance({ runtime })).install(packProbe({ hooks: ['IPostMessageSent'] })),
  };
}

/** Code that tries something and answers what came of it. */
const attempt = (code: string): string =>
  `try { ${code} } catch (error) { return error.code || error.message; }`;

const listens = `
  const { createServer } = require('http');
  return await new Promise((resolve) => {
    const server = createServer((_, response) => response.end('heard'));
    server.on('error', (error) => resolve(error.code));
    ${attempt("server.listen({ port: 0, host: '127.0.0.1' }, () => { resolve('listens'); server.close(); });").replace('return error.code || error.message', 'resolve(error.code)')}
  });`;

const SEES: Record<RuntimeName, Record<string, string>> = {
  deno: {
    globalThis: 'undefined',
    Deno: 'undefined',
    self: 'object',
    global: 'object',
    WebAssembly: 'object',
    fetch: 'function',
    Buffer: 'function',
    crypto: 'object',
  },
  node24: {
    globalThis: 'undefined',
    Deno: 'undefined',
    self: 'undefined',
    global: 'object',
    WebAssembly: 'object',
    fetch: 'function',
    Buffer: 'function',
    crypto: 'object',
  },
  node26: {
    globalThis: 'undefined',
    Deno: 'undefined',
    self: 'undefined',
    global: 'object',
    WebAssembly: 'object',
    fetch: 'function',
    Buffer: 'function',
    crypto: 'object',
  },
};

for (const runtime of ['deno', 'node24', 'node26'] as const) {
  test(`${runtime}: an App sees what it sees on a server, and no more`, async (t) => {
    const { ws, app } = await installed(t, runtime);
    const names = Object.keys(SEES[runtime]);
    assert.deepEqual(
      await run(app, `return { ${names.map((name) => `${name}: typeof ${name}`).join(', ')} }`),
      SEES[runtime],
    );

    for (const name of ['path', 'node:crypto', 'https', 'zlib', 'fs', 'net'])
      assert.equal(await run(app, `return typeof require('${name}')`), 'object', name);
    for (const name of ['events', 'dns', 'tls', 'worker_threads', 'child_process', 'assert', 'left-pad'])
      assert.match(await run(app, attempt(`return typeof require('${name}')`)), /is not allowed/, name);
    assert.match(
      await run(app, attempt("return require('fs').readFileSync('/etc/hostname', 'utf8')")),
      /ERR_ACCESS_DENIED|NotCapable|EACCES|Requires read access/,
    );

    const alice = await ws.createUser('alice');
    const room = await ws.createChannel('general', { members: [alice] });
    const sent = await alice.say(room, 'hello');
    const [told] = await seen(app, 'IPostMessageSent');
    assert.equal(told?.data['id'], sent.id);
    assert.equal(
      await run(
        app,
        `const { createdAt } = await read.getMessageReader().getById('${sent.id}'); return createdAt instanceof Date`,
      ),
      true,
    );
  });
}

for (const [runtime, answer] of [
  ['deno', 'listens'],
  ['node24', 'listens'],
  ['node26', 'ERR_ACCESS_DENIED'],
] as const)
  test(`${runtime}: a listener of one's own: ${answer}`, async (t) => {
    const { ws, app } = await installed(t, runtime);
    // Answered from a timer, so an error thrown past every handler leaves the App able to speak.
    const heard = run<string>(
      app,
      `return await Promise.race([ (async () => { ${listens} })(), new Promise((late) => setTimeout(() => late('silence'), ${answer === 'listens' ? 10_000 : 500})) ])`,
    );
    const said = await heard;
    if (answer === 'listens') assert.equal(said, answer);
    else {
      assert.equal(said, 'silence');
      await ws.until('the error nobody caught', () =>
        app
          .logs()
          .some(
            ({ method, args }) =>
              /uncaughtException/.test(method) &&
              /Access to this API has been restricted/.test(JSON.stringify(args)),
          ),
      );
    }
    const { endpointUrl } = ws.instances[0] ?? assert.fail();
    const out = (client: string): Promise<string> =>
      run(app, attempt(client).replace('error.code', '(error.code ?? error.cause?.code)'));
    assert.equal(
      await out(`return String((await fetch('${endpointUrl}/')).status)`),
      answer === 'listens' ? '404' : answer,
    );
    const request = `return await new Promise((resolve, reject) => require('http').get('${endpointUrl}/', ({ statusCode }) => resolve(String(statusCode))).on('error', reject));`;
    assert.equal(await out(request), answer === 'listens' ? '404' : answer);
  });
