/** Quotes, threads, reactions and pins in every runtime: what the core hears of them, and what it asks for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RuntimeName } from '../workspace/index.ts';
import { Scene, type Seen } from './stub/scene.ts';

const runtimes: RuntimeName[] = ['deno', 'node24', 'node26'];
const bob = 'bob:example.org';
const emoji = ':eyes:';

interface Fact {
  id: string;
  thread: string | null;
  quotes: { author: string; text: string }[];
  reactions: { emoji: string; users: string[] }[];
}
type Told = Seen & { message: Fact; emoji: string; by: { username: string }; on: boolean };

for (const runtime of runtimes) {
  test(`${runtime}: tells what is quoted, in which thread, who reacted and who pinned`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, room, alice } = scene;
    const root = await alice.say(room, 'root');
    const text = `[ ](${ws.messageLink(root.raw)}) so true`;
    const answer = await alice.say(room, text, { tmid: root.id });
    const said = (await scene.expect('messageSent', (one) => (one as Told).message.id === answer.id)) as Told;
    assert.equal(said.message.thread, root.id);
    assert.deepEqual(
      said.message.quotes.map((quote) => [quote.author, quote.text]),
      [['alice', 'root']],
    );

    await alice.react(root, emoji);
    const added = (await scene.expect('messageReacted')) as Told;
    assert.deepEqual(
      [added.message.id, added.emoji, added.by.username, added.on],
      [root.id, emoji, 'alice', true],
    );
    assert.deepEqual(added.message.reactions, [{ emoji, users: ['alice'] }]);
    await alice.react(root, emoji);
    const removed = (await scene.expect('messageReacted', (one) => !(one as Told).on)) as Told;
    assert.deepEqual(removed.message.reactions, []);

    await ws.admin.pin(root);
    const pinned = (await scene.expect('messagePinned')) as Told;
    assert.deepEqual([pinned.message.id, pinned.by.username, pinned.on], [root.id, ws.admin.username, true]);
  });

  test(`${runtime}: answers, stays in the thread and reacts as a ghost; twice does no harm`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, room, alice } = scene;
    const root = await alice.say(room, 'root');
    await scene.perform({ kind: 'createUser', username: bob, name: 'Bob' });
    await scene.perform({ kind: 'addMember', room: room.id, username: bob });
    const link = ws.messageLink(root.raw).replace(/\/[^/]+\?/, `/${room.id}?`);
    const text = `[ ](${link}) indeed`;
    const create = { kind: 'createMessage', id: 'mx-1', room: room.id, sender: bob, text, thread: root.id };
    for (const effect of [create, create]) assert.equal((await scene.perform(effect)).kind, 'performed');
    const message = room.message('mx-1');
    assert.equal(message?.threadId, root.id);
    assert.deepEqual(
      message.attachments.map((one) => [one['author_name'], one['text'], one['message_link']]),
      [['alice', 'root', link]],
    );
    const edited = await scene.perform({
      kind: 'editMessage',
      id: 'mx-1',
      room: room.id,
      editor: bob,
      text: `${text} yes`,
    });
    assert.equal(edited.kind, 'performed');
    assert.deepEqual(
      [room.message('mx-1')?.threadId, room.message('mx-1')?.attachments.length],
      [root.id, 1],
    );

    for (const on of [false, true, true, false, false]) {
      assert.equal(
        (await scene.perform({ kind: 'react', message: root.id, by: bob, emoji, on })).kind,
        'performed',
      );
      assert.deepEqual(room.message(root.id)?.reactions[emoji] ?? [], on ? [bob] : []);
    }
    // Its own reactions come back, and are known by who reacted.
    assert.equal(((await scene.expect('messageReacted')) as Told).by.username, bob);
    const nobody = await scene.perform({ kind: 'react', message: root.id, by: 'nobody:x', emoji, on: true });
    assert.deepEqual([nobody.kind, nobody.why], ['refused', 'there is no user nobody:x']);
  });
}
