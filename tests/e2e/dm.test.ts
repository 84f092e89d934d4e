/** Direct messages between Rocket.Chat and Matrix, as their people see them. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Person, Room } from '../workspace/index.ts';
import { Federation, RECOVERY } from './federation.ts';
import { type MatrixUser, type Member, Preset } from './homeserver/client.ts';
import { poll } from './homeserver/waiting.ts';

describe('direct messages', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  /** Where alice types her commands. */
  let desk: Room;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice', { name: 'Alice of Tea' });
    bob = await federation.matrixUser('bob');
    desk = await federation.workspace.createChannel('desk', { members: [alice] });
  });

  after(() => federation.close());

  test('/federation dm opens one, which looks like one on Matrix', async () => {
    await alice.command(desk, `/federation dm ${bob.userId}`);
    await alice.expectNotice(({ text }) => text.includes('@bob:hs.test is among your direct messages'));
    const invite = await bob.expectInvite(({ isDirect }) => isDirect);
    assert.equal(invite.inviter, '@rc_alice:hs.test');
    await bob.join(invite.roomId);
    const room = direct('alice', 'bob:hs.test');
    await alice.say(room, 'hello bob');
    await bob.expectMessage(invite.roomId, 'hello bob');
    await bob.say(invite.roomId, 'hello alice');
    await room.expectMessage(({ text, sender }) => text === 'hello alice' && sender === 'bob:hs.test');
    // Not by the alias that it is found again by.
    assert.equal(bob.client.getRoom(invite.roomId)?.name, 'Alice of Tea');
  });

  test('asked for again it is the same', async () => {
    const before = alice.notices(desk).length;
    await alice.command(desk, `/federation dm ${bob.userId}`);
    const again = (): boolean =>
      alice
        .notices(desk)
        .slice(before)
        .some(({ text }) => text.includes('is among your direct messages'));
    await federation.workspace.until('the answer', again);
    assert.deepEqual(bob.invites(), []);
    assert.equal(directs().length, 1);
  });

  test("the first words in Rocket.Chat's own direct message make the room", async () => {
    const carol = await federation.workspace.createUser('carol', { name: 'Carol' });
    const room = await own(carol, 'bob:hs.test');
    await carol.say(room, 'no command needed');
    const invite = await bob.expectInvite(({ inviter }) => inviter === '@rc_carol:hs.test');
    assert.ok(invite.isDirect);
    await bob.join(invite.roomId);
    await bob.expectMessage(invite.roomId, 'no command needed');
    await bob.say(invite.roomId, 'indeed');
    await room.expectMessage(({ text }) => text === 'indeed');
  });

  test('opened on Matrix it appears here, also for somebody whom Matrix has never seen', async () => {
    const dora = await federation.workspace.createUser('dora', { name: 'Dora' });
    const room = await open(bob, dora);
    await bob.say(room, 'anybody there?');
    const here = await federation.workspace.expectRoom('of dora and bob', (it) =>
      isOf(it, 'bob:hs.test', 'dora'),
    );
    await here.expectMessage(({ text }) => text === 'anybody there?');
    await dora.say(here, 'yes');
    assert.equal((await bob.expectMessage(room, 'yes')).sender, '@rc_dora:hs.test');
  });

  test('a second room of the same two leads into the same direct message', async () => {
    const here = direct('alice', 'bob:hs.test');
    const second = await open(bob, alice);
    await bob.say(second, 'another room');
    await here.expectMessage(({ text }) => text === 'another room');
    await alice.say(here, 'the newest');
    await bob.expectMessage(second, 'the newest');
    await bob.leave(second);
    await federation.workspace.until('the leave to be known', () => departed(second));
    await alice.say(here, 'the one that is alive');
    const first = await bob.until('the first room', () => roomWith('hello bob'));
    await bob.expectMessage(first, 'the one that is alive');
    assert.equal(directs().filter((it) => isOf(it, 'alice', 'bob:hs.test')).length, 1);
  });

  test('whoever left is invited again by the next words', async () => {
    const here = direct('alice', 'bob:hs.test');
    const first = await bob.until('the first room', () => roomWith('hello bob'));
    await bob.leave(first);
    await federation.workspace.until('the leave to be known', () => departed(first));
    await alice.say(here, 'come back');
    const invite = await bob.expectInvite();
    assert.ok(invite.isDirect);
    await bob.join(invite.roomId);
    await bob.expectMessage(invite.roomId, 'come back');
    await alice.expectNotice(({ text }) => text.includes('is invited again'));
  });

  test('all is found again after a restart', async () => {
    const here = direct('alice', 'bob:hs.test');
    await federation.instance.killRuntime();
    await federation.instance.runtimeRestarted();
    await alice.say(here, 'after the restart');
    const room = await bob.until('the message', () => roomWith('after the restart'), RECOVERY);
    await bob.say(room, 'still here');
    await here.expectMessage(({ text }) => text === 'still here', RECOVERY);
  });

  test('one of several people is one here too', async () => {
    const carol = federation.workspace.user('carol') ?? assert.fail();
    const erin = await federation.matrixUser('erin');
    const room = await open(bob, alice, carol, erin);
    await erin.expectInvite();
    await erin.join(room);
    const here = await federation.workspace.expectRoom('of all four', (it) =>
      isOf(it, 'alice', 'bob:hs.test', 'carol', 'erin:hs.test'),
    );
    await erin.say(room, 'hello all');
    await here.expectMessage(({ text, sender }) => text === 'hello all' && sender === 'erin:hs.test');
    await carol.say(here, 'hello erin');
    assert.equal((await erin.expectMessage(room, 'hello erin')).sender, '@rc_carol:hs.test');
    const frank = await federation.matrixUser('frank');
    await bob.invite(room, frank.userId);
    await frank.join(room);
    await here.expectMessage(({ text }) => text.startsWith('`@frank:hs.test` has joined on Matrix'));
    await frank.say(room, 'me too');
    await here.expectMessage(({ text }) => text === '`@frank:hs.test`:\nme too');
  });

  test('an invitation to a room is told by the App and not answered', async () => {
    const room = await bob.createRoom({ name: 'Tea', invite: ['@rc_alice:hs.test'] });
    const told = await federation.workspace.until('the word of it', () =>
      directs()
        .flatMap((it) => it.messages())
        .find(({ text }) => text.includes('invites you to the Matrix room Tea')),
    );
    assert.ok(told.text.includes(`/federation join ${room}`), told.text);
    assert.equal((await puppet(room, '@rc_alice:hs.test'))?.membership, 'invite');
  });

  test('what is encrypted is declined with the reason', async () => {
    const encryption = {
      type: 'm.room.encryption',
      state_key: '',
      content: { algorithm: 'm.megolm.v1.aes-sha2' },
    };
    const room = await bob.createRoom({
      is_direct: true,
      preset: Preset.TrustedPrivateChat,
      initial_state: [encryption],
      invite: ['@rc_alice:hs.test'],
    });
    const { reason } = await declined(room, '@rc_alice:hs.test');
    assert.match(reason ?? '', /cannot read encrypted rooms; start the conversation without encryption/);
  });

  test('who does not exist declines with the reason', async () => {
    const room = await bob.createRoom({ is_direct: true, invite: ['@rc_nobody:hs.test'] });
    const { reason } = await declined(room, '@rc_nobody:hs.test');
    assert.match(reason ?? '', /There is no such person on Rocket.Chat/);
  });

  /** What somebody's own client does when they click on somebody. */
  async function own(person: Person, ghost: string): Promise<Room> {
    const other = federation.workspace.user(ghost) ?? assert.fail();
    return federation.workspace.createChannel('', { type: 'd', members: [person, other] });
  }

  async function open(by: MatrixUser, ...guests: (Person | MatrixUser)[]): Promise<string> {
    const invite = guests.map((it) => ('userId' in it ? it.userId : `@rc_${it.username}:hs.test`));
    return by.createRoom({ is_direct: true, preset: Preset.TrustedPrivateChat, invite });
  }

  function directs(): Room[] {
    return federation.workspace.rooms().filter((it) => it.doc().t === 'd');
  }

  function direct(...members: string[]): Room {
    return (
      directs().find((it) => isOf(it, ...members)) ?? assert.fail(`no direct message of ${members.join()}`)
    );
  }

  function isOf(room: Room, ...members: string[]): boolean {
    return room.doc().t === 'd' && room.members().join() === [...members].sort().join();
  }

  function departed(room: string): boolean {
    return federation.workspace
      .persistence(federation.app.id)
      .some(({ data }) => JSON.stringify(data).includes('departed') && JSON.stringify(data).includes(room));
  }

  function roomWith(text: string): string | undefined {
    const rooms = bob.client.getRooms();
    const has = (it: (typeof rooms)[number]): boolean =>
      it
        .getLiveTimeline()
        .getEvents()
        .some((event) => event.getContent()['body'] === text);
    return rooms.find(has)?.roomId;
  }

  async function puppet(room: string, mxid: string): Promise<Member | undefined> {
    return (await bob.members(room)).get(mxid);
  }

  async function declined(room: string, mxid: string): Promise<Member> {
    const look = async (): Promise<Member | undefined> => {
      const member = await puppet(room, mxid);
      return member?.membership === 'leave' ? member : undefined;
    };
    return poll(look, {
      timeout: 30_000,
      what: `${mxid} to decline`,
      found: () => federation.log().join('\n'),
    });
  }
});
