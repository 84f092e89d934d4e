/** Files: an App's uploads, people's uploads, and who may load them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run, seen } from './probe/probe.ts';
import { inRoom } from './probe/probe.ts';
import { scene } from './probe/setting.ts';

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');

const uploading = (user: { id: string }, name: string, bytes: string): string => `
  const user = await read.getUserReader().getById('${user.id}');
  return modify.getCreator().getUploadCreator().uploadBuffer(Buffer.from(${bytes}), { filename: '${name}', room, user });`;

test("an App's upload posts a message of its own, whose id only its hook tells", async (t) => {
  const { app, alice, room, instance } = await scene(t, { hooks: ['IPostMessageSent'] });
  const answer = await run<Record<string, unknown>>(
    app,
    inRoom(room, uploading(alice, 'dot.png', "'89504e470d0a1a0a', 'hex'")),
  );
  assert.deepEqual(
    [answer['name'], answer['type'], answer['size'], answer['messageId']],
    ['dot.png', 'image/png', 8, undefined],
  );
  const [told] = await seen(app, 'IPostMessageSent');
  assert.equal((told?.data['file'] as { _id: string })._id, answer['id']);

  const [message] = room.messages();
  const link = `/file-upload/${String(answer['id'])}/dot.png`;
  assert.deepEqual(
    [message?.sender, message?.text, message?.fileId, message?.attachments[0]?.['image_url']],
    ['alice', '', answer['id'], link],
  );
  assert.deepEqual(
    await run(app, `return [...(await read.getUploadReader().getBufferById('${String(answer['id'])}'))]`),
    [...PNG],
  );

  assert.equal((await fetch(instance.endpointUrl + link)).status, 403);
  const signed = await fetch(`${instance.endpointUrl}${link}?rc_uid=${alice.id}&rc_token=${alice.token}`);
  assert.deepEqual(
    [signed.status, signed.headers.get('content-type'), Buffer.from(await signed.arrayBuffer())],
    [200, 'image/png', PNG],
  );
});

test('a picture has its smaller one behind it', async (t) => {
  const { alice, room } = await scene(t);
  const message = await alice.upload(room, { name: 'dot.png', bytes: PNG, thumbnail: PNG });
  const files = (message.raw.files ?? []) as unknown as Record<string, unknown>[];
  assert.deepEqual(
    files.map(({ name, typeGroup }) => [name, typeGroup]),
    [
      ['dot.png', 'image'],
      ['thumb-dot.png', 'thumb'],
    ],
  );
});

test("a person's upload passes the App's hook, which may read it and refuse it", async (t) => {
  const { alice, app, room } = await scene(t, {
    hooks: ['IPreFileUpload'],
    onHook: {
      IPreFileUpload: `
        const { FileUploadNotAllowedException } = require('@rocket.chat/apps-engine/definition/exceptions');
        if (data.content.toString() === 'bad') throw new FileUploadNotAllowedException('not that one');`,
    },
  });
  const message = await alice.upload(room, { name: 'note.txt', bytes: Buffer.from('good') });
  assert.equal(message.attachments[0]?.['title'], 'note.txt');
  const [asked] = await seen(app, 'IPreFileUpload');
  assert.equal((asked?.data['file'] as { name: string }).name, 'note.txt');
  await assert.rejects(alice.upload(room, { name: 'bad.txt', bytes: Buffer.from('bad') }), /not that one/);
  assert.equal(room.messages().length, 1);
});

test('a file is no larger than the workspace allows', async (t) => {
  const { app, alice, room } = await scene(t, {}, { settings: { FileUpload_MaxFileSize: 4 } });
  await assert.rejects(
    run(app, inRoom(room, uploading(alice, 'big.txt', "'12345'"))),
    /error-file-too-large/,
  );
});
