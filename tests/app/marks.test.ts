/** Marks and typing in each runtime, through the real engine and its permissions. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RuntimeName } from '../workspace/index.ts';
import { Scene } from './stub/scene.ts';

const reaction = ':hourglass_flowing_sand:';
const runtimes: readonly RuntimeName[] = ['deno', 'node24', 'node26'];

for (const runtime of runtimes) {
  test(`${runtime}: a message is marked by the App's own user, and typing shown`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, room, alice } = scene;
    const { id } = await alice.say(room, 'is anybody there?');
    const marks = (): string[] =>
      room.messages().find((message) => message.id === id)?.reactions[reaction] ?? [];
    for (const on of [true, true, false, false]) {
      assert.equal((await scene.perform({ kind: 'mark', message: id, reaction, on })).kind, 'performed');
      assert.equal(marks().length, on ? 1 : 0);
    }
    const lost = await scene.perform({ kind: 'mark', message: 'nowhere', reaction, on: true });
    assert.equal(lost.kind, 'refused');

    await scene.perform({ kind: 'typing', room: room.id, who: ['bob:far.test'] });
    await ws.until('bob to type', () => ws.typing(room).at(-1)?.typing === true);
    await scene.perform({ kind: 'typing', room: room.id, who: [] });
    await ws.until('bob to stop', () => ws.typing(room).at(-1)?.typing === false);
    assert.ok(ws.typing(room).every(({ username }) => username === 'bob:far.test'));
  });
}
