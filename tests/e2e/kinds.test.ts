/** What is said in other ways than by a text, both ways, as people see it: in a room that a Matrix user made. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Message, Person } from '../workspace/index.ts';
import { Federation, type Portal } from './federation.ts';
import { Preset, type MatrixUser } from './homeserver/client.ts';
import { poll } from './homeserver/waiting.ts';
import { png } from './png.ts';

const ALICE = '@rc_alice:hs.test';
const BOB = 'bob:hs.test';
const PATIENCE = { timeout: 30_000 };

type Content = Readonly<Record<string, unknown>>;

describe('other kinds of messages between Rocket.Chat and Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let carol: Person;
  let bob: MatrixUser;
  let eve: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    await federation.configure({ pictures_url: federation.listenerUrl });
    alice = await federation.workspace.createUser('alice', { name: 'Alice' });
    carol = await federation.workspace.createUser('carol', { name: 'Carol' });
    bob = await federation.matrixUser('bob');
    eve = await federation.matrixUser('eve');
    const channel = await federation.workspace.createChannel('kinds', {
      members: [alice],
    });
    const room = await bob.createRoom({ preset: Preset.PublicChat });
    await eve.join(room);
    await alice.command(channel, `/federation join ${room}`);
    await alice.expectNotice(({ text }) => text.includes('This room is now'));
    portal = { channel, room };
    await carol.join(channel);
    await federation.workspace.admin.role(channel, alice, 'moderator');
  });

  after(() => federation.close());

  const send = (type: string, content: Content, by = bob): Promise<string> =>
    by.sendRaw(portal.room, type, content);

  const says = (text: string): Promise<Message> =>
    portal.channel.expectMessage((message) => message.text === text, PATIENCE);

  test('whatever is said on Matrix can be read', async () => {
    await send('m.room.message', { msgtype: 'm.emote', body: 'waves' });
    await says('_waves_');
    await send('m.room.message', {
      msgtype: 'm.notice',
      body: 'from a machine',
    });
    await says('from a machine');
    await send('m.room.message', {
      msgtype: 'm.location',
      body: 'here',
      geo_uri: 'geo:48.85,2.29',
    });
    await portal.channel.expectMessage(({ text }) => text.includes('?mlat=48.85&mlon=2.29'), PATIENCE);
    const url = await bob.upload(png([10, 20, 30]), 'cat.png', 'image/png');
    await send('m.sticker', {
      body: 'a cat',
      url,
      info: { mimetype: 'image/png' },
    });
    const sticker = await portal.channel.expectMessage(({ raw }) => raw.file?.name === 'a cat.png', PATIENCE);
    assert.equal(sticker.sender, BOB);
    await send('m.room.encrypted', {
      algorithm: 'm.megolm.v1.aes-sha2',
      ciphertext: 'x',
    });
    await says('[encrypted message: it cannot be read here]');
  });

  test('what nobody knows is named, once in a row', async () => {
    for (const steps of [1, 2, 3]) await send('org.example.dance', { steps });
    await send('org.example.dance', { body: 'one more *step*' });
    await says('[org.example.dance]\none more \\*step\\*');
    const named = portal.channel.messages().filter(({ text }) => text.includes('of type org.example.dance'));
    assert.deepEqual(
      named.map(({ text }) => text),
      ['[event of type org.example.dance, which cannot be shown here]'],
    );
  });

  test('a message with a profile of its own shows that name and picture', async () => {
    const picture = png([200, 100, 0]);
    const profile = {
      id: 'cat',
      displayname: 'The cat',
      avatar_url: await bob.upload(picture, 'face.png', 'image/png'),
    };
    await send('m.room.message', {
      msgtype: 'm.text',
      body: 'miaow',
      'com.beeper.per_message_profile': profile,
    });
    const { alias, avatar } = await says('miaow');
    assert.equal(alias, 'The cat (bob)');
    const answer = await fetch(avatar ?? '');
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png']);
  });

  test('a poll shows its votes as they come, and the result at the end', async () => {
    const answers = ['Pizza', 'Soup'].map((text) => ({
      id: text,
      'org.matrix.msc1767.text': text,
    }));
    const question = await send('org.matrix.msc3381.poll.start', {
      'org.matrix.msc3381.poll.start': {
        kind: 'org.matrix.msc3381.poll.disclosed',
        question: { 'org.matrix.msc1767.text': 'Lunch?' },
        answers,
      },
      'org.matrix.msc1767.text': 'Lunch? Pizza, Soup',
    });
    const relation = {
      'm.relates_to': { rel_type: 'm.reference', event_id: question },
    };
    const vote = (by: MatrixUser, answer: string): Promise<string> =>
      send(
        'org.matrix.msc3381.poll.response',
        {
          ...relation,
          'org.matrix.msc3381.poll.response': { answers: [answer] },
        },
        by,
      );
    const { id } = await portal.channel.expectMessage(
      ({ text }) => text.startsWith('[poll] Lunch?'),
      PATIENCE,
    );
    const shows = (...parts: string[]): Promise<unknown> =>
      portal.channel.expect(
        parts.join(),
        () => parts.every((part) => portal.channel.message(id)?.text.includes(part)),
        PATIENCE,
      );
    await vote(bob, 'Pizza');
    await shows('1. Pizza (1 vote)', '1 person voted so far');
    await vote(eve, 'Pizza');
    const last = await vote(bob, 'Soup');
    await shows('1. Pizza (1 vote)', '2. Soup (1 vote)');
    await bob.client.redactEvent(portal.room, last);
    await shows('1. Pizza (2 votes)');
    await send('org.matrix.msc3381.poll.end', { ...relation, 'org.matrix.msc3381.poll.end': {} }, eve);
    await vote(eve, 'Soup');
    await shows('1. Pizza (1 vote)', '2. Soup (1 vote)', '[poll] ');
    await send('org.matrix.msc3381.poll.end', {
      ...relation,
      'org.matrix.msc3381.poll.end': {},
    });
    await shows('[poll, ended] Lunch?', '1. Pizza (1 vote)', '2 people voted.');
    const ours = (await bob.timeline(portal.room)).filter(({ sender }) => sender === ALICE);
    assert.ok(
      ours.every(({ type }) => type === 'm.room.member'),
      'nothing of it came back',
    );
  });

  test('pins of local people stand on Matrix as far as they may pin there', async () => {
    const message = await alice.say(portal.channel, 'pin this');
    const event = await bob.expectMessage(portal.room, 'pin this');
    const old = await bob.say(portal.room, 'pinned before');
    await bob.sendState(portal.room, 'm.room.pinned_events', { pinned: [old] });
    await alice.pin(message);
    await alice.expectNotice(({ text }) => text.startsWith('Your pin is seen here only: '), PATIENCE);
    await alice.pin(message, false);
    const levels = await bob.state(portal.room, 'm.room.power_levels');
    const users = { ...(levels?.['users'] as Content), [ALICE]: 50 };
    await bob.sendState(portal.room, 'm.room.power_levels', {
      ...levels,
      users,
    });
    await alice.pin(message);
    await pinned([old, event.id]);
    await alice.pin(message, false);
    await pinned([old]);
  });

  test('pins of Matrix are said here, or made where the App has an account for that', async () => {
    const message = await alice.say(portal.channel, 'worth a pin');
    const { id } = await bob.expectMessage(portal.room, 'worth a pin');
    const before = ((await bob.state(portal.room, 'm.room.pinned_events'))?.['pinned'] ?? []) as string[];
    await bob.sendState(portal.room, 'm.room.pinned_events', {
      pinned: [...before, id],
    });
    const told = await portal.channel.expectMessage(
      ({ text, attachments }) =>
        text.endsWith('📌 pinned a message') && attachments[0]?.['text'] === 'worth a pin',
      PATIENCE,
    );
    assert.equal(told.sender, BOB);
    const { admin } = federation.workspace;
    await admin.join(portal.channel);
    await federation.configure({
      workspace_url: federation.instance.endpointUrl,
      rest_user: admin.id,
      rest_token: admin.token,
    });
    const is = (wanted: boolean): Promise<unknown> =>
      portal.channel.expect(
        `pinned: ${String(wanted)}`,
        () => portal.channel.message(message.id)?.raw['pinned'] === wanted,
        PATIENCE,
      );
    await bob.sendState(portal.room, 'm.room.pinned_events', {
      pinned: before,
    });
    await is(false);
    await bob.sendState(portal.room, 'm.room.pinned_events', {
      pinned: [...before, id],
    });
    await is(true);
    await pinned([...before, id]);
    const states = (await bob.timeline(portal.room)).filter(({ type }) => type === 'm.room.pinned_events');
    assert.ok(
      states.slice(-3).every(({ sender }) => sender === bob.userId),
      'what was pinned for Matrix did not come back',
    );
  });

  test('who is not in the room is not called, and channels are links', async () => {
    const dave = await federation.workspace.createUser('dave', {
      name: 'Dave',
    });
    const frank = await federation.matrixUser('frank');
    const lounge = await federation.portal('lounge', alice, frank);
    await eve.say(portal.room, 'I am here');
    await says('I am here');
    await alice.say(portal.channel, '@carol @dave @frank:hs.test @eve:hs.test see #lounge and #nowhere');
    const called = await bob.expectMessage(portal.room, /see #lounge/);
    assert.deepEqual(called.content['m.mentions'], {
      user_ids: ['@rc_carol:hs.test', '@eve:hs.test'],
    });
    const html = String(called.content['formatted_body']);
    assert.ok(html.includes('@dave @frank:hs.test '), html);
    assert.ok(
      html.includes(`https://matrix.to/#/${lounge.room}?via=hs.test">#lounge</a> and #nowhere`),
      html,
    );
    assert.equal(dave.username, 'dave');

    const link = (room: string): string => `<a href="https://matrix.to/#/${room}">a room</a>`;
    await bob.say(portal.room, 'go there', {
      html: `go to ${link(lounge.room)} or ${link('!far:far.test')}`,
    });
    await says('go to #lounge or [a room](https://matrix.to/#/!far:far.test)');
    const mention = '<a href="https://matrix.to/#/@rc_dave:hs.test">Dave</a>';
    await bob.say(portal.room, 'Dave?', { html: `${mention}?` });
    const asked = await portal.channel.expectMessage(({ text }) => text.endsWith('?'), PATIENCE);
    assert.deepEqual(asked.raw.mentions, []);
  });

  async function pinned(events: string[]): Promise<void> {
    const now = async (): Promise<unknown> =>
      (await bob.state(portal.room, 'm.room.pinned_events'))?.['pinned'];
    await poll(async () => isDeepStrictEqual(await now(), events) || undefined, {
      ...PATIENCE,
      what: `pins ${events.join()}`,
    });
  }
});
