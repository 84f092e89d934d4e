/** Edits and deletions across, as people see them: in a room that the App made, and in an old one that it joined. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Message, Person } from '../workspace/index.ts';
import { Federation, type Portal, RECOVERY } from './federation.ts';
import { Preset, type MatrixUser } from './homeserver/client.ts';
import type { RoomEvent } from './homeserver/room-event.ts';

const BOT = '@rocketchat:hs.test';
const ALICE = '@rc_alice:hs.test';

describe('edits and deletions between Rocket.Chat and Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let carol: Person;
  let bob: MatrixUser;
  /** Made by the App, of room version 12. */
  let modern: Portal;
  /** Made on Matrix, of room version 10; the App's own user is not in it. */
  let old: Portal;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice', { name: 'Alice' });
    carol = await federation.workspace.createUser('carol', { name: 'Carol' });
    bob = await federation.matrixUser('bob');
    modern = await federation.portal('modern', alice, bob);
    const channel = await federation.workspace.createChannel('old', { members: [alice] });
    const room = await bob.createRoom({ preset: Preset.PublicChat, room_version: '10' });
    await alice.command(channel, `/federation join ${room}`);
    await alice.expectNotice(({ text }) => text.includes('This room is now'));
    old = { channel, room };
    for (const portal of [modern, old]) {
      await carol.join(portal.channel);
      await alice.role(portal.channel, carol, 'moderator');
    }
  });

  after(() => federation.close());

  for (const name of ['modern', 'old'] as const) {
    const portal = (): Portal => (name === 'modern' ? modern : old);

    test(`${name} room: a local message is edited again and again`, async () => {
      const said = await alice.say(portal().channel, 'first *words*');
      const { id } = await bob.expectMessage(portal().room, /^first/);
      for (const text of ['second', '*third*', 'and last']) {
        await alice.edit(said, text);
        await bob.expectMessage(portal().room, replaces(id, text.replaceAll('*', '**')));
      }
      assert.equal(shownText(bob, portal(), id), 'and last');
      const aggregated = await bob.client.fetchRoomEvent(portal().room, id);
      const { 'm.relations': relations } = aggregated.unsigned as Record<string, Record<string, unknown>>;
      const latest = relations?.['m.replace'] as { content: Record<string, unknown> };
      assert.deepEqual((latest.content['m.new_content'] as { body: string }).body, 'and last');
    });

    test(`${name} room: a Matrix message is edited again and again`, async () => {
      const event = await bob.say(portal().room, 'hello');
      const { id } = await portal().channel.expectMessage(({ text }) => text === 'hello');
      for (const text of ['hello there', 'hello everybody']) {
        await edit(bob, portal(), event, text);
        await expectText(portal(), id, text);
      }
      const [first, ...more] = portal()
        .channel.messages()
        .filter(({ text }) => text.startsWith('hello'));
      assert.deepEqual([first?.editedBy, first?.sender, more], ['bob:hs.test', 'bob:hs.test', []]);
    });

    test(`${name} room: authors delete what they said`, async () => {
      const said = await alice.say(portal().channel, 'never mind');
      const heard = await bob.expectMessage(portal().room, 'never mind');
      await alice.delete(said);
      const redaction = await bob.expectEvent(portal().room, redacts(heard.id));
      assert.equal(redaction.sender, ALICE);
      await bob.until('nothing left', () => isRedacted(bob, portal(), heard.id));

      const event = await bob.say(portal().room, 'never mind me');
      const shown = await portal().channel.expectMessage(({ text }) => text === 'never mind me');
      await bob.client.redactEvent(portal().room, event);
      await expectGone(portal(), shown);
    });

    test(`${name} room: a moderator on Matrix deletes what was said here`, async () => {
      const said = await alice.say(portal().channel, `spam in ${name}`);
      const { id } = await bob.expectMessage(portal().room, `spam in ${name}`);
      const moderator = name === 'old' ? bob : await raised(portal());
      await moderator.client.redactEvent(portal().room, id);
      await expectGone(portal(), said);
      // Nobody here takes it back once more.
      await alice.say(portal().channel, `after the spam in ${name}`);
      await bob.expectMessage(portal().room, `after the spam in ${name}`);
      const timeline = await bob.timeline(portal().room);
      assert.deepEqual(
        timeline.filter(redacts(id)).map(({ sender }) => sender),
        [moderator.userId],
      );
    });
  }

  test('a moderator here deletes through the App, which says for whom', async () => {
    const said = await alice.say(modern.channel, 'rude');
    const heard = await bob.expectMessage(modern.room, 'rude');
    await carol.delete(said);
    const redaction = await bob.expectEvent(modern.room, redacts(heard.id));
    assert.deepEqual(
      [redaction.sender, redaction.content['reason']],
      [BOT, 'Deleted on Rocket.Chat by carol'],
    );

    const event = await bob.say(modern.room, 'rude too');
    const shown = await modern.channel.expectMessage(({ text }) => text === 'rude too');
    await carol.delete(shown);
    assert.equal((await bob.expectEvent(modern.room, redacts(event))).sender, BOT);
  });

  test('a moderator here is told what Matrix forbids', async () => {
    await bob.say(old.room, 'my room, my rules');
    const shown = await old.channel.expectMessage(({ text }) => text === 'my room, my rules');
    await carol.edit(shown, 'my rules');
    await carol.expectNotice(({ text }) => text.includes('nobody can edit the message of somebody else'));
    await carol.delete(shown);
    await carol.expectNotice(({ text }) => text.includes('deleted here, but not on Matrix'));
  });

  test('during an outage the newest text goes out, and what was deleted does not', async () => {
    await federation.synapse.halt();
    await alice.say(modern.channel, 'outage 1');
    const second = await alice.say(modern.channel, 'outage 2');
    const third = await alice.say(modern.channel, 'outage 3');
    await alice.say(modern.channel, 'outage 4');
    await alice.edit(second, 'outage 2, corrected');
    await alice.delete(third);
    await federation.synapse.restart();
    await bob.expectMessage(modern.room, 'outage 4', RECOVERY);
    const bodies = (await federation.heard(bob, modern.room)).filter((body) => body.includes('outage'));
    assert.deepEqual(bodies, ['outage 1', 'outage 2, corrected', 'outage 4']);
  });

  test('what was deleted here is not brought again when the App comes up anew', async () => {
    const event = await bob.say(modern.room, 'short-lived');
    await carol.delete(await modern.channel.expectMessage(({ text }) => text === 'short-lived'));
    await bob.expectEvent(modern.room, redacts(event));
    const told = carol.notices().length;
    await bob.say(old.room, 'short-lived too');
    await carol.delete(await old.channel.expectMessage(({ text }) => text === 'short-lived too'));
    await carol.expectNotice((notice) => carol.notices().indexOf(notice) >= told);
    await federation.instance.killRuntime();
    await federation.shown(modern, bob, []);
    await federation.shown(old, bob, []);
    const texts = [modern, old].flatMap(({ channel }) => channel.messages().map(({ text }) => text));
    assert.deepEqual(
      texts.filter((text) => text.startsWith('short-lived')),
      [],
    );
  });

  /** Another Matrix user, whom the App's own user makes a moderator. */
  async function raised(portal: Portal): Promise<MatrixUser> {
    const mod = await federation.matrixUser('mod');
    await bob.invite(portal.room, mod.userId);
    await mod.expectInvite(({ roomId }) => roomId === portal.room);
    await mod.join(portal.room);
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(portal.room)}/state/m.room.power_levels/`;
    const request = async (method: string, body?: string): Promise<Record<string, object>> => {
      const headers = { authorization: `Bearer ${federation.registration.asToken}` };
      const answer = await fetch(`${federation.synapse.baseUrl}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      assert.equal(answer.status, 200, await answer.clone().text());
      return (await answer.json()) as Record<string, object>;
    };
    const levels = await request('GET');
    const users = { ...levels['users'], [mod.userId]: 50 };
    await request('PUT', JSON.stringify({ ...levels, users }));
    return mod;
  }
});

