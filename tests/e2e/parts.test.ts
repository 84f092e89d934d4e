/** Long messages, cards of Apps, and what the other side refuses: nothing is cut, and nothing is lost without a word. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Message, Person } from '../workspace/index.ts';
import { Federation, numbered, type Portal } from './federation.ts';
import { Preset, type MatrixUser } from './homeserver/client.ts';
import type { RoomEvent } from './homeserver/room-event.ts';
import { poll } from './homeserver/waiting.ts';

const PATIENCE = { timeout: 60_000 };

describe('long messages, cards and refusals between Rocket.Chat and Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice', { name: 'Alice' });
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('parts', alice, bob);
  });

  after(() => federation.close());

  test('the card of a webhook and the blocks of an App are read on Matrix', async () => {
    const card = {
      author_name: 'CI',
      title: 'Build 7',
      title_link: 'https://ci.test/7',
      text: 'is *green*',
      fields: [{ title: 'Branch', value: 'main', short: true }],
      image_url: 'https://ci.test/7.png',
    };
    await alice.say(portal.channel, '', { attachments: [card] });
    const { content } = await bob.expectMessage(portal.room, /Build 7/);
    for (const told of ['CI', 'https://ci.test/7', 'green', 'Branch', 'main', 'https://ci.test/7.png'])
      assert.match(String(content['body']), new RegExp(told));
    assert.match(String(content['formatted_body']), /<strong>green<\/strong>/);

    const blocks = [
      { type: 'section', text: { type: 'mrkdwn', text: 'Deploy *it*?' } },
      { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'Yes' } }] },
    ];
    await alice.say(portal.channel, 'A question', { blocks });
    const asked = await bob.expectMessage(portal.room, /^A question/);
    assert.match(String(asked.content['body']), /Deploy \*\*it\*\*\?[^]*\[Yes\]/);
  });

  test('a long message from Matrix comes in parts, is edited to fewer and to more, and goes as one', async () => {
    const event = await bob.say(portal.room, words('long', 1200));
    await shows(words('long', 1200), 3);
    await bob.say(portal.room, 'right behind');
    await portal.channel.expectMessage(({ text }) => text === 'right behind', PATIENCE);
    for (const [count, parts] of [
      [1, 1],
      [1500, 5],
    ] as const) {
      const text = words(`edit${String(count)}x`, count);
      await bob.sendRaw(portal.room, 'm.room.message', {
        msgtype: 'm.text',
        body: '* edited',
        'm.new_content': { msgtype: 'm.text', body: text },
        'm.relates_to': { rel_type: 'm.replace', event_id: event },
      });
      await shows(text, parts);
    }
    await bob.client.redactEvent(portal.room, event);
    await portal.channel.expect('nothing of it', () => said(/^edit/).length === 0, PATIENCE);
  });

  test('a long message to Matrix goes in parts, is edited to fewer, and is deleted as one', async () => {
    federation.workspace.settings.set('Message_MaxAllowedSize', 200_000);
    const text = words('local', 9_000);
    const message = await alice.say(portal.channel, text);
    await bob.expectMessage(portal.room, /local008999$/, PATIENCE);
    const heard = await parts(/^local/);
    assert.equal(heard.length, 3);
    assert.equal(heard.map(({ content }) => content['body']).join(' '), text);
    await alice.edit(message, 'local and short');
    await bob.until(
      'the rest to be gone',
      () => heard.slice(1).every(({ id }) => isRedacted(id)) || undefined,
      PATIENCE,
    );
    const [first] = heard;
    await bob.until(
      'the edit',
      () => shownText(first?.id ?? '') === 'local and short' || undefined,
      PATIENCE,
    );
    await alice.delete(message);
    await bob.until('nothing left', () => isRedacted(first?.id ?? '') || undefined, PATIENCE);
    federation.workspace.settings.set('Message_MaxAllowedSize', 5000);
  });

  test('who may not write on Matrix is told so, and what they can do', async () => {
    const channel = await federation.workspace.createChannel('silent', { members: [alice] });
    const room = await bob.createRoom({ preset: Preset.PublicChat });
    await alice.command(channel, `/federation join ${room}`);
    await alice.expectNotice(({ text }) => text.includes('This room is now'));
    await alice.say(channel, 'may I?');
    await bob.expectMessage(room, 'may I?', PATIENCE);
    const levels = await bob.state(room, 'm.room.power_levels');
    await bob.sendState(room, 'm.room.power_levels', { ...levels, events_default: 50 });
    await alice.say(channel, 'and now?');
    const { text } = await alice.expectNotice(({ text: told }) => told.includes('not delivered'), PATIENCE);
    assert.match(text, /M_FORBIDDEN.*moderator/);
    await bob.sendState(room, 'm.room.power_levels', { ...levels, events_default: 0 });
    await alice.say(channel, 'again');
    await bob.expectMessage(room, 'again', PATIENCE);
    assert.deepEqual(await federation.heard(bob, room), ['may I?', 'again']);
  });

  test('what Rocket.Chat refuses is said once in the log, can be tried again, and holds up nothing', async () => {
    const { admin } = federation.workspace;
    await alice.change(portal.channel, { readOnly: true });
    await bob.say(portal.room, 'refused');
    const refusal = (line: string): boolean => line.includes(portal.room) && line.includes('put aside');
    // A line of the log comes to light with the next request.
    await poll(
      async () => {
        await admin.command(federation.lobby, '/federation status');
        return federation.log().some(refusal) || undefined;
      },
      { ...PATIENCE, what: 'the refusal in the log' },
    );
    await alice.change(portal.channel, { readOnly: false });
    await bob.say(portal.room, 'taken');
    await portal.channel.expectMessage(({ text }) => text === 'taken', PATIENCE);
    assert.deepEqual(said(/^refused$/), []);
    assert.equal(federation.log().filter(refusal).length, 1);
    await admin.command(federation.lobby, '/federation retry');
    await portal.channel.expectMessage(({ text }) => text === 'refused', PATIENCE);
  });

  function said(pattern: RegExp): Message[] {
    return portal.channel.messages().filter(({ text }) => pattern.test(text));
  }

  /** Waits until the channel shows a text of numbered words, in so many messages. */
  async function shows(text: string, count: number): Promise<void> {
    const mark = new RegExp(`^${/^[^0-9]+[0-9]*?x?/.exec(text)?.[0] ?? ''}`);
    await portal.channel.expect(
      `a text in ${String(count)} parts`,
      () =>
        said(mark)
          .map(({ text: part }) => part)
          .join(' ') === text,
      PATIENCE,
    );
    assert.equal(said(mark).length, count);
  }

  async function parts(pattern: RegExp): Promise<RoomEvent[]> {
    const messages = await bob.messages(portal.room);
    return messages.filter(({ content }) => pattern.test(String(content['body'])));
  }

  function isRedacted(event: string): boolean {
    return bob.client.getRoom(portal.room)?.findEventById(event)?.isRedacted() === true;
  }

  function shownText(event: string): unknown {
    return bob.client.getRoom(portal.room)?.findEventById(event)?.getContent()['body'];
  }
});

/** So many numbered words of which none is like another. */
function words(name: string, count: number): string {
  return numbered(name, count)
    .map((_, at) => `${name}${String(at).padStart(6, '0')}`)
    .join(' ');
}
