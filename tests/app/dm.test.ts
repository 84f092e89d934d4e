/** Direct messages as the App opens and reads them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Scene } from './stub/scene.ts';

test('a direct message is opened once, read back, and spoken in by the App', async (t) => {
  const scene = await Scene.set(t, 'node24');
  const { ws, alice, room } = scene;
  const members = ['alice', 'bob:example.org'];
  await scene.perform({ kind: 'createUser', username: 'bob:example.org', name: 'Bob' });
  assert.deepEqual(await scene.load([{ kind: 'direct', members }]), [{ kind: 'room', room: null }]);

  const open = { kind: 'openDirect', creator: 'alice', members };
  assert.equal((await scene.perform(open)).kind, 'performed');
  assert.equal((await scene.perform(open)).kind, 'performed');
  const directs = ws.rooms().filter((it) => it.doc().t === 'd');
  const [direct] = directs;
  assert.ok(direct && directs.length === 1);
  assert.deepEqual(direct.members(), members);

  const [found, who] = (await scene.load([
    { kind: 'direct', members },
    { kind: 'members', room: direct.id },
  ])) as [unknown, { users: { username: string }[] }];
  assert.deepEqual(found, {
    kind: 'room',
    room: { id: direct.id, name: '', kind: 'direct', encrypted: false },
  });
  assert.deepEqual(who.users.map(({ username }) => username).sort(), members);

  const tell = { kind: 'tellRoom', id: 'mxnotice-1', room: direct.id, text: 'somebody joined' };
  assert.equal((await scene.perform(tell)).kind, 'performed');
  assert.equal((await scene.perform(tell)).kind, 'performed');
  assert.deepEqual(
    direct.messages().map(({ text }) => text),
    ['somebody joined'],
  );

  const word = { kind: 'tellUser', id: 'mxnotice-2', username: 'alice', text: 'you are invited' };
  assert.equal((await scene.perform(word)).kind, 'performed');
  assert.equal((await scene.perform(word)).kind, 'performed');
  const told = ws.rooms().flatMap((it) => it.messages());
  assert.equal(told.filter(({ text }) => text === 'you are invited').length, 1);

  const refused = await scene.perform({ ...open, members: [...members, 'nobody'] });
  assert.deepEqual(refused.kind, 'refused');

  await alice.say(direct, 'in private');
  await alice.say(room, 'in public');
  const hook = async (text: string): Promise<unknown> => {
    const seen = await scene.expect(
      'messageSent',
      ({ message }) => (message as { text: string }).text === text,
    );
    return (seen['message'] as { direct: boolean }).direct;
  };
  assert.equal(await hook('in private'), true);
  assert.equal(await hook('in public'), false);
});
