/** People in every runtime the App must live in: what becomes of them, their names and their pictures. */

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { RuntimeName } from '../workspace/index.ts';
import { Scene } from './stub/scene.ts';

const runtimes: RuntimeName[] = ['deno', 'node24', 'node26'];

// Every byte there is: what is not carried as bytes is spoiled.
const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
const picture = { type: 'image/png', bytes };

for (const runtime of runtimes) {
  test(`${runtime}: the core hears of people, and sees them`, async (t) => {
    const scene = await set(t, runtime);
    const { ws, alice } = scene;
    const carol = await ws.createUser('carol');
    await alice.changeProfile({ name: 'Alice B.' });
    await scene.expect('personChanged', ({ user }) => user === alice.id);
    await carol.remove();
    await scene.expect('personChanged', ({ user }) => user === carol.id);

    alice.setAvatar(picture);
    const version = ws.avatars.get('alice')?.uploadedAt.toUTCString();
    const seen = (await scene.load([
      { kind: 'userById', id: alice.id },
      { kind: 'userById', id: 'nobody' },
      { kind: 'avatar', username: 'alice', known: null },
      { kind: 'avatar', username: 'alice', known: version },
      { kind: 'avatar', username: 'admin', known: null },
    ])) as [{ user: { name: string } }, ...unknown[]];
    assert.equal(seen[0].user.name, 'Alice B.');
    const known = { kind: 'avatar', avatar: { kind: 'picture', version } };
    const initials = { kind: 'avatar', avatar: { kind: 'initials' } };
    assert.deepEqual(seen.slice(1), [{ kind: 'user', user: null }, known, known, initials]);
  });

  test(`${runtime}: a message has its sender's name and picture, and the picture is served`, async (t) => {
    const scene = await set(t, runtime);
    const { ws, alice, room, instance, app } = scene;
    alice.setAvatar(picture);
    const username = 'bob:example.org';
    await scene.perform({ kind: 'createUser', username, name: 'Bob' });
    await scene.perform({ kind: 'addMember', room: room.id, username });
    const media = Buffer.from(`${instance.endpointUrl}/avatar/alice`).toString('base64url');
    const avatar = `/api/apps/public/${app.id}/avatar/example.org/${media}/mark`;
    const post = {
      kind: 'createMessage',
      id: 'derived0123456789',
      room: room.id,
      sender: username,
      text: 'hi',
    };
    assert.equal((await scene.perform({ ...post, alias: 'Bob B.', avatar })).kind, 'performed');
    const message = room.message('derived0123456789');
    assert.deepEqual([message?.alias, message?.avatar], ['Bob B.', avatar]);

    const answer = await fetch(`${instance.endpointUrl}${avatar}`);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png']);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);

    // A workspace may have taken that right from bots.
    ws.permissions['message-impersonate'] = [];
    const refused = await scene.perform({ ...post, id: 'other', alias: 'Bob B.', avatar: null });
    assert.deepEqual([refused.kind, refused.why], ['refused', 'Not enough permission']);
  });

  test(`${runtime}: the account of the settings changes others`, async (t) => {
    const scene = await set(t, runtime);
    const { ws, alice, app } = scene;
    const username = 'bob:example.org';
    await scene.perform({ kind: 'createUser', username, name: 'Bob' });
    alice.setAvatar(picture);
    const tag = (step: string) => ({ scope: 'ghosts', entry: 'e', step });
    const status = async (step: string): Promise<unknown> => {
      const { answer } = await scene.expect(
        'outcome',
        (seen) => (seen.tag as { step: string }).step === step,
      );
      return (answer as { status?: number }).status;
    };
    const body = JSON.stringify({ userId: ws.user(username)?.id, data: { name: 'Robert' } });
    await scene.perform({ kind: 'rest', tag: tag('stranger'), path: 'users.update', body });
    assert.equal(await status('stranger'), 401);
    await app.set('rest_user', ws.admin.id);
    await app.set('rest_token', ws.admin.token);
    await scene.expect('start', ({ config }) => (config as { rest: boolean }).rest);
    await scene.perform({ kind: 'rest', tag: tag('rest'), path: 'users.update', body });
    assert.equal(await status('rest'), 200);
    assert.equal(ws.user(username)?.doc().name, 'Robert');
    const [from, to] = ['alice', username].map((username) => ({ kind: 'user', username }));
    await scene.perform({ kind: 'carry', tag: tag('picture'), from, to });
    assert.equal(await status('picture'), 200);
    assert.deepEqual(ws.avatars.get(username)?.bytes, bytes);
    const spoken = app.logs().filter((line) => JSON.stringify(line).includes(ws.admin.token));
    assert.deepEqual(spoken, [], 'no token in the log');
  });
}

async function set(t: TestContext, runtime: RuntimeName): Promise<Scene> {
  const scene = await Scene.set(t, runtime);
  await scene.app.set('workspace_url', scene.instance.endpointUrl);
  return scene;
}
