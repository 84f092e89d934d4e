/** Replies, threads and reactions across, as people see them: in a room that the App made. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Message, Person } from '../workspace/index.ts';
import { Federation, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';
import type { RoomEvent } from './homeserver/room-event.ts';

const ALICE = '@rc_alice:hs.test';
const BOB = 'bob:hs.test';

interface Relation {
  rel_type?: string;
  event_id?: string;
  key?: string;
  is_falling_back?: boolean;
  'm.in_reply_to'?: { event_id: string };
}

describe('relations between Rocket.Chat and Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let carol: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice', { name: 'Alice' });
    carol = await federation.workspace.createUser('carol', { name: 'Carol' });
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('relations', alice, bob);
    await carol.join(portal.channel);
  });

  after(() => federation.close());

  /** A message as both sides have it. */
  async function said(text: string): Promise<{ local: Message; event: RoomEvent }> {
    const local = await alice.say(portal.channel, text);
    return { local, event: await bob.expectMessage(portal.room, text) };
  }

  function link(message: Message): string {
    return federation.workspace.messageLink(message.raw);
  }

  test('quotes are replies, of what either side said', async () => {
    const { local, event } = await said('what do you think?');
    await carol.say(portal.channel, `[ ](${link(local)}) I think *so*`);
    const reply = await bob.expectMessage(portal.room, 'I think **so**');
    assert.equal(relation(reply)['m.in_reply_to']?.event_id, event.id);

    const id = await bob.sendRaw(portal.room, 'm.room.message', {
      msgtype: 'm.text',
      body: 'I do not',
      'm.relates_to': { 'm.in_reply_to': { event_id: event.id } },
    });
    const answer = await portal.channel.expectMessage(({ text }) => text.endsWith(' I do not'));
    const [quote] = answer.attachments;
    assert.deepEqual([quote?.['author_name'], quote?.['text']], ['alice', 'what do you think?']);
    await alice.say(portal.channel, `[ ](${link(answer)}) why not?`);
    assert.equal(relation(await bob.expectMessage(portal.room, 'why not?'))['m.in_reply_to']?.event_id, id);
    // What was answered stays answered when the answer is edited.
    await bob.sendRaw(portal.room, 'm.room.message', {
      msgtype: 'm.text',
      body: '* I do',
      'm.new_content': { msgtype: 'm.text', body: 'I do' },
      'm.relates_to': { rel_type: 'm.replace', event_id: id },
    });
    const edited = await portal.channel.expectMessage(({ text }) => text.endsWith(' I do'));
    assert.deepEqual([edited.id, edited.attachments.length], [answer.id, 1]);
  });

  test('threads go on on both sides', async () => {
    const { local, event } = await said('the root');
    await carol.say(portal.channel, 'first in it', { tmid: local.id });
    const first = await bob.expectMessage(portal.room, 'first in it');
    assert.deepEqual(relation(first), {
      rel_type: 'm.thread',
      event_id: event.id,
      is_falling_back: true,
      'm.in_reply_to': { event_id: event.id },
    });
    await bob.sendRaw(portal.room, 'm.room.message', {
      msgtype: 'm.text',
      body: 'second in it',
      'm.relates_to': { ...relation(first), 'm.in_reply_to': { event_id: first.id } },
    });
    const second = await portal.channel.expectMessage(({ text }) => text === 'second in it');
    assert.equal(second.threadId, local.id);
    await alice.say(portal.channel, 'third in it', { tmid: second.id });
    const third = relation(await bob.expectMessage(portal.room, 'third in it'));
    assert.equal(third.event_id, event.id);
    const thread = await bob.client.relations(portal.room, event.id, 'm.thread', null);
    assert.equal(thread.events.length, 3);
  });

  test('reactions come and go, both ways', async () => {
    const { local, event } = await said('react to this');
    await alice.react(local, ':thumbsup:');
    await carol.react(local, ':thumbsup:');
    await alice.react(local, ':hourglass:');
    for (const [sender, key] of [
      [ALICE, '👍'],
      ['@rc_carol:hs.test', '👍'],
      [ALICE, '⌛'],
    ])
      await bob.expectEvent(portal.room, (one) => one.sender === sender && relation(one).key === key);
    assert.deepEqual(await reactions(event), [`${ALICE} ⌛`, `${ALICE} 👍`, '@rc_carol:hs.test 👍']);
    await alice.react(local, ':thumbsup:');
    await bob.expectEvent(portal.room, ({ type, sender }) => type === 'm.room.redaction' && sender === ALICE);
    assert.ok(!(await reactions(event)).includes(`${ALICE} 👍`));

    const annotate = (key: string): Promise<string> =>
      bob.sendRaw(portal.room, 'm.reaction', {
        'm.relates_to': { rel_type: 'm.annotation', event_id: event.id, key },
      });
    const heart = await annotate('❤️');
    await shows(local, ':heart:', [BOB]);
    await bob.client.redactEvent(portal.room, heart);
    await shows(local, ':heart:', []);
    await shows(local, ':thumbsup:', ['carol']);
    await annotate('what a day');
    const word = await portal.channel.expectMessage(({ text }) => text.endsWith('reacted with what a day'));
    assert.equal(word.sender, BOB);
    assert.equal((await reactions(event)).filter((one) => one.startsWith('@rc_')).length, 2);
  });

  test('everyone is called only by those who may', async () => {
    await bob.sendRaw(portal.room, 'm.room.message', {
      msgtype: 'm.text',
      body: '@room lunch',
      'm.mentions': { room: true },
    });
    const call = await portal.channel.expectMessage(({ text }) => text.includes('lunch'));
    assert.deepEqual(call.raw.mentions, []);
    await alice.say(portal.channel, '@all dinner');
    const heard = await bob.expectMessage(portal.room, '@room dinner');
    assert.deepEqual(heard.content['m.mentions'], {});
  });

  test('a room that is encrypted is suspended, and goes on afterwards', async () => {
    await alice.change(portal.channel, { encrypted: true });
    const told = await bob.expectMessage(portal.room, /encrypts this room/);
    assert.equal(told.content['msgtype'], 'm.notice');
    await carol.expectNotice(({ text }) => text.includes('encrypts this room'));
    await bob.say(portal.room, 'into the void');
    await alice.say(portal.channel, 'c2VjcmV0', { t: 'e2e' });
    await alice.change(portal.channel, { encrypted: false });
    await bob.expectMessage(portal.room, /does not encrypt/);
    await bob.say(portal.room, 'back again');
    await portal.channel.expectMessage(({ text }) => text === 'back again');
    await alice.say(portal.channel, 'here too');
    await bob.expectMessage(portal.room, 'here too');
    const heard = await federation.heard(bob, portal.room);
    assert.deepEqual(
      heard.filter((text) => text.includes('c2V')),
      [],
    );
  });

  async function reactions({ id }: RoomEvent): Promise<string[]> {
    const { events } = await bob.client.relations(portal.room, id, 'm.annotation', 'm.reaction');
    const standing = events.filter((event) => !event.isRedacted());
    return standing
      .map(
        (event) => `${event.getSender() ?? ''} ${(event.getContent()['m.relates_to'] as Relation).key ?? ''}`,
      )
      .sort();
  }

  async function shows({ id }: Message, emoji: string, who: string[]): Promise<void> {
    await federation.workspace.until(`${emoji} by ${who.join()}`, () => {
      const there = portal.channel.message(id)?.reactions[emoji] ?? [];
      return there.join() === who.join();
    });
  }
});

function relation({ content }: RoomEvent): Relation {
  return content['m.relates_to'] ?? {};
}
