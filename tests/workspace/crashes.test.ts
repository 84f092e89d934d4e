/** What breaks: the subprocess, the server, one of several servers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Workspace } from './index.ts';
import { packProbe, run, seen } from './probe/probe.ts';
import { scene } from './probe/setting.ts';

const LISTENING = (port: string): string => `
  return await new Promise((resolve) => {
    const server = require('http').createServer((_, response) => response.end('still here'));
    server.on('error', ({ code }) => resolve(code));
    server.listen(${port}, '127.0.0.1', () => resolve(server.address().port));
  });`;

test('a subprocess that is killed comes back by itself, enabled and without its memory', async (t) => {
  const { app, alice, room, instance } = await scene(t, { hooks: ['IPostMessageSent'] });
  await run(app, 'app.remembered = true');
  const before = instance.pid();
  await instance.killRuntime();
  await instance.runtimeRestarted();
  assert.notEqual(instance.pid(), before);
  assert.deepEqual(await run(app, 'return [app.remembered ?? null, app.started.enabled]'), [null, 1]);
  await alice.say(room, 'after');
  assert.equal((await seen(app, 'IPostMessageSent'))[0]?.data['text'], 'after');
});

test('a subprocess that answers no ping is killed and started again', async (t) => {
  const ws = await Workspace.create();
  t.after(() => ws.close());
  const instance = await ws.startInstance({
    liveness: { pingIntervalInMS: 100, pingTimeoutInMS: 50, consecutiveTimeoutLimit: 2 },
  });
  const app = await instance.install(packProbe());
  const before = instance.pid();
  instance.freezeRuntime();
  await instance.runtimeRestarted();
  assert.notEqual(instance.pid(), before);
  assert.equal(await run(app, 'return 1'), 1);
});

test('a hook in flight at a crash is lost for good', async (t) => {
  const { app, alice, room, instance } = await scene(t, {
    hooks: ['IPostMessageSent'],
    onHook: { IPostMessageSent: 'await new Promise(() => undefined)' },
  });
  await alice.say(room, 'lost');
  await seen(app, 'IPostMessageSent');
  await instance.killRuntime();
  await instance.runtimeRestarted();
  assert.deepEqual(await seen(app, 'IPostMessageSent', 0), []);
});

test('the subprocess of a server that was killed lives on as an orphan and keeps its port', async (t) => {
  const { app, ws, instance } = await scene(t);
  const port = await run<number>(app, LISTENING('0'));
  const [orphan] = await instance.crash();
  assert.equal(await (await fetch(`http://127.0.0.1:${String(port)}/`)).text(), 'still here');
  const next = await ws.startInstance();
  assert.notEqual(next.pid(), orphan);
  assert.equal(await run(next.app(app.id), LISTENING(String(port))), 'EADDRINUSE');
});

test('under Node an App learns that its server is gone by the end of its input', async (t) => {
  const ws = await Workspace.create();
  t.after(() => ws.close());
  const instance = await ws.startInstance({ runtime: 'node24' });
  const app = await instance.install(packProbe());
  await run(app, "process.stdin.on('end', () => process.exit(7)); setInterval(() => undefined, 1000)");
  const [child] = instance.processes;
  await instance.crash();
  await ws.until('the orphan to leave', () => child?.exitCode === 7);
});

// Under Deno the input belongs to the engine: an App that reads it takes the engine's messages away.
test('a server truly killed leaves the same orphan, and only its parent is another', async (t) => {
  const host = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('probe/host.ts', import.meta.url))],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => {
    host.kill('SIGKILL');
  });
  const [line] = (await once(createInterface(host.stdout), 'line')) as [string];
  const { port, pid, temp } = JSON.parse(line) as { port: number; pid: number; temp: string };
  t.after(() => {
    process.kill(pid, 'SIGKILL');
    rmSync(temp, { recursive: true, force: true });
  });
  const parent = async (): Promise<string> => (await fetch(`http://127.0.0.1:${String(port)}/`)).text();
  assert.equal(await parent(), String(host.pid));
  const gone = once(host, 'exit');
  host.kill('SIGKILL');
  await gone;
  assert.notEqual(await parent(), String(host.pid));
});

test('what a killed server had under way is never answered, and writes no more', async (t) => {
  const { ws, alice, room, instance } = await scene(
    t,
    {},
    { latency: () => new Promise((resolve) => setTimeout(resolve, 20)) },
  );
  let answered = false;
  void alice.say(room, 'half sent', { on: instance }).then(() => {
    answered = true;
  });
  // Under way, not yet written.
  await instance.crash();
  const next = await ws.startInstance();
  await alice.say(room, 'whole', { on: next });
  assert.equal(answered, false);
  assert.deepEqual(
    room.messages().map(({ text }) => text),
    ['whole'],
  );
});

test('several servers share people, rooms and data; a new one starts what is installed', async (t) => {
  const { ws, app, alice, room, instance } = await scene(t);
  const other = await ws.startInstance({ runtime: 'node24' });
  assert.equal(await app.enabled(other), true);
  assert.notEqual(other.endpointUrl, instance.endpointUrl);
  await alice.say(room, 'one', { on: instance });
  assert.equal(
    await run(app, `return (await read.getRoomReader().getMessages('${room.id}'))[0].text`, other),
    'one',
  );
  await app.disable();
  assert.equal(await app.enabled(other), false);
  await app.enable();
  assert.equal(await app.enabled(other), true);
  await app.uninstall();
  await assert.rejects(app.status(other), /not installed/);
});
