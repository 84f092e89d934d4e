/** The App's parts put together, over an engine that is only pretended. */

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { IProcessor } from '@rocket.chat/apps-engine/definition/scheduler/IProcessor';
import type { ISlashCommand } from '@rocket.chat/apps-engine/definition/slashcommands';

import { Federation } from '../../app/federation.ts';
import type { Host } from '../../app/host/host.ts';
import type { Logging } from '../../app/log.ts';
import type { Input } from '../../app/protocol.ts';
import { freePort, listens } from './stub/port.ts';

/** Lets everything go on that waits for nothing but its turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Lines {
  lines: string[];
  logger: never;
}

function logging(): Lines {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  return { lines, logger: { info: say, warn: say, error: say } as never };
}

async function scene(t: TestContext) {
  t.mock.method(console, 'error', () => undefined);
  const port = await freePort();
  const state = { jobs: 0, inputs: [] as Input[], hosts: [] as Host[], notices: [] as string[] };
  const read = { settings: (): Promise<unknown> => Promise.resolve() };
  const values: Record<string, unknown> = { listen_host: '127.0.0.1', listen_port: port };
  const reader = {
    getNotifier: () => ({
      notifyUser: (_: unknown, { text }: { text: string }) => Promise.resolve(void state.notices.push(text)),
    }),
    getUserReader: () => ({
      getById: (id: string) => Promise.resolve({ id }),
      getAppUser: () => Promise.resolve({ id: 'app' }),
    }),
    getPersistenceReader: () => ({ readByAssociation: () => Promise.resolve([]) }),
  };
  const settings = {
    getValueById: async (id: string) => {
      await read.settings();
      return values[id];
    },
  };
  const own = {
    reader,
    http: { get: () => Promise.reject(new Error('not sent')) },
    environmentReader: {
      getSettings: () => settings,
      getServerSettings: () => ({ getValueById: () => Promise.resolve('http://chat.test') }),
      getEnvironmentVariables: () => ({ getValueByName: () => Promise.resolve(undefined) }),
    },
  };
  const federation = new Federation('id', own as never, (host) => {
    state.hosts.push(host);
    return {
      configure: () => undefined,
      put: () => 0,
      admits: () => true,
      submit: (input) => {
        state.inputs.push(input);
        return Promise.resolve(undefined);
      },
    };
  });
  const configure = {
    scheduler: { scheduleOnce: () => Promise.resolve(++state.jobs) },
  } as never;
  const count = (kind: string): number => state.inputs.filter((input) => input.kind === kind).length;
  t.after(() => federation.stop(logging().logger));
  return { federation, configure, port, state, read, count };
}

/** The App as the engine binds it to a call: the same, with a logger of the call's own. */
function bound(logger: never): Logging {
  return { getLogger: () => logger };
}

async function declared(federation: Federation, app: Logging) {
  const provided: { command?: ISlashCommand & { app: Logging }; job?: IProcessor } = {};
  const take = () => Promise.resolve();
  await federation.declare(
    {
      http: { providePreRequestHandler: take },
      settings: { provideSetting: take },
      api: { provideApi: take },
      ui: { registerButton: () => undefined },
      slashCommands: {
        provideSlashCommand: (command: ISlashCommand & { app: Logging }) =>
          Promise.resolve(void (provided.command = command)),
      },
      scheduler: {
        registerProcessors: ([job]: IProcessor[]) => Promise.resolve(void (provided.job = job as IProcessor)),
      },
    } as never,
    app,
  );
  const { command, job } = provided;
  assert.ok(command && job);
  return { command, job };
}

const context = {
  getSender: () => ({ id: 'alice' }),
  getRoom: () => ({ id: 'garden' }),
  getArguments: () => ['help'],
  getTriggerId: () => undefined,
} as never;
const none = {} as never;

test('a dropped core can do nothing more, and the next can', async (t) => {
  const { federation, configure, state } = await scene(t);
  await federation.start(configure, logging().logger);
  const [host] = state.hosts;
  assert.ok(host);
  await federation.stop(logging().logger);
  await assert.rejects(host.load([{ kind: 'documents', association: 'a' }]), /switched off/);
  await federation.start(configure, logging().logger);
  assert.equal(state.hosts.length, 2);
  assert.equal((await state.hosts[1]?.load([{ kind: 'documents', association: 'a' }]))?.length, 1);
});

test('switched off while the settings are read, it stays off', async (t) => {
  const { federation, configure, state, read, port } = await scene(t);
  await federation.start(configure, logging().logger);
  let go!: () => void;
  const asked = new Promise<void>((resolve) => (go = resolve));
  read.settings = () => asked;
  const refreshing = federation.refresh(logging().logger);
  await turn();
  await federation.stop(logging().logger);
  go();
  await refreshing;
  assert.deepEqual([state.hosts.length, await listens(port)], [1, false]);
});

test('a start that failed heals', async (t) => {
  const { federation, configure, read, count } = await scene(t);
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  read.settings = () => Promise.reject(new Error('busy'));
  const { lines, logger } = logging();
  await federation.start(configure, logger);
  assert.ok(lines.includes('the settings could not be applied: busy'));
  read.settings = () => Promise.resolve();
  t.mock.timers.tick(9000);
  await turn();
  assert.equal(count('start'), 0);
  t.mock.timers.tick(1000);
  while (count('start') === 0) await turn();
});

test('the engine is asked for a call now and then, until one comes', async (t) => {
  const { federation, configure, state } = await scene(t);
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  await federation.start(configure, logging().logger);
  for (let beats = 0; beats < 20; beats++) t.mock.timers.tick(1000);
  assert.equal(state.jobs, 3);
  federation.take(none, none);
  for (let beats = 0; beats < 20; beats++) t.mock.timers.tick(1000);
  assert.equal(state.jobs, 3);
});

test('started twice it beats once', async (t) => {
  const { federation, configure, count } = await scene(t);
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  await federation.start(configure, logging().logger);
  await federation.start(configure, logging().logger);
  for (let beats = 0; beats < 5; beats++) {
    t.mock.timers.tick(1000);
    await turn();
  }
  assert.equal(count('tick'), 5);
  await federation.stop(logging().logger);
  t.mock.timers.tick(5000);
  assert.equal(count('tick'), 5);
});

test('a command before the core runs is answered at once, and later handed over', async (t) => {
  const { federation, configure, state, count } = await scene(t);
  const { lines, logger } = logging();
  const { command } = await declared(federation, bound(logger));
  await command.executor(context, none, none, none, none);
  assert.deepEqual(state.notices, ['Matrix Federation is starting; try again in a moment.']);
  await federation.start(configure, logging().logger);
  await state.hosts[0]?.perform({ kind: 'log', level: 'info', text: 'by a timer' });
  await command.executor(context, none, none, none, none);
  assert.deepEqual([count('command'), lines], [1, ['by a timer']]);
});

test('a job stores what timers said, with its own logger or the one of the App', async (t) => {
  const { federation, configure, state } = await scene(t);
  const [older, newer] = [logging(), logging()];
  const { job } = await declared(federation, bound(older.logger));
  await federation.start(configure, logging().logger);
  const [host] = state.hosts;
  await host?.perform({ kind: 'log', level: 'info', text: 'a' });
  await job.processor.call(bound(newer.logger), {}, none, none, none, none);
  await host?.perform({ kind: 'log', level: 'info', text: 'b' });
  await job.processor.call(undefined, {}, none, none, none, none);
  assert.deepEqual([newer.lines, older.lines], [['a'], ['b']]);
});
