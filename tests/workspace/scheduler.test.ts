/** Jobs, with Agenda's habits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstRun, nextRun, parseWhen } from './schedule.ts';
import { SERVER_TIMES } from './scheduler.ts';
import { PROBE_ID, run, seen } from './probe/probe.ts';
import { scene } from './probe/setting.ts';

const QUICK = { scheduler: { poll: 50 } };
const once = (when: string, data = '{}'): string =>
  `return modify.getScheduler().scheduleOnce({ id: 'tick', when: ${when}, data: ${data} })`;
const now = 'new Date()';

test("the server's own times are five seconds and ten minutes", () => {
  assert.deepEqual(SERVER_TIMES, { poll: 5_000, lock: 600_000 });
});

test('a one-off job runs when it is due, with its data and id, and is gone', async (t) => {
  const { app, ws } = await scene(t, { processors: ['tick'] }, QUICK);
  const id = await run<string>(app, once(now, '{ n: 1 }'));
  assert.match(id, /^[0-9a-f]{24}$/);
  const [ran] = await seen(app, 'job');
  assert.deepEqual(ran?.data, { id: 'tick', n: 1, jobId: id });
  await ws.until('the job to go', () => ws.jobs().length === 0);
});

test('nothing runs before a poll: promptness is no virtue of the scheduler', async (t) => {
  const { app, instance } = await scene(t, { processors: ['tick'] }, { scheduler: { poll: 3_600_000 } });
  await run(app, once(now));
  assert.deepEqual(await seen(app, 'job', 0), []);
  await instance.scheduler.look();
  assert.equal((await seen(app, 'job')).length, 1);
});

test('a one-off job that fails once is a dead record, and is not tried again', async (t) => {
  const { app, ws, instance } = await scene(t, { processors: ['tick'] }, { scheduler: { poll: 3_600_000 } });
  await run(app, once(now, '{ fail: true }'));
  for (let looks = 0; looks < 3; looks++) await instance.scheduler.look();
  assert.equal((await seen(app, 'job')).length, 1);
  const [dead] = ws.jobs();
  assert.deepEqual([dead?.nextRunAt, dead?.failCount, dead?.lockedAt], [null, 1, null]);
});

test('a recurring job goes on after a failure; asking again changes the one there is', async (t) => {
  const { app, ws } = await scene(t, { processors: ['tick'] }, QUICK);
  const every = (data: string): string =>
    `return modify.getScheduler().scheduleRecurring({ id: 'tick', interval: '0.05 seconds', data: ${data} })`;
  const first = await run(app, every('{ fail: true }'));
  await seen(app, 'job', 2);
  assert.equal(await run(app, every('{ n: 2 }')), first);
  await seen(app, 'job', 4);
  assert.equal(ws.jobs().length, 1);
  await run(app, "await modify.getScheduler().cancelJob('tick')");
  assert.equal(ws.jobs().length, 0);
});

test('asking again for a recurring job does not run it again at once', async (t) => {
  const { app, instance } = await scene(t, { processors: ['tick'] }, { scheduler: { poll: 3_600_000 } });
  for (let n = 0; n < 2; n++) {
    await run(app, "return modify.getScheduler().scheduleRecurring({ id: 'tick', interval: '1 hour' })");
    await instance.scheduler.look();
  }
  assert.equal((await seen(app, 'job')).length, 1);
});

test('skipImmediate leaves the first run out', async (t) => {
  const { app, ws } = await scene(t, { processors: ['tick'] }, QUICK);
  await run(
    app,
    "return modify.getScheduler().scheduleRecurring({ id: 'tick', interval: '1 hour', skipImmediate: true })",
  );
  const wait = (ws.jobs()[0]?.nextRunAt?.getTime() ?? 0) - Date.now();
  assert.ok(wait > 3_500_000, `first run in ${String(wait)} ms`);
});

test('in a cluster one instance runs a job, whoever planned it', async (t) => {
  const { app, ws, instance } = await scene(t, { processors: ['tick'] }, { scheduler: { poll: 3_600_000 } });
  const other = await ws.startInstance();
  for (let n = 0; n < 4; n++) await run(app, once(now, `{ n: ${String(n)} }`));
  await Promise.all([instance.scheduler.look(), other.scheduler.look()]);
  const ran = [...(await seen(app, 'job', 0, instance)), ...(await seen(app, 'job', 0, other))];
  assert.deepEqual(ran.map(({ data }) => data['n']).sort(), [0, 1, 2, 3]);
});

test('the lock of a server that crashed holds, and then does not', async (t) => {
  const { app, ws, instance } = await scene(
    t,
    { processors: ['tick'] },
    { scheduler: { poll: 3_600_000, lock: 600_000 } },
  );
  await run(app, once(now, "{ code: 'await new Promise(() => undefined)' }"));
  void instance.scheduler.look();
  await seen(app, 'job');
  await instance.crash();
  const other = await ws.startInstance();
  await other.scheduler.look();
  assert.deepEqual(await seen(app, 'job', 0, other), []);
  const [job] = ws.jobs();
  ws.database.jobs.set(job?._id ?? '', { lockedAt: new Date(Date.now() - 600_001) });
  void other.scheduler.look();
  assert.equal((await seen(app, 'job', 1, other)).length, 1);
});

test("an App's jobs go with the App, and stay when it is disabled", async (t) => {
  const { app, ws } = await scene(t, { processors: ['tick'] }, { scheduler: { poll: 3_600_000 } });
  await run(app, once("'in 1 hour'"));
  assert.equal(ws.jobs()[0]?.name, `tick_${PROBE_ID}`);
  await app.disable();
  assert.equal(ws.jobs().length, 1);
  await app.uninstall();
  assert.equal(ws.jobs().length, 0);
});

test('when and how often, in words, in cron, in numbers', () => {
  const at = new Date(2026, 0, 1, 12, 0, 30);
  const after = (date: Date): number => (date.getTime() - at.getTime()) / 1000;
  assert.equal(after(parseWhen('in 5 minutes', at)), 300);
  assert.equal(after(parseWhen('10 seconds from now', at)), 10);
  assert.equal(after(nextRun('1 hour', at)), 3600);
  assert.equal(after(nextRun(1500, at)), 1.5);
  assert.equal(after(nextRun('*/5 * * * *', at)), 270);
  assert.equal(after(nextRun('*/10 * * * * *', at)), 10);
  assert.equal(after(nextRun('0 13 * * *', at)), 3570);
  assert.deepEqual([after(firstRun('1 hour', at)), after(firstRun('0 13 * * *', at))], [0, 3570]);
  assert.throws(() => parseWhen('whenever', at), /invalid/);
});
