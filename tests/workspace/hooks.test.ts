/** How Apps learn what happens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packProbe, run, seen } from './probe/probe.ts';
import { posting, scene } from './probe/setting.ts';

const texts = (calls: { data: Record<string, unknown> }[]): unknown[] =>
  calls.map(({ data }) => data['text']);

test('nobody waits for a post hook', async (t) => {
  const { app, alice, room } = await scene(t, {
    hooks: ['IPostMessageSent'],
    onHook: { IPostMessageSent: 'await new Promise((go) => { app.go = go; })' },
  });
  await alice.say(room, 'sent while the hook hangs');
  await seen(app, 'IPostMessageSent');
  await run(app, 'app.go()');
});

test("an App's own writes come back to its hooks", async (t) => {
  const { app, room } = await scene(t, { hooks: ['IPostMessageSent', 'IPostMessageUpdated'] });
  const id = await run<string>(app, posting(room, undefined, 'mine'));
  const [told] = await seen(app, 'IPostMessageSent');
  assert.equal(told?.data['id'], id);
  assert.equal((told.data['sender'] as { username: string }).username, 'probe.bot');
});

test('a hook fires only at the instance that handled the action', async (t) => {
  const { ws, app, alice, room, instance } = await scene(t, { hooks: ['IPostMessageSent'] });
  const other = await ws.startInstance();
  await alice.say(room, 'here', { on: instance });
  await alice.say(room, 'there', { on: other });
  assert.deepEqual(texts(await seen(app, 'IPostMessageSent', 1, instance)), ['here']);
  assert.deepEqual(texts(await seen(app, 'IPostMessageSent', 1, other)), ['there']);
});

test('a pre hook is waited for, and may prevent or change', async (t) => {
  const { alice, room } = await scene(t, {
    hooks: ['IPreMessageSentPrevent', 'IPreMessageSentModify'],
    onHook: {
      IPreMessageSentPrevent: "return data.text === 'no'",
      IPreMessageSentModify: "return Object.assign(data, { text: data.text + '!' })",
    },
  });
  await assert.rejects(alice.say(room, 'no'), /prevented/);
  assert.equal((await alice.say(room, 'yes')).text, 'yes!');
});

test('hooks tell of edits, deletions, reactions, pins and stars, and who did it', async (t) => {
  const names = [
    'IPostMessageUpdated',
    'IPostMessageDeleted',
    'IPostMessageReacted',
    'IPostMessagePinned',
    'IPostMessageStarred',
  ];
  const { app, alice, bob, room } = await scene(t, { hooks: names });
  const message = await alice.say(room, 'one');
  await alice.edit(message, 'two');
  assert.deepEqual(texts(await seen(app, 'IPostMessageUpdated')), ['two']);
  await bob.react(message, ':thumbsup:');
  await bob.react(message, ':thumbsup:');
  const reactions = await seen(app, 'IPostMessageReacted', 2);
  assert.deepEqual(
    reactions.map(({ data }) => [
      (data['user'] as { username: string }).username,
      data['reaction'],
      data['isReacted'],
    ]),
    [
      ['bob', ':thumbsup:', true],
      ['bob', ':thumbsup:', false],
    ],
  );
  await alice.pin(message);
  assert.equal((await seen(app, 'IPostMessagePinned'))[0]?.data['isPinned'], true);
  await bob.star(message);
  assert.equal((await seen(app, 'IPostMessageStarred'))[0]?.data['isStarred'], true);
  await assert.rejects(bob.delete(message), /Not allowed/);
  await alice.delete(message);
  assert.equal((await seen(app, 'IPostMessageDeleted'))[0]?.data['id'], message.id);
});

test('system messages have a hook of their own', async (t) => {
  const { app, alice, bob, room } = await scene(t, { hooks: ['IPostMessageSent', 'IPostSystemMessageSent'] });
  await alice.change(room, { topic: 'rabbits' });
  await bob.leave(room);
  const told = await seen(app, 'IPostSystemMessageSent', 2);
  assert.deepEqual(
    told
      .map(({ data }) => [data['type'], data['text'], (data['sender'] as { username: string }).username])
      .sort(),
    [
      ['room_changed_topic', 'rabbits', 'alice'],
      ['ul', 'bob', 'bob'],
    ],
  );
  assert.deepEqual(await seen(app, 'IPostMessageSent', 0), []);
});

test('a test can hold hooks, let them go in another order, and lose some', async (t) => {
  const { app, alice, room, instance, ws } = await scene(t, { hooks: ['IPostMessageSent'] });
  instance.hooks.hold();
  for (const text of ['one', 'two', 'three']) await alice.say(room, text);
  await ws.until('three held hooks', () => instance.hooks.waiting().length === 3);
  instance.hooks.reorder(
    ([one, two, three]) => [three, one].filter((hook) => hook !== undefined && hook !== two) as never,
  );
  assert.deepEqual(texts(await seen(app, 'IPostMessageSent', 2)).sort(), ['one', 'three']);

  instance.hooks.drop(({ data }) => (data as { text: string }).text === 'lost');
  await alice.say(room, 'lost');
  await alice.say(room, 'kept');
  assert.equal(texts(await seen(app, 'IPostMessageSent', 3)).includes('lost'), false);
  assert.deepEqual(
    instance.hooks.told.filter(({ lost }) => lost).map(({ data }) => (data as { text: string }).text),
    ['two', 'lost'],
  );
});

test('a late hook is overtaken by the next', async (t) => {
  const { app, alice, room, instance } = await scene(t, { hooks: ['IPostMessageSent'] });
  instance.hooks.delay(({ data }) => ((data as { text: string }).text === 'slow' ? 150 : 0));
  await alice.say(room, 'slow');
  await alice.say(room, 'quick');
  assert.deepEqual(texts(await seen(app, 'IPostMessageSent', 2)), ['quick', 'slow']);
});

test('an App without a permission gets nothing, and no error', async (t) => {
  const { app, alice, room } = await scene(t, { permissions: ['api', 'room.read', 'user.read'] });
  const { id } = await alice.say(room, 'unseen');
  // Across the pipe `undefined` becomes `null`, and a creator makes a word of it.
  assert.equal(await run(app, `return await read.getMessageReader().getById('${id}')`), null);
  assert.equal(await run(app, posting(room, undefined, 'unsent')), 'null');
  assert.equal(room.messages().length, 1);
});

test('what an administrator does not grant is not there, whatever the App asks for', async (t) => {
  const { ws } = await scene(t);
  const instance = await ws.startInstance();
  const app = await instance.install(
    packProbe({ id: '5c1d5c6e-0000-4000-8000-000000000002', slug: 'second' }),
    { permissions: [{ name: 'api' }] },
  );
  assert.equal(await run(app, "return await read.getUserReader().getByUsername('alice')"), null);
});
