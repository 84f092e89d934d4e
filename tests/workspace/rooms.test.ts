/** Rooms: what an App may do with them, and what it can only read in system messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run, seen } from './probe/probe.ts';
import { makingBot, scene } from './probe/setting.ts';
import type { InstalledApp, Person, Room } from './index.ts';

const building = (type: string, creator: Person, fields: string): string => `
  const creator = await read.getUserReader().getById('${creator.id}');
  const builder = modify.getCreator().startRoom({ type: '${type}', creator });
  ${fields}
  return modify.getCreator().finish(builder);`;

function adding(app: InstalledApp, room: Room, by: Person, ...names: string[]): Promise<unknown> {
  return run(
    app,
    `
    const builder = await modify.getUpdater().room('${room.id}', await read.getUserReader().getById('${by.id}'));
    ${names.map((name) => `builder.addMemberToBeAddedByUsername('${name}');`).join('\n')}
    await modify.getUpdater().finish(builder);`,
  );
}

test('an App makes channels, groups, direct messages and discussions; a topic only as an unmapped field', async (t) => {
  const { ws, app, alice, bob, room } = await scene(t, { hooks: ['IPostRoomCreate'] });
  const named = (name: string): string =>
    `builder.setSlugifiedName('${name}').setDisplayName('${name}').setMembersToBeAddedByUsernames(['bob']);`;
  const channel =
    ws.room(
      await run<string>(
        app,
        building(
          'c',
          alice,
          `${named('bridged')} builder.getRoom()._unmappedProperties_ = { topic: 'rabbits' };`,
        ),
      ),
    ) ?? assert.fail();
  assert.deepEqual(
    [channel.doc().t, channel.doc()['topic'], channel.members(), channel.rolesOf('alice')],
    ['c', 'rabbits', ['alice', 'bob'], ['owner']],
  );
  assert.deepEqual(channel.systemMessages(), [], 'members given at creation come without a word');
  assert.equal((await seen(app, 'IPostRoomCreate'))[0]?.data['id'], channel.id);

  const group = ws.room(await run<string>(app, building('p', alice, named('hidden'))));
  assert.equal(group?.doc().t, 'p');
  await assert.rejects(run(app, building('c', alice, named('bridged'))), /exists/);
  await assert.rejects(run(app, building('c', alice, named('not a name'))), /valid room name/);

  const direct = await run<string>(app, building('d', alice, "builder.addMemberToBeAddedByUsername('bob');"));
  assert.deepEqual(ws.room(direct)?.members(), ['alice', 'bob']);
  assert.equal(
    await run(app, building('d', bob, "builder.addMemberToBeAddedByUsername('alice');")),
    direct,
    'there is one between two people',
  );

  const discussion = ws.room(
    await run<string>(
      app,
      `
    const creator = await read.getUserReader().getById('${alice.id}');
    const builder = modify.getCreator().startDiscussion({ creator, slugifiedName: 'talk', displayName: 'talk' });
    builder.setParentRoom(await read.getRoomReader().getById('${room.id}'));
    return modify.getCreator().finish(builder);`,
    ),
  );
  assert.deepEqual([discussion?.doc().prid, discussion?.doc().fname], [room.id, 'talk']);
  await room.expectSystemMessage(({ type, text }) => type === 'discussion-created' && text === 'talk');
});

test('there is one direct message for each set of people, found by their names, and nobody joins it', async (t) => {
  const { ws, app, alice, bob } = await scene(t);
  const carol = await ws.createUser('carol');
  const opening = (creator: Person, ...names: string[]): string =>
    building('d', creator, `builder.setMembersToBeAddedByUsernames(${JSON.stringify(names)});`);
  const pair = await run<string>(app, opening(alice, 'bob', 'alice'));
  assert.equal(pair, [alice.id, bob.id].sort().join(''), 'that of a pair is called by their two ids');
  const three = await run<string>(app, opening(carol, 'alice', 'bob'));
  assert.equal(await run(app, opening(bob, 'carol', 'alice')), three);
  assert.notEqual(three, pair);

  const found = (...names: string[]): Promise<unknown> =>
    run(
      app,
      `return (await read.getRoomReader().getDirectByUsernames(${JSON.stringify(names)}))?.id ?? 'none';`,
    );
  assert.equal(await found('bob', 'alice'), pair);
  assert.equal(await found('bob', 'carol', 'alice'), three);
  assert.equal(await found('bob', 'carol'), 'none');

  const room = ws.room(pair) ?? assert.fail();
  // The engine insists on a name, which a direct message has not.
  await assert.rejects(adding(app, room, alice, 'carol'), /Invalid slugifiedName/);
  assert.deepEqual(room.members(), ['alice', 'bob']);
  // Whoever was taken out is in it again when it is opened again.
  await run(app, `await modify.getDeleter().removeUsersFromRoom('${pair}', ['bob'])`);
  assert.deepEqual(room.members(), ['alice']);
  await run(app, opening(alice, 'bob'));
  assert.deepEqual(room.members(), ['alice', 'bob']);
});

test('a direct message has a limit, and needs a permission to be opened but not to be found', async (t) => {
  const { ws, app, alice, bob } = await scene(t);
  const opening = (creator: Person, ...names: string[]): string =>
    building('d', creator, `builder.setMembersToBeAddedByUsernames(${JSON.stringify(names)});`);
  ws.settings.set('DirectMesssage_maxUsers', 2);
  await ws.createUser('carol');
  await assert.rejects(run(app, opening(alice, 'bob', 'carol')), /error-direct-message-max-user-exceeded/);
  const guest = await ws.createUser('guest', { roles: ['guest'] });
  await assert.rejects(run(app, opening(guest, 'bob')), /Not allowed/);
  const room = await run<string>(app, opening(bob, 'guest'));
  assert.equal(await run(app, opening(guest, 'bob')), room);
});

test('a member an App adds is told as one who joined', async (t) => {
  const { ws, app, alice, room } = await scene(t, {
    hooks: ['IPostSystemMessageSent', 'IPostRoomUserJoined'],
  });
  await ws.createUser('carol');
  await adding(app, room, alice, 'carol', 'nobody');
  assert.deepEqual(room.members(), ['alice', 'bob', 'carol']);
  assert.deepEqual(
    room.systemMessages().map(({ type, text, sender }) => [type, text, sender]),
    [['uj', 'carol', 'carol']],
  );
  const [joined] = await seen(app, 'IPostRoomUserJoined');
  assert.equal((joined?.data['joiningUser'] as { username: string }).username, 'carol');
  assert.equal(joined?.data['inviter'] ?? 'nobody', 'nobody');
});

test("an App's update of a room is silent", async (t) => {
  const { app, alice, room } = await scene(t, { hooks: ['IPostSystemMessageSent'] });
  await run(
    app,
    `
    const builder = await modify.getUpdater().room('${room.id}', await read.getUserReader().getById('${alice.id}'));
    builder.setDisplayName('Renamed').setReadOnly(true).setCustomFields({ mark: 'x' });
    await modify.getUpdater().finish(builder);`,
  );
  const { fname, ro, customFields } = room.doc();
  assert.deepEqual([fname, ro, customFields], ['Renamed', true, { mark: 'x' }]);
  assert.deepEqual(room.systemMessages(), []);
  assert.deepEqual(await seen(app, 'IPostSystemMessageSent', 0), []);
});

test('at most fifty members are taken out at once', async (t) => {
  const { ws, app, alice } = await scene(t);
  const crowd = await Promise.all(Array.from({ length: 52 }, (_, at) => ws.createUser(`guest${String(at)}`)));
  const party = await ws.createChannel('party', { members: [alice, ...crowd] });
  const names = JSON.stringify(crowd.map(({ username }) => username));
  await run(app, `await modify.getDeleter().removeUsersFromRoom('${party.id}', ${names}.slice(0, 50))`);
  assert.equal(party.members().length, 3);
  assert.equal(party.systemMessages().filter(({ type }) => type === 'ul').length, 50);
  await assert.rejects(
    run(app, `await modify.getDeleter().removeUsersFromRoom('${party.id}', ${names})`),
    /50/,
  );
});

test('what people change in a room is told in system messages', async (t) => {
  const { ws, alice, bob, room } = await scene(t);
  const carol = await ws.createUser('carol');
  await alice.change(room, { name: 'parlour' });
  await alice.change(room, { topic: 'a topic' });
  await alice.change(room, { announcement: 'an announcement' });
  await alice.change(room, { description: 'a description' });
  await alice.change(room, { avatar: 'data:image/png;base64,AAAA' });
  await alice.change(room, { type: 'p' });
  await alice.change(room, { readOnly: true });
  await alice.change(room, { readOnly: false });
  await alice.role(room, bob, 'moderator');
  await alice.role(room, bob, 'moderator', false);
  await alice.mute(room, bob);
  await assert.rejects(bob.say(room, 'mm'), /muted/);
  await alice.mute(room, bob, false);
  await alice.invite(room, carol);
  await alice.kick(room, carol);
  await alice.pin(await bob.say(room, 'pinned'));
  await alice.change(room, { archived: true });
  await alice.change(room, { archived: false });
  await assert.rejects(bob.change(room, { topic: 'mine' }), /not allowed/);
  assert.deepEqual(
    room.systemMessages().map(({ type, text, sender }) => `${type ?? ''} ${text} ${sender}`),
    [
      'r parlour alice',
      'room_changed_topic a topic alice',
      'room_changed_announcement an announcement alice',
      'room_changed_description a description alice',
      'room_changed_avatar  alice',
      'room_changed_privacy Private alice',
      'room-set-read-only  alice',
      'room-removed-read-only  alice',
      'subscription-role-added bob alice',
      'subscription-role-removed bob alice',
      'user-muted bob alice',
      'user-unmuted bob alice',
      'au carol alice',
      'ru carol alice',
      'message_pinned  alice',
      'room-archived  alice',
      'room-unarchived  alice',
    ],
  );
});

test('an App reads members and roles, and removes a room with all that is in it', async (t) => {
  const { ws, app, alice, room } = await scene(t, { hooks: ['IPostRoomDeleted'] });
  await alice.say(room, 'soon gone');
  assert.deepEqual(
    await run(
      app,
      `return (await read.getRoomReader().getMembers('${room.id}')).map(({ username }) => username).sort()`,
    ),
    ['alice', 'bob'],
  );
  assert.deepEqual(
    await run(
      app,
      `return (await read.getRoomReader().getOwners('${room.id}')).map(({ username }) => username)`,
    ),
    ['alice'],
  );
  await run(app, `await modify.getDeleter().deleteRoom('${room.id}')`);
  assert.equal(ws.room(room.id), undefined);
  assert.equal((await seen(app, 'IPostRoomDeleted'))[0]?.data['id'], room.id);
});

test('a name of native federation is refused in an ordinary room', async (t) => {
  const { ws, app, alice } = await scene(t);
  const federated = ws.user(await run<string>(app, makingBot('@eve:example.org')));
  assert.equal(federated?.username, '@eve:example.org');
  await assert.rejects(ws.createChannel('mixed', { members: [alice, federated] }), /federated users/);
  await ws.createChannel('plain', {
    members: [alice, ws.user(await run<string>(app, makingBot('eve:example.org'))) ?? assert.fail()],
  });
});