async function edit(by: MatrixUser, { room }: Portal, event: string, text: string): Promise<void> {
  await by.sendRaw(room, 'm.room.message', {
    msgtype: 'm.text',
    body: `* ${text}`,
    'm.new_content': { msgtype: 'm.text', body: text },
    'm.relates_to': { rel_type: 'm.replace', event_id: event },
  });
}

function replaces(event: string, body: string): (event: RoomEvent) => boolean {
  return ({ content }) => {
    const relation = content['m.relates_to'] as { rel_type?: string; event_id?: string } | undefined;
    const text = (content['m.new_content'] as { body?: string } | undefined)?.body;
    return relation?.rel_type === 'm.replace' && relation.event_id === event && text === body;
  };
}

function redacts(event: string): (event: RoomEvent) => boolean {
  return ({ type, redacts: of }) => type === 'm.room.redaction' && of === event;
}

/** As the client library shows it, edits and all. */
function shownText(reader: MatrixUser, { room }: Portal, event: string): unknown {
  return reader.client.getRoom(room)?.findEventById(event)?.getContent()['body'];
}

function isRedacted(reader: MatrixUser, { room }: Portal, event: string): true | undefined {
  return reader.client.getRoom(room)?.findEventById(event)?.isRedacted() === true || undefined;
}

async function expectText({ channel }: Portal, id: string, text: string): Promise<void> {
  await channel.expect(`'${text}'`, () => channel.message(id)?.text === text, { timeout: 30_000 });
}

async function expectGone({ channel }: Portal, { id, text }: Message): Promise<void> {
  await channel.expect(`'${text}' to be gone`, () => channel.message(id) === undefined, { timeout: 30_000 });
}
