/** The core's life: traps, hangs, restarts. */

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { type CoreInstance, LivingCore } from '../../app/core.ts';
import { Log } from '../../app/log.ts';
import type { Config, Input, Reply, Tag } from '../../app/protocol.ts';

const config: Config = {
  mode: 'homeserver',
  homeserverUrl: '',
  serverName: '',
  userPrefix: '',
  botLocalpart: '',
  appserviceUrl: '',
  secret: null,
  dnsUrl: '',
  privateAddresses: false,
  typing: false,
  directMessageUsers: 8,
  workspace: '',
  endpoints: '',
  pictures: '',
  rest: false,
  messageSize: 5000,
  largestFile: 0,
};
const arrived = { method: 'PUT', uri: '/', authorization: [], body: new Uint8Array([1, 2]) };

class Instance implements CoreInstance {
  inputs: Input[] = [];
  configs: Config[] = [];
  /** What becomes of inputs after the first. */
  behave: (input: Input) => Promise<Reply | undefined> = () => Promise.resolve(undefined);

  admit: (address: string) => boolean = () => true;

  configure(given: Config): void {
    this.configs.push(given);
  }

  put(body: Uint8Array): number {
    return body.length;
  }

  admits(address: string): boolean {
    return this.admit(address);
  }

  submit(input: Input): Promise<Reply | undefined> {
    this.inputs.push(input);
    return input.kind === 'start' ? Promise.resolve(undefined) : this.behave(input);
  }
}

function living(t: TestContext, fails = (): boolean => false) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const made: Instance[] = [];
  const ids = new Set<string>();
  const lines: string[] = [];
  const log = new Log((line) => lines.push(line));
  const instantiate = (_: unknown, id: string): Instance => {
    ids.add(id);
    if (fails()) throw new Error('no memory');
    const instance = new Instance();
    made.push(instance);
    return instance;
  };
  const host = {
    doing: undefined as Tag | undefined,
    deciding: (tag: Tag | undefined) => (host.doing = tag),
  };
  const core = new LivingCore(instantiate, host as never, log);
  const last = (): Instance => made.at(-1) ?? assert.fail('no instance');
  return {
    core,
    host,
    made,
    ids,
    lines,
    last,
    pass: (ms: number) => {
      t.mock.timers.tick(ms);
    },
  };
}

const trap = () => Promise.reject(new WebAssembly.RuntimeError('unreachable'));
const hang = () => new Promise<never>(() => undefined);

test('begins with its settings, and takes new ones over without a new instance', async (t) => {
  const { core, made, last } = living(t);
  await assert.rejects(core.submit({ kind: 'tick' }), /not running/);
  core.start(config);
  core.start({ ...config, serverName: 'example.org' });
  assert.equal(made.length, 1);
  assert.deepEqual(
    last().configs.map(({ serverName }) => serverName),
    ['', 'example.org'],
  );
  assert.deepEqual(last().inputs, [{ kind: 'start' }, { kind: 'start' }]);
});

test("a request's body goes before it, and its reply comes back", async (t) => {
  const { core, last } = living(t);
  core.start(config);
  last().behave = () => Promise.resolve({ status: 200, body: '{}' });
  assert.deepEqual(await core.request(arrived), { status: 200, body: '{}' });
  const request = { method: 'PUT', uri: '/', authorization: [], body: 2 };
  assert.deepEqual(last().inputs.at(-1), { kind: 'request', request });
  last().behave = () => Promise.resolve(undefined);
  await assert.rejects(core.request(arrived), /no reply/);
});

test('an error is no trap', async (t) => {
  const { core, made, last, pass } = living(t);
  core.start(config);
  last().behave = () => Promise.reject(new Error('malformed'));
  await assert.rejects(core.submit({ kind: 'stop' }), /malformed/);
  pass(60_000);
  assert.equal(made.length, 1);
});

test('after a trap another instance takes over, and who waits for the old one is told', async (t) => {
  const { core, made, ids, lines, last, pass } = living(t);
  core.start(config);
  last().behave = hang;
  const waiting = assert.rejects(core.submit({ kind: 'wake', scope: 'room:1' }), /started anew/);
  pass(20_000);
  last().behave = trap;
  await assert.rejects(core.submit({ kind: 'stop' }), WebAssembly.RuntimeError);
  await waiting;
  pass(0);
  assert.deepEqual([made.length, ids.size, lines.length], [2, 2, 1]);
  assert.deepEqual([last().configs, last().inputs], [[config], [{ kind: 'start' }]]);
});

