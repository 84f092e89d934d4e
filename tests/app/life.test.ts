/** Alarms, the parent, the log: what has to do with time and with ending. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Alarms } from '../../app/host/timer.ts';
import { Log } from '../../app/log.ts';
import { Parent, patience, watchPipe } from '../../app/parent.ts';
import { within } from '../../app/within.ts';

test('a scope has one alarm, at the earliest time asked for', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const rung: [string, number][] = [];
  const alarms = new Alarms((scope) => rung.push([scope, Date.now()]));
  alarms.set('a', 500);
  alarms.set('a', 900);
  alarms.set('b', 300);
  alarms.set('a', 200);
  for (let ticks = 0; ticks < 20; ticks++) t.mock.timers.tick(100);
  assert.deepEqual(rung, [
    ['a', 200],
    ['b', 300],
  ]);
  alarms.set('a', 0);
  t.mock.timers.tick(1);
  assert.equal(rung.length, 3);
  alarms.set('a', 5000);
  alarms.clear();
  t.mock.timers.tick(10_000);
  assert.equal(rung.length, 3);
});

test('an alarm further off than timers reach does not ring early', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  let rung = 0;
  const far = 2 ** 31 + 1000;
  new Alarms(() => rung++).set('a', far);
  t.mock.timers.tick(2 ** 31 - 1);
  assert.equal(rung, 0);
  t.mock.timers.tick(1001);
  assert.equal(rung, 1);
});

function watched(ask: () => Promise<unknown>) {
  const events: string[] = [];
  let id = 100;
  const event = (name: string) => (): void => void events.push(name);
  const parent = new Parent(
    ask,
    { lost: event('lost'), found: event('found'), gone: event('gone') },
    patience,
    () => id,
  );
  return { parent, events, reparent: () => (id = 1) };
}

/** Lets everything go on that waits for nothing but its turn. */
const turn = () => new Promise(setImmediate);

test('another parent means the own one is gone', async () => {
  const { parent, events, reparent } = watched(() => Promise.resolve());
  parent.look();
  await turn();
  assert.deepEqual(events, []);
  reparent();
  parent.look();
  assert.deepEqual(events, ['gone']);
});

test('a parent that does not answer is lost, and found when it does', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const answers: (() => void)[] = [];
  const { parent, events } = watched(() => new Promise<void>((resolve) => answers.push(resolve)));
  for (let looks = 0; looks < 5; looks++) parent.look();
  assert.equal(answers.length, 1);
  t.mock.timers.tick(patience.usual);
  await turn();
  assert.deepEqual(events, ['lost']);
  parent.look();
  assert.equal(answers.length, 1);
  answers[0]?.();
  await turn();
  assert.deepEqual(events, ['lost', 'found']);
  parent.look();
  assert.equal(answers.length, 2);
});

test('a parent whose one answer was lost is asked anew', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const answers: (() => void)[] = [];
  const { parent, events } = watched(() => new Promise<void>((resolve) => answers.push(resolve)));
  parent.look();
  t.mock.timers.tick(patience.usual);
  await turn();
  for (let looks = 0; looks < 10; looks++) {
    t.mock.timers.tick(1000);
    parent.look();
  }
  assert.equal(answers.length, 3);
  answers[1]?.();
  await turn();
  assert.deepEqual(events, ['lost', 'found']);
  parent.look();
  assert.equal(answers.length, 4);
});

test('a refusal is an answer', async () => {
  const { parent, events } = watched(() => Promise.reject(new Error('no permission')));
  parent.look();
  await turn();
  await parent.doubt();
  assert.deepEqual(events, []);
});

test('a doubt is settled by asking', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { parent, events } = watched(() => new Promise(() => undefined));
  const doubting = parent.doubt();
  t.mock.timers.tick(patience.doubtful);
  await doubting;
  assert.deepEqual(events, ['gone']);
});

test('a broken pipe raises a doubt, another error none', () => {
  let doubts = 0;
  const say = (error: Error): void => {
    const emitter: NodeJS.EventEmitter = process;
    emitter.emit('uncaughtExceptionMonitor', error, 'uncaughtException');
  };
  const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  const end = watchPipe(() => doubts++);
  say(broken);
  say(new Error('other'));
  end();
  say(broken);
  assert.equal(doubts, 1);
});

test('lines wait for a logger; only what is urgent is shown at once', () => {
  const shown: string[] = [];
  const kept: string[] = [];
  const log = new Log((line) => shown.push(line));
  log.info('a');
  log.warn('b');
  log.error('c');
  const keep = (level: string) => (line: string) => kept.push(`${level} ${line}`);
  const logger = { info: keep('info'), warn: keep('warn'), error: keep('error') };
  log.flush(logger as never);
  log.flush(logger as never);
  assert.deepEqual(kept, ['info a', 'warn b', 'error c']);
  assert.deepEqual(shown, ['Matrix Federation: b', 'Matrix Federation: c']);
  for (let lines = 0; lines < 1000; lines++) log.info(String(lines));
  log.flush(logger as never);
  assert.deepEqual([kept.length, kept.at(-1)], [503, 'info 999']);
});

test('patience has its limit, and an answer in time ends it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  assert.equal(await within(1000, 'it', Promise.resolve(1)), 1);
  const late = within(1000, 'it', new Promise(() => undefined));
  t.mock.timers.tick(1000);
  await assert.rejects(late, /it: no answer within 1 s/);
});
