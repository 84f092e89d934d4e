/** Who is shown typing, for how long, and what it may cost. */

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { Typing } from '../../app/host/typing.ts';

function scene(t: TestContext, fails = (): boolean => false) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const said: string[] = [];
  const typing = new Typing((room, username) => {
    if (fails()) return Promise.reject(new Error('not now'));
    said.push(`${room} ${username}`);
    return Promise.resolve(() => {
      said.push(`${room} ${username} stops`);
      return Promise.resolve();
    });
  });
  /** What was said since the last time. */
  const heard = async (): Promise<string[]> => {
    await new Promise(setImmediate);
    return said.splice(0);
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 1000) {
      t.mock.timers.tick(1000);
      await new Promise(setImmediate);
    }
  };
  return { typing, heard, pass };
}

test('only what changes is said', async (t) => {
  const { typing, heard } = scene(t);
  typing.show('tea', ['bob', 'eve']);
  assert.deepEqual(await heard(), ['tea bob', 'tea eve']);
  typing.show('tea', ['bob', 'dan']);
  typing.show('garden', ['bob']);
  assert.deepEqual(await heard(), ['tea dan', 'garden bob', 'tea eve stops']);
  typing.show('tea', []);
  assert.deepEqual(await heard(), ['tea bob stops', 'tea dan stops']);
});

test('who goes on typing is said again before clients forget', async (t) => {
  const { typing, heard, pass } = scene(t);
  typing.show('tea', ['bob']);
  await pass(12_000);
  assert.deepEqual(await heard(), ['tea bob', 'tea bob', 'tea bob', 'tea bob']);
  typing.show('tea', []);
  await pass(60_000);
  assert.deepEqual(await heard(), ['tea bob stops']);
});

test('nobody types for ever', async (t) => {
  const { typing, heard, pass } = scene(t);
  typing.show('tea', ['bob']);
  await pass(130_000);
  assert.equal((await heard()).at(-1), 'tea bob stops');
  await pass(60_000);
  assert.deepEqual(await heard(), []);
});

test('whose message arrives has stopped', async (t) => {
  const { typing, heard } = scene(t);
  typing.show('tea', ['bob', 'eve']);
  typing.stop('tea', 'bob');
  typing.stop('tea', 'nobody');
  typing.stop('nowhere', 'bob');
  assert.deepEqual(await heard(), ['tea bob', 'tea eve', 'tea bob stops']);
});

test('a workspace that refuses is asked again, and nothing breaks', async (t) => {
  let fails = true;
  const { typing, heard, pass } = scene(t, () => fails);
  typing.show('tea', ['bob']);
  assert.deepEqual(await heard(), []);
  fails = false;
  await pass(4000);
  assert.deepEqual(await heard(), ['tea bob']);
});

test('a crowd is not shown', async (t) => {
  const { typing, heard } = scene(t);
  typing.show(
    'square',
    Array.from({ length: 2000 }, (_, n) => `user${n}`),
  );
  assert.equal((await heard()).length, 500);
  typing.clear();
  typing.show('tea', ['bob']);
  assert.deepEqual(await heard(), ['tea bob']);
});
