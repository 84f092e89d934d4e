/** What people do with an App: commands, buttons, views; and what flits by: notices, typing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitArguments } from './commands.ts';
import { inRoom, run, seen } from './probe/probe.ts';
import { posting, scene } from './probe/setting.ts';

test('a command reaches the App with its arguments, its sender, room and thread', async (t) => {
  const { app, alice, room } = await scene(t);
  const { id } = await alice.say(room, 'root');
  await alice.command(room, '/probe invite "@bob:example.org" now', { tmid: id });
  const [told] = await seen(app, 'command');
  assert.deepEqual(
    { ...told?.data, triggerId: '' },
    {
      args: ['invite', '@bob:example.org', 'now'],
      sender: 'alice',
      room: room.id,
      threadId: id,
      triggerId: '',
    },
  );
  await assert.rejects(alice.command(room, '/unknown'), /No such command/);
  assert.deepEqual(
    room.messages().map(({ text }) => text),
    ['root'],
    'a command is no message',
  );
});

test('arguments part at spaces, and quotes hold together', () => {
  assert.deepEqual(splitArguments(`one  "two \\"three\\"" 'four five'\nsix`), [
    'one',
    'two "three"',
    'four five',
    'six',
  ]);
});

test('a notice is seen by one person, or by those in the room, and is kept nowhere', async (t) => {
  const { ws, app, alice, bob, room } = await scene(t);
  const carol = await ws.createUser('carol');
  await run(
    app,
    inRoom(
      room,
      `
    const builder = () => modify.getNotifier().getMessageBuilder().setRoom(room);
    await modify.getNotifier().notifyUser(await read.getUserReader().getById('${alice.id}'), builder().setText('only you').getMessage());
    await modify.getNotifier().notifyRoom(room, builder().setText('all of you').getMessage());`,
    ),
  );
  const texts = (person: typeof alice): string[] => person.notices(room).map(({ text }) => text);
  assert.deepEqual(
    [texts(alice), texts(bob), texts(carol)],
    [['only you', 'all of you'], ['all of you'], []],
  );
  await alice.expectNotice(({ text }) => text === 'only you');
  assert.deepEqual(room.timeline(), []);
});

test('typing is shown under any name', async (t) => {
  const { ws, app, room } = await scene(t);
  await run(
    app,
    `const stop = await modify.getNotifier().typing({ id: '${room.id}', username: 'somebody' }); await stop();`,
  );
  await ws.until('typing to end', () => ws.typing(room).length === 2);
  assert.deepEqual(ws.typing(room), [
    { rid: room.id, username: 'somebody', typing: true },
    { rid: room.id, username: 'somebody', typing: false },
  ]);
});

test('a button in a message reaches the App that made it', async (t) => {
  const { app, alice, room } = await scene(t);
  const blocks =
    "{ blocks: [{ type: 'actions', elements: [{ type: 'button', actionId: 'accept', value: 'yes', text: { type: 'plain_text', text: 'Accept' } }] }] }";
  const id = await run<string>(app, posting(room, undefined, 'well?', blocks));
  const message = room.message(id) ?? assert.fail();
  assert.deepEqual(await alice.pressButton(message, 'accept', { value: 'yes' }), { success: true });
  const [pressed] = await seen(app, 'block');
  assert.deepEqual(
    [pressed?.data['actionId'], pressed?.data['value'], pressed?.data['user']],
    ['accept', 'yes', 'alice'],
  );
});

test('a button of the client reaches its App, from a room or from the menu of a person, which has none', async (t) => {
  const { app, alice, room } = await scene(t);
  await alice.actionButton(app.id, 'here', room);
  await alice.actionButton(app.id, 'anywhere', undefined, { context: 'userDropdownAction' });
  const pressed = await seen(app, 'button', 2);
  const common = { user: 'alice', trigger: true };
  assert.deepEqual(
    pressed.map(({ data }) => data),
    [
      { ...common, actionId: 'here', buttonContext: 'roomAction', room: room.id },
      { ...common, actionId: 'anywhere', buttonContext: 'userDropdownAction' },
    ],
  );
});

test('an App opens a view, and hears what is filled in', async (t) => {
  const { ws, app, alice } = await scene(t);
  await run(
    app,
    `
    const user = await read.getUserReader().getById('${alice.id}');
    await modify.getUiController().openSurfaceView({ type: 'modal', id: 'form', title: { type: 'plain_text', text: 'Form' }, blocks: [] }, { triggerId: 'x' }, user);`,
  );
  const [opened] = await ws.until(
    'the view',
    () => alice.interactions().length === 1 && alice.interactions(),
  );
  const view = opened?.['view'] as Record<string, unknown>;
  assert.deepEqual([opened?.['type'], view['id']], ['modal.open', 'form']);
  await alice.submitView(view, app.id, { block: { field: 'filled' } });
  assert.deepEqual((await seen(app, 'submit'))[0]?.data['state'], { block: { field: 'filled' } });
});
