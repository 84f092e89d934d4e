/** Edits and deletions in every runtime: what the core hears of them, and what it asks for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Accessors } from '../../app/host/accessors.ts';
import { RocketChat } from '../../app/host/rocketchat.ts';
import type { RuntimeName } from '../workspace/index.ts';
import { Scene, type Seen } from './stub/scene.ts';

const runtimes: RuntimeName[] = ['deno', 'node24', 'node26'];
const bob = 'bob:example.org';

type Told = Seen & {
  message: { id: string; text: string; editedAt: number | null };
  by: { username: string };
};

for (const runtime of runtimes) {
  test(`${runtime}: tells who edited and who deleted`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { ws, room, alice } = scene;
    const said = await alice.say(room, 'first');
    await alice.edit(said, 'second');
    const edited = (await scene.expect('messageEdited')) as Told;
    assert.deepEqual([edited.message.id, edited.message.text], [said.id, 'second']);
    assert.equal(edited.by.username, 'alice');
    assert.ok((edited.message.editedAt ?? 0) >= said.at.getTime());

    await ws.admin.delete(said);
    const deleted = (await scene.expect('messageDeleted')) as Told;
    assert.deepEqual([deleted.message.id, deleted.message.text], [said.id, 'second']);
    assert.equal(deleted.by.username, ws.admin.username);
  });

  test(`${runtime}: edits and deletes as a ghost, and a second time does no harm`, async (t) => {
    const scene = await Scene.set(t, runtime);
    const { room } = scene;
    await scene.perform({ kind: 'createUser', username: bob, name: 'Bob' });
    await scene.perform({ kind: 'addMember', room: room.id, username: bob });
    await scene.perform({ kind: 'createMessage', id: 'mx-1', room: room.id, sender: bob, text: 'first' });
    const edit = { kind: 'editMessage', id: 'mx-1', room: room.id, editor: bob, text: '*second*' };
    for (const effect of [edit, edit]) assert.equal((await scene.perform(effect)).kind, 'performed');
    const message = room.message('mx-1');
    assert.deepEqual([message?.text, message?.editedBy, message?.sender], ['*second*', bob, bob]);
    // Its own writes come back, and are known by who did it.
    assert.equal(((await scene.expect('messageEdited')) as Told).by.username, bob);

    const nobody = await scene.perform({ kind: 'deleteMessage', id: 'mx-1', room: room.id, by: 'nobody:x' });
    assert.deepEqual([nobody.kind, nobody.why], ['refused', 'there is no user nobody:x']);
    const deletion = { kind: 'deleteMessage', id: 'mx-1', room: room.id, by: bob };
    for (const effect of [deletion, deletion]) {
      assert.equal((await scene.perform(effect)).kind, 'performed');
    }
    assert.equal(room.message('mx-1'), undefined);
    assert.equal(((await scene.expect('messageDeleted')) as Told).by.username, bob);
    // What is gone is no failure either.
    assert.equal((await scene.perform(edit)).kind, 'performed');
  });
}

test('what a workspace keeps hidden of a deleted message is not there', async () => {
  const kept = { id: 'm', room: { id: 'r' }, sender: { id: 'a' }, _unmappedProperties_: { _hidden: true } };
  const read = { getMessageReader: () => ({ getById: () => Promise.resolve(kept) }) };
  const rocketchat = new RocketChat({ read } as unknown as Accessors);
  assert.equal(await rocketchat.message('m'), null);
});
