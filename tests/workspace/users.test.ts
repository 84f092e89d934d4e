/** Users an App makes and changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run, seen } from './probe/probe.ts';
import { makingBot, scene } from './probe/setting.ts';

const DOT =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

test('an App makes bots and app users, no people and nobody with power', async (t) => {
  const { ws, app } = await scene(t);
  assert.equal(ws.user(await run<string>(app, makingBot('ghost')))?.doc().type, 'bot');
  assert.equal(ws.user(await run<string>(app, makingBot('tool', "{ type: 'app' }")))?.doc().type, 'app');
  await assert.rejects(run(app, makingBot('person', "{ type: 'user' }")), /normal users/);
  for (const role of ['admin', 'owner', 'moderator'])
    await assert.rejects(run(app, makingBot('boss', `{ roles: ['${role}'] }`)), /Invalid role/);
});

test('a username is free or it is not, whatever its case and characters, among users and teams', async (t) => {
  const { ws, app } = await scene(t);
  ws.database.teams.insert({ name: 'Crew' });
  for (const taken of ['alice', 'ALICE', 'crew'])
    await assert.rejects(run(app, makingBot(taken)), /already being used/, taken);
  for (const free of ['älice', 'a b', 'alice:example.org', 'x'.repeat(300)]) await run(app, makingBot(free));
});

test('of two at once that take one name, one is refused', async (t) => {
  const { ws, app } = await scene(t, {}, { latency: () => new Promise((resolve) => setTimeout(resolve, 5)) });
  const making = `(async () => { ${makingBot('twin')} })()`;
  const outcomes = await run<{ status: string }[]>(app, `return Promise.allSettled([${making}, ${making}])`);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(ws.users().filter(({ username }) => username === 'twin').length, 1);
});

test('custom fields given at creation are dropped, and can be set afterwards', async (t) => {
  const { ws, app } = await scene(t);
  const ghost =
    ws.user(await run<string>(app, makingBot('ghost', "{ customFields: { mxid: '@g:x' } }"))) ??
    assert.fail();
  assert.equal(ghost.doc().customFields, undefined);
  await run(
    app,
    `
    const user = await read.getUserReader().getById('${ghost.id}');
    const updater = modify.getUpdater().getUserUpdater();
    await updater.updateCustomFields(user, { mxid: '@g:x' });
    await updater.updateBio(user, 'from afar');
    await updater.updateStatus(user, 'reading', 'busy');
    await updater.updateStatusText(user, 'reading');`,
  );
  const { customFields, bio, status, statusText } = ghost.doc();
  assert.deepEqual(
    [customFields, bio, status, statusText],
    [{ mxid: '@g:x' }, 'from afar', 'busy', 'reading'],
  );
});

test('an avatar is a data URI; a link is not understood, and the user stands without one', async (t) => {
  const { ws, app, instance } = await scene(t);
  // No accessor hands a picture on; the engine itself gives one to the App's own user.
  assert.equal(ws.avatars.get('probe.bot')?.type, 'image/png');
  const create = instance.manager.getBridges().getUserBridge() as unknown as {
    create(user: object, appId: string, options: object): Promise<string>;
  };
  await create.create({ username: 'pictured', type: 'bot', roles: ['bot'] }, app.id, { avatarUrl: DOT });
  const answer = await fetch(`${instance.endpointUrl}/avatar/pictured`);
  assert.equal(answer.headers.get('content-type'), 'image/png');
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(DOT.split(',')[1] ?? '', 'base64'));
  await assert.rejects(
    create.create({ username: 'linked', type: 'bot', roles: ['bot'] }, app.id, {
      avatarUrl: 'https://example.org/a.png',
    }),
    TypeError,
  );
  assert.equal(ws.user('linked')?.doc().type, 'bot');
});

test('hooks tell of people made, changed, gone, and of their presence', async (t) => {
  const { ws, app } = await scene(t, {
    hooks: ['IPostUserCreated', 'IPostUserUpdated', 'IPostUserDeleted', 'IPostUserStatusChanged'],
  });
  const carol = await ws.createUser('carol');
  const who = async (hook: string): Promise<unknown> =>
    ((await seen(app, hook))[0]?.data['user'] as { username: string }).username;
  assert.equal(await who('IPostUserCreated'), 'carol');
  await carol.changeProfile({ name: 'Carol C.' });
  const [updated] = await seen(app, 'IPostUserUpdated');
  assert.deepEqual(
    [
      (updated?.data['user'] as { name: string }).name,
      (updated?.data['previousUser'] as { name: string }).name,
    ],
    ['Carol C.', 'carol'],
  );
  await carol.setPresence('away');
  const [changed] = await seen(app, 'IPostUserStatusChanged');
  assert.deepEqual([changed?.data['currentStatus'], changed?.data['previousStatus']], ['away', 'online']);
  await carol.remove();
  assert.equal(await who('IPostUserDeleted'), 'carol');
});

test("an App removes all of its own bots at once, and no one else's", async (t) => {
  const { ws, app } = await scene(t);
  await run(app, makingBot('ghost1'));
  await run(app, makingBot('ghost2'));
  await run(app, `await modify.getDeleter().deleteUsers('${app.id}', 'bot')`);
  assert.deepEqual(
    ws
      .users()
      .map(({ username }) => username)
      .sort(),
    ['admin', 'alice', 'bob', 'probe.bot', 'rocket.cat'],
  );
});
