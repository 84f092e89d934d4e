/** What people's clients and programs ask of the workspace's web server: pictures, and the REST API. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance } from './instance.ts';
import { seen } from './probe/probe.ts';
import { scene } from './probe/setting.ts';
import type { Person } from './person.ts';

const dot = Buffer.from('GIF89a', 'latin1');

function asking(instance: Instance, person?: Person) {
  const who: Record<string, string> = person ? { 'X-User-Id': person.id, 'X-Auth-Token': person.token } : {};
  return (route: string, body: object | FormData): Promise<Response> =>
    fetch(`${instance.endpointUrl}/api/v1/${route}`, {
      method: 'POST',
      headers: body instanceof FormData ? who : { ...who, 'Content-Type': 'application/json' },
      body: body instanceof FormData ? body : JSON.stringify(body),
    });
}

test('a picture has a date, and is sent again only when it changed; initials are drawn', async (t) => {
  const { ws, instance, alice } = await scene(t);
  const look = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${instance.endpointUrl}/avatar/alice`, { headers });
  assert.match((await look()).headers.get('content-type') ?? '', /^image\/svg\+xml/);
  alice.setAvatar({ type: 'image/gif', bytes: dot });
  const first = await look();
  const date = first.headers.get('last-modified') ?? '';
  assert.deepEqual(Buffer.from(await first.arrayBuffer()), dot);
  assert.equal((await look({ 'If-Modified-Since': date })).status, 304);
  alice.setAvatar({ type: 'image/gif', bytes: dot });
  assert.equal((await look({ 'If-Modified-Since': date })).status, 200);
  ws.settings.set('Accounts_AvatarBlockUnauthenticatedAccess', true);
  assert.match((await look()).headers.get('content-type') ?? '', /svg/);
  const signedIn = { Cookie: `rc_uid=${alice.id}; rc_token=${alice.token}` };
  assert.equal((await look(signedIn)).headers.get('content-type'), 'image/gif');
  alice.resetAvatar();
  assert.match((await look(signedIn)).headers.get('content-type') ?? '', /svg/);
});

test('who may, changes names and pictures of others; nobody else does', async (t) => {
  const { ws, instance, alice, bob } = await scene(t);
  const change = { userId: bob.id, data: { name: 'Robert' } };
  assert.equal((await asking(instance)('users.update', change)).status, 401);
  assert.equal((await asking(instance, alice)('users.update', change)).status, 403);
  const admin = asking(instance, ws.admin);
  assert.deepEqual(await (await admin('users.update', change)).json(), { success: true });
  assert.equal(bob.doc().name, 'Robert');
  assert.equal((await admin('users.update', { userId: 'nobody', data: {} })).status, 400);
  const form = new FormData();
  form.set('username', 'bob');
  form.set('image', new Blob([dot], { type: 'image/gif' }), 'avatar');
  assert.equal((await admin('users.setAvatar', form)).status, 200);
  assert.deepEqual(ws.avatars.get('bob')?.bytes, dot);
  assert.equal((await admin('users.resetAvatar', { userId: bob.id })).status, 200);
  assert.equal(ws.avatars.has('bob'), false);
});

test('who may, pins messages; what is pinned already is not pinned again', async (t) => {
  const { ws, app, instance, alice, room } = await scene(t, { hooks: ['IPostMessagePinned'] });
  const { id: messageId } = await alice.say(room, 'one');
  const refused = await asking(instance, ws.admin)('chat.unPinMessage', { messageId });
  assert.equal(refused.status, 400);
  const admin = asking(instance, ws.admin);
  const pin = async (): Promise<number> => (await admin('chat.pinMessage', { messageId })).status;
  assert.deepEqual([await pin(), await pin()], [200, 200]);
  assert.equal((await seen(app, 'IPostMessagePinned')).length, 1);
  assert.equal(room.message(messageId)?.raw['pinned'], true);
  await ws.admin.join(room);
  assert.equal((await admin('chat.unPinMessage', { messageId })).status, 200);
  assert.equal((await seen(app, 'IPostMessagePinned', 2))[1]?.data['isPinned'], false);
  assert.equal((await admin('chat.pinMessage', {})).status, 400);
  ws.settings.set('Message_AllowPinning', false);
  const why = (await (await admin('chat.pinMessage', { messageId })).json()) as { error: string };
  assert.match(why.error, /error-action-not-allowed/);
});

test('a file is kept, and said once it is confirmed, by whoever asks', async (t) => {
  const { instance, alice, bob, room } = await scene(t, {}, { settings: { FileUpload_MaxFileSize: 10 } });
  const file = (bytes: Buffer<ArrayBuffer>): FormData => {
    const form = new FormData();
    form.set('file', new Blob([bytes], { type: 'image/gif' }), 'dot.gif');
    return form;
  };
  const asks = asking(instance, alice);
  assert.equal((await asking(instance)(`rooms.media/${room.id}`, file(dot))).status, 401);
  assert.equal((await asks('rooms.media/nowhere', file(dot))).status, 403);
  const large = await asks(`rooms.media/${room.id}`, file(Buffer.alloc(11)));
  assert.equal(large.status, 400);
  assert.match(await large.text(), /error-file-too-large/);
  const kept = (await (await asks(`rooms.media/${room.id}`, file(dot))).json()) as {
    file: { _id: string; url: string };
  };
  const { _id, url } = kept.file;
  assert.equal(url, `/file-upload/${_id}/dot.gif`);
  assert.deepEqual(room.messages(), []);
  const root = await bob.say(room, 'root');
  const said = { msg: 'look', tmid: root.id };
  const confirmed = (await (await asks(`rooms.mediaConfirm/${room.id}/${_id}`, said)).json()) as {
    message: { _id: string };
  };
  const message = room.messages().find(({ fileId }) => fileId === _id);
  assert.deepEqual([message?.sender, message?.text, message?.threadId], ['alice', 'look', root.id]);
  assert.equal(confirmed.message._id, message?.id);
  assert.equal((await asks(`rooms.mediaConfirm/${room.id}/nothing`, said)).status, 400);
});

test('ten calls a minute of each kind, and words instead of a header', async (t) => {
  const { ws, instance, bob } = await scene(t);
  const admin = asking(instance, ws.admin);
  for (let call = 0; call < 10; call++)
    assert.equal((await admin('users.resetAvatar', { userId: bob.id })).status, 200);
  const refused = await admin('users.resetAvatar', { userId: bob.id });
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), null);
  assert.match(await refused.text(), /You must wait \d+ seconds before trying this endpoint again/);
  assert.equal((await admin('users.update', { userId: bob.id, data: { name: 'B' } })).status, 200);
});

test('a renamed user is the same: memberships, messages and the picture follow', async (t) => {
  const { ws, alice, room } = await scene(t);
  alice.setAvatar({ type: 'image/gif', bytes: dot });
  const { id } = await alice.say(room, 'hello');
  await alice.changeProfile({ username: 'alicia' });
  assert.equal(room.message(id)?.sender, 'alicia');
  assert.ok(room.members().some((member) => JSON.stringify(member).includes('alicia')));
  assert.deepEqual([ws.avatars.has('alice'), ws.avatars.has('alicia')], [false, true]);
});
