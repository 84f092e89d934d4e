/** What becomes of a message, whoever sends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '@rocket.chat/message-parser';
import { inRoom, run, seen } from './probe/probe.ts';
import { makingBot, posting, scene } from './probe/setting.ts';

const idOf = (id: string): string => `{ _unmappedProperties_: { _id: '${id}' } }`;

test('ids have 17 characters, times are Dates, and unmapped fields carry what the real parser read', async (t) => {
  const { app, alice, bob, room } = await scene(t, { hooks: ['IPostMessageSent'] });
  const text = 'hello *world*, @bob see #general and https://example.org';
  const { id } = await alice.say(room, text);
  assert.match(id, /^[2-9A-HJ-NP-Za-km-z]{17}$/);
  assert.match(room.id, /^[2-9A-HJ-NP-Za-km-z]{17}$/);

  const [told] = await seen(app, 'IPostMessageSent');
  const { md, mentions, channels } = told?.data['_unmappedProperties_'] as Record<string, unknown>;
  const options = {
    colors: true,
    emoticons: true,
    customDomains: [],
    katex: { dollarSyntax: false, parenthesisSyntax: true },
  };
  assert.deepEqual(md, JSON.parse(JSON.stringify(parse(text, options))));
  assert.deepEqual(mentions, [{ _id: bob.id, username: 'bob', name: 'bob', type: 'user' }]);
  assert.equal((channels as { _id: string }[])[0]?._id, room.id);
  assert.deepEqual(
    await run(
      app,
      `const m = await read.getMessageReader().getById('${id}'); return [m.createdAt instanceof Date, m.room.createdAt instanceof Date, m.sender.createdAt instanceof Date]`,
    ),
    [true, true, true],
  );
});

test('a message takes the id its App chose; a taken id and a prevented message give the very same error', async (t) => {
  const { app, room } = await scene(t, {
    hooks: ['IPreMessageSentPrevent'],
    onHook: { IPreMessageSentPrevent: "return data.text === 'forbidden'" },
  });
  assert.equal(await run(app, posting(room, undefined, 'once', idOf('mx-chosen'))), 'mx-chosen');
  const failure = (code: string): Promise<string> =>
    run(app, code).then(
      () => 'none',
      (error: unknown) => (error as Error).message,
    );
  const doubled = await failure(posting(room, undefined, 'twice', idOf('mx-chosen')));
  const prevented = await failure(posting(room, undefined, 'forbidden', idOf('mx-other')));
  assert.match(doubled, /Cannot read properties of undefined \(reading '_id'\)/);
  assert.equal(prevented, doubled);
  assert.deepEqual(
    room.messages().map(({ text }) => text),
    ['once'],
  );
  assert.equal(await run(app, "return (await read.getMessageReader().getById('mx-chosen')).text"), 'once');
  assert.equal(
    await run(app, "return (await read.getMessageReader().getById('mx-other')) ?? 'absent'"),
    'absent',
  );
});

test('a time more than a minute off is refused, more than ten seconds off becomes now', async (t) => {
  const { app, room } = await scene(t);
  const posted = async (off: number): Promise<number> => {
    const before = Date.now();
    const id = await run<string>(
      app,
      posting(room, undefined, 'timed', `{ createdAt: new Date(Date.now() - ${String(off)}) }`),
    );
    return before - (room.message(id)?.at.getTime() ?? 0);
  };
  await assert.rejects(posted(61_000), /Message timestamp is out of sync/);
  await assert.rejects(posted(-61_000), /Message timestamp is out of sync/);
  assert.ok(Math.abs(await posted(30_000)) < 5_000, 'replaced by now');
  assert.ok(Math.abs((await posted(8_000)) - 8_000) < 1_000, 'kept');
});

test('a message is as long as the workspace allows, and no longer', async (t) => {
  const { app, room, ws } = await scene(t, {}, { settings: { Message_MaxAllowedSize: 10 } });
  await run(app, posting(room, undefined, '0123456789'));
  await assert.rejects(run(app, posting(room, undefined, '01234567890')), /Message_MaxAllowedSize/);
  assert.equal(ws.settings.number('Message_MaxAllowedSize'), 10);
});

test('alias and avatar need message-impersonate, which the role bot has; the avatar is a URL or a path', async (t) => {
  const { app, alice, room, ws } = await scene(t);
  const ghost = ws.user(await run<string>(app, makingBot('ghost'))) ?? assert.fail();
  await run(
    app,
    inRoom(
      room,
      `const builder = await modify.getUpdater().room('${room.id}', await read.getUserReader().getById('${alice.id}')); builder.addMemberToBeAddedByUsername('ghost'); await modify.getUpdater().finish(builder)`,
    ),
  );
  const id = await run<string>(
    app,
    posting(room, ghost, 'as Bob', "{ alias: 'Bob', avatarUrl: '/api/apps/public/x/avatar' }"),
  );
  assert.equal(room.message(id)?.alias, 'Bob');
  await run(app, posting(room, ghost, 'as Bob', "{ avatarUrl: 'https://example.org/a.png' }"));
  await assert.rejects(
    run(app, posting(room, ghost, 'as Bob', "{ avatarUrl: 'mxc://x/y' }")),
    /Invalid href/,
  );
  await assert.rejects(run(app, posting(room, alice, 'as Bob', "{ alias: 'Bob' }")), /Not enough permission/);
});

test('a bot posts where it is a member; an app user posts anywhere', async (t) => {
  const { app, alice, room, ws } = await scene(t);
  const ghost = ws.user(await run<string>(app, makingBot('ghost'))) ?? assert.fail();
  await assert.rejects(run(app, posting(room, ghost, 'outside')), /error-not-allowed/);
  await alice.invite(room, ghost);
  await run(app, posting(room, ghost, 'inside'));
  const secret = await ws.createChannel('secret', { members: [alice], type: 'p' });
  await run(app, posting(secret, undefined, 'the App was here'));
  assert.deepEqual(
    secret.messages().map(({ sender }) => sender),
    ['probe.bot'],
  );
});

test('a room under its own encryption refuses plain messages', async (t) => {
  const { app, alice, ws } = await scene(t);
  const sealed = await ws.createChannel('sealed', { members: [alice], type: 'p', encrypted: true });
  await assert.rejects(
    run(app, posting(sealed, undefined, 'plain')),
    /un-encrypted messages in an encrypted room/,
  );
  await assert.rejects(alice.say(sealed, 'plain'), /un-encrypted messages/);
  await alice.say(sealed, '{"ciphertext":"…"}', { t: 'e2e' });
  assert.equal(alice.notices(sealed)[0]?.text, 'error-not-allowed');
});

test('@all and @here are for those who may; a bot may not, a user may', async (t) => {
  const { app, alice, room, ws } = await scene(t);
  const ghost = ws.user(await run<string>(app, makingBot('ghost'))) ?? assert.fail();
  await alice.invite(room, ghost);
  for (const name of ['all', 'here'])
    await assert.rejects(
      run(app, posting(room, ghost, `hello @${name}`)),
      new RegExp(`Notify ${name} in this room not allowed`),
    );
  await run(app, posting(room, ghost, 'mail@all.example'));
  await alice.say(room, 'hello @all');
  assert.equal(ghost.notices(room)[0]?.text, 'error-action-not-allowed');
});

test('custom fields throw unless the workspace has enabled them', async (t) => {
  const { app, room, ws } = await scene(t);
  const code = posting(room, undefined, 'with', "{ customFields: { mark: 'x' } }");
  await assert.rejects(run(app, code), /Custom fields not enabled/);
  ws.settings.set('Message_CustomFields_Enabled', true);
  ws.settings.set('Message_CustomFields', '{"properties":{"mark":{"type":"string"}}}');
  const id = await run<string>(app, code);
  assert.deepEqual(room.message(id)?.raw['customFields'], { mark: 'x' });
});

test('getMessages gives at most a hundred, by time, and no system messages', async (t) => {
  const { app, alice, bob, room } = await scene(t);
  for (let at = 0; at < 105; at++) await alice.say(room, String(at));
  await bob.leave(room);
  const read = (options: string): Promise<string[]> =>
    run(
      app,
      `return (await read.getRoomReader().getMessages('${room.id}', ${options})).map(({ text }) => text)`,
    );
  const latest = await read("{ limit: 100, sort: { createdAt: 'desc' } }");
  assert.deepEqual(
    latest,
    Array.from({ length: 100 }, (_, at) => String(104 - at)),
  );
  assert.deepEqual(await read("{ limit: 3, skip: 1, sort: { createdAt: 'asc' } }"), ['1', '2', '3']);
  await assert.rejects(read('{ limit: 101 }'), /limit/i);
});

test('a thread is flat: an answer to an answer goes to the root', async (t) => {
  const { app, alice, bob, room } = await scene(t);
  const root = await alice.say(room, 'root');
  const answer = await bob.say(room, 'answer', { tmid: root.id });
  const id = await run<string>(app, posting(room, undefined, 'deeper', `{ threadId: '${answer.id}' }`));
  assert.equal(room.message(id)?.threadId, root.id);
  assert.equal(room.message(root.id)?.raw.tcount, 2);
});

test('an App edits, deletes and reacts as anybody, and its attachments keep author and time', async (t) => {
  const { app, alice, bob, room } = await scene(t);
  const message = await alice.say(room, 'first');
  await run(
    app,
    `
    const editor = await read.getUserReader().getById('${bob.id}');
    const builder = await modify.getUpdater().message('${message.id}', editor);
    builder.setText('second');
    await modify.getUpdater().finish(builder);
    await modify.getUpdater().getMessageUpdater().addReaction('${message.id}', '${bob.id}', ':tada:');`,
  );
  const edited = room.message(message.id);
  assert.deepEqual(
    [edited?.text, edited?.editedBy, edited?.reactions],
    ['second', 'bob', { ':tada:': ['bob'] }],
  );

  const old =
    "{ attachments: [{ text: 'long ago', author: { name: 'Carol' }, timestamp: new Date('2020-01-01T00:00:00Z') }] }";
  const id = await run<string>(app, posting(room, undefined, 'digest', old));
  assert.deepEqual(room.message(id)?.attachments, [
    { text: 'long ago', author_name: 'Carol', ts: '2020-01-01T00:00:00.000Z' },
  ]);

  await run(
    app,
    `await modify.getDeleter().deleteMessage(await read.getMessageReader().getById('${message.id}'), await read.getUserReader().getById('${bob.id}'))`,
  );
  assert.equal(room.message(message.id), undefined);
});
