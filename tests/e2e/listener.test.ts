/** What comes to the App's listener in the homeserver's name: refused, passed over or taken, and never in the way. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Person } from '../workspace/index.ts';
import { Federation, numbered, type Portal } from './federation.ts';
import { putTransaction, send, type Answer, type Body } from './homeserver/appservice-tools.ts';
import type { MatrixUser } from './homeserver/client.ts';

describe("the App's listener", () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;
  let transactions = 0;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice');
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('tea-room', alice, bob);
  });

  after(() => federation.close());

  test('answers its homeserver with JSON', async () => {
    const answer = await put({ events: [] });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, {});
    assert.match(String(answer.headers['content-type']), /^application\/json/);
  });

  test('refuses a wrong token with 403', async () => {
    const event = message('from a stranger');
    const right = federation.registration.hsToken;
    for (const token of [
      'wrong',
      right.slice(0, -1),
      `${right}x`,
      right.toUpperCase(),
      federation.registration.asToken,
    ]) {
      const answer = await putTransaction(federation.listenerUrl, token, 'wrong', { events: [event] });
      assert.equal(answer.status, 403);
      assert.equal((answer.json as { errcode: string }).errcode, 'M_FORBIDDEN');
    }
    await neverShown('from a stranger');
  });

  test('refuses a missing token with 401, wherever else it is said', async () => {
    const url = `${federation.listenerUrl}/_matrix/app/v1/transactions/missing`;
    const body = { events: [message('from nobody')] };
    for (const [address, headers] of [
      [url, {}],
      [url, { authorization: `Basic ${federation.registration.hsToken}` }],
      [`${url}?access_token=${federation.registration.hsToken}`, {}],
    ] as const) {
      const answer = await send(address, { method: 'PUT', headers, body });
      assert.equal(answer.status, 401);
      assert.equal((answer.json as { errcode: string }).errcode, 'M_MISSING_TOKEN');
    }
    await neverShown('from nobody');
  });

  for (const [name, body, errcode] of [
    ['no JSON', 'this is no JSON', 'M_NOT_JSON'],
    ['JSON that breaks off', '{"events": [{"type": "m.room.mess', 'M_NOT_JSON'],
    ['nothing', '', 'M_NOT_JSON'],
    ['bytes', new Uint8Array([0xff, 0xfe, 0x00, 0x7b]), 'M_NOT_JSON'],
    ['no events', '{}', 'M_BAD_JSON'],
    ['events that are no list', '{"events": "none"}', 'M_BAD_JSON'],
  ] as const) {
    test(`refuses ${name} with 400`, async () => {
      const answer = await put(body);
      assert.equal(answer.status, 400);
      assert.equal((answer.json as { errcode: string }).errcode, errcode);
    });
  }

  test('says of paths and methods it does not know that it does not', async () => {
    const headers = { authorization: `Bearer ${federation.registration.hsToken}` };
    const ask = (path: string, method = 'GET'): Promise<Answer> =>
      send(federation.listenerUrl + path, { headers, method });
    assert.equal((await ask('/')).status, 404);
    assert.equal((await ask('/_matrix/app/v1/nonsense')).status, 404);
    assert.equal((await ask('/_matrix/app/v1/users/%40rc_nobody%3Ahs.test')).status, 404);
    assert.equal((await ask('/_matrix/app/v1/transactions/1', 'DELETE')).status, 405);
  });

  test('passes over what it cannot read or does not know, and takes the rest of the transaction', async () => {
    const odd = [
      { ...message('no'), type: 'org.example.unknown' },
      { ...message('no'), type: 'm.room.topic', state_key: '', content: { topic: 'no' } },
      { ...message('no'), type: 'm.room.member', state_key: 'not a user', content: { membership: 'join' } },
      { ...message('no'), type: 'm.room.member', state_key: '@carol:hs.test', content: { membership: 7 } },
      { ...message('no'), content: null },
      { ...message('no'), content: { msgtype: 'm.text' } },
      { ...message('no'), content: { msgtype: ['m.text'], body: { no: 'text' } } },
      { ...message('no'), content: { msgtype: 'org.example.unknown', body: 'a dance' } },
      { ...message('no'), origin_server_ts: -1, event_id: 17 },
      { ...message('no'), sender: 'not a user' },
      { ...message('no'), room_id: 17 },
      {},
      null,
      17,
      'an event',
    ];
    const answer = await put({
      events: [...odd, message('the one that is good')],
      ephemeral: [{ type: 'm.what' }],
      more: 1,
    });
    assert.equal(answer.status, 200);
    await portal.channel.expectMessage(({ text }) => text === 'the one that is good', { timeout: 30_000 });
    await neverShown('no');
  });

  test('takes events of a room it does not know, and goes on', async () => {
    const users = federation.workspace.users().length;
    const stray = { ...message('stray'), room_id: '!nowhere:hs.test', sender: '@stranger:hs.test' };
    assert.equal((await put({ events: [stray, message('at home')] })).status, 200);
    await portal.channel.expectMessage(({ text }) => text === 'at home');
    assert.equal(federation.workspace.users().length, users);
    assert.ok(
      federation.workspace.rooms().every((room) => room.messages().every(({ text }) => text !== 'stray')),
    );
  });

  test('takes a transaction twice and shows it once, whatever it is called', async () => {
    const events = numbered('twice', 5).map(message);
    const [id] = [`again-${Date.now()}`];
    const [first, ...later] = await Promise.all([
      put({ events }, id),
      put({ events }, id),
      put({ events }),
      put({ events: [...events].reverse() }),
    ]);
    for (const { status } of [first, ...later]) assert.equal(status, 200);
    await put({ events });
    await put({ events: [message('after twice')] });
    await portal.channel.expectMessage(({ text }) => text === 'after twice');
    const shown = portal.channel
      .messages()
      .map(({ text }) => text)
      .filter((text) => text.startsWith('twice '));
    assert.deepEqual(shown.sort(), numbered('twice', 5));
  });

  test('takes 5 MB at once without keeping anybody waiting', async () => {
    const other = await federation.portal('coffee-room', alice, bob);
    const texts = numbered('large', 100);
    const padding = 'x'.repeat(52_000);
    const events = texts.map((text) => ({
      ...message(text),
      content: { ...message(text).content, padding },
    }));
    const body = JSON.stringify({ events });
    assert.ok(body.length > 5_000_000);

    const began = Date.now();
    const answer = await put(body);
    const took = Date.now() - began;
    assert.equal(answer.status, 200);
    // The homeserver would wait for 60 seconds, and send nothing else meanwhile.
    assert.ok(took < 10_000, `answered after ${took} ms`);

    const isLast = ({ text }: { text: string }): boolean => text === texts.at(-1);
    await bob.say(other.room, 'is anybody there?');
    await other.channel.expectMessage(({ text }) => text === 'is anybody there?');
    assert.ok(!portal.channel.messages().some(isLast), 'the other room was not kept waiting');
    await alice.say(other.channel, 'I am');
    await bob.expectMessage(other.room, 'I am');

    await portal.channel.expectMessage(isLast, { timeout: 60_000 });
    const shown = portal.channel
      .messages()
      .map(({ text }) => text)
      .filter((text) => text.startsWith('large '));
    assert.deepEqual(shown, texts);
  });

  test('is still on good terms with the homeserver', async () => {
    await bob.say(portal.room, 'as before');
    await portal.channel.expectMessage(({ text }) => text === 'as before');
    await alice.say(portal.channel, 'as ever');
    await bob.expectMessage(portal.room, 'as ever');
  });

  function put(body: Body, id = `mine-${++transactions}`): Promise<Answer> {
    return putTransaction(federation.listenerUrl, federation.registration.hsToken, id, body);
  }

  /** As the homeserver would send what bob said. */
  function message(text: string): Record<string, unknown> & { content: object } {
    return {
      type: 'm.room.message',
      event_id: `$${Buffer.from(`${text} of ${portal.room}`).toString('base64url')}`,
      room_id: portal.room,
      sender: bob.userId,
      origin_server_ts: Date.now(),
      content: { msgtype: 'm.text', body: text },
    };
  }

  /** Asked once a later message is there, so that an earlier one would be, too. */
  async function neverShown(text: string): Promise<void> {
    const later = `after '${text}' ${++transactions}`;
    await bob.say(portal.room, later);
    await portal.channel.expectMessage((shown) => shown.text === later);
    assert.ok(!portal.channel.messages().some((shown) => shown.text === text));
  }
});