test('a core that traps at once is given a rest, and refuses meanwhile', async (t) => {
  const { core, made, last, pass } = living(t);
  core.start(config);
  last().behave = trap;
  await assert.rejects(core.submit({ kind: 'stop' }));
  pass(9_999);
  await assert.rejects(core.submit({ kind: 'stop' }), /not running/);
  assert.equal(made.length, 1);
  pass(1);
  assert.equal(made.length, 2);
});

test('a start that fails after a trap is tried again', async (t) => {
  let failing = false;
  const { core, made, lines, last, pass } = living(t, () => failing);
  core.start(config);
  last().behave = trap;
  await assert.rejects(core.submit({ kind: 'stop' }));
  failing = true;
  pass(10_000);
  assert.deepEqual([core.running, core.idle], [false, false]);
  assert.match(lines.at(-1) ?? '', /no memory; another trial in 10 s/);
  failing = false;
  pass(10_000);
  assert.deepEqual([core.running, made.length], [true, 2]);
});

test('a first start that fails leaves it idle, for the next', (t) => {
  let failing = true;
  const { core } = living(t, () => failing);
  assert.throws(() => core.start(config), /no memory/);
  assert.deepEqual([core.running, core.idle], [false, true]);
  failing = false;
  core.start(config);
  assert.deepEqual([core.running, core.idle], [true, false]);
});

test('a trap that nobody was told of is found by its silence', async (t) => {
  const { core, made, last, pass } = living(t);
  core.start(config);
  last().behave = hang;
  void core.tick();
  for (let ticks = 0; ticks < 60; ticks++) {
    pass(3000);
    await core.tick();
  }
  assert.equal(made.length, 1);
  pass(3000);
  await core.tick();
  pass(0);
  assert.equal(made.length, 2);
  await core.tick();
  assert.deepEqual(last().inputs, [{ kind: 'start' }, { kind: 'tick' }]);
});

test('addresses are admitted by the core that runs, and by nobody else', (t) => {
  const { core, made, last, pass } = living(t);
  assert.equal(core.admits('192.0.2.1'), false);
  core.start(config);
  last().admit = (address) => address === '192.0.2.1';
  assert.deepEqual([core.admits('192.0.2.1'), core.admits('10.0.0.1')], [true, false]);
  last().admit = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  assert.deepEqual([core.admits('192.0.2.1'), core.running], [false, false]);
  pass(10_000);
  assert.deepEqual([made.length, core.admits('192.0.2.1')], [2, true]);
});

test('a dropped core stays dropped', async (t) => {
  const { core, made, last, pass } = living(t);
  core.start(config);
  last().behave = trap;
  await assert.rejects(core.submit({ kind: 'stop' }));
  core.drop();
  pass(60_000);
  await core.tick();
  assert.equal(made.length, 1);
});

test('what a core stopped over is told to the next before anything else, and only once', async (t) => {
  const { core, host, last, pass } = living(t);
  const tag = { scope: 'remote:1', entry: 'in:1', step: 'part-0' };
  core.start(config);
  pass(20_000);
  last().behave = () => {
    host.deciding(tag);
    return trap();
  };
  await assert.rejects(core.submit({ kind: 'wake', scope: 'remote:1' }));
  pass(0);
  assert.deepEqual(last().inputs, [{ kind: 'trapped', tag }, { kind: 'start' }]);
  // Another time it stops over nothing that has a name.
  pass(20_000);
  last().behave = trap;
  await assert.rejects(core.submit({ kind: 'stop' }));
  pass(0);
  assert.deepEqual(last().inputs, [{ kind: 'start' }]);
});

test('a knock is a question without a body', async (t) => {
  const { core, last } = living(t);
  core.start(config);
  const refusal = { status: 403, body: '{}' };
  last().behave = () => Promise.resolve(refusal);
  assert.deepEqual(await core.knock(arrived), refusal);
  const request = { method: 'PUT', uri: '/', authorization: [], body: 0 };
  assert.deepEqual(last().inputs.at(-1), { kind: 'knock', request });
});
