/** Files across: the same bytes on both sides, with names, captions and links. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Message, Person } from '../workspace/index.ts';
import { Federation, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { png } from './png.ts';

const MB = 1024 * 1024;
const PATIENCE = { timeout: 60_000 };

describe('files between Rocket.Chat and Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    await federation.configure({ pictures_url: federation.listenerUrl });
    alice = await federation.workspace.createUser('alice', { name: 'Alice' });
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('files', alice, bob);
  });

  after(() => federation.close());

  test('several files with a caption go to Matrix, byte for byte', async () => {
    const picture = png([10, 20, 30]);
    const thumbnail = png([10, 20, 30], 32);
    const data = randomBytes(3 * MB);
    const files = [
      { name: 'picture.png', bytes: picture, thumbnail },
      { name: 'data.bin', bytes: data },
      { name: 'song.mp3', bytes: randomBytes(100), type: 'audio/mpeg' },
    ];
    const message = await alice.uploadAll(portal.channel, files, { msg: 'see *these*' });
    const song = await bob.expectMessage(portal.room, 'song.mp3', PATIENCE);
    assert.equal(song.content['msgtype'], 'm.audio');
    const first = await bob.expectMessage(portal.room, 'see **these**');
    const { url, ...said } = first.content as { url: string };
    const { thumbnail_url: small, ...info } = first.content['info'] as Record<string, unknown>;
    assert.deepEqual(
      [
        ...['msgtype', 'filename', 'formatted_body'].map((key) => (said as Record<string, unknown>)[key]),
        info,
      ],
      [
        'm.image',
        'picture.png',
        'see <strong>these</strong>',
        {
          mimetype: 'image/png',
          size: picture.length,
          w: 128,
          h: 128,
          thumbnail_info: { mimetype: 'image/png', size: thumbnail.length, w: 32, h: 32 },
        },
      ],
    );
    assert.deepEqual((await bob.download(String(small))).bytes, thumbnail);
    assert.deepEqual((await bob.download(url)).bytes, picture);
    const second = await bob.expectMessage(portal.room, 'data.bin');
    assert.deepEqual((await bob.download(String(second.content['url']))).bytes, data);

    await alice.edit(message, 'look');
    await bob.expectMessage(portal.room, ({ content }) => {
      const edited = content['m.new_content'] as Record<string, unknown> | undefined;
      return edited?.['body'] === 'look' && edited['url'] === url;
    });
    await alice.delete(message);
    for (const { id } of [first, second, song])
      await bob.expectEvent(portal.room, ({ type, redacts, content }) => {
        return type === 'm.room.redaction' && (content['redacts'] ?? redacts) === id;
      });
  });

  test('a file from Matrix comes with its caption, byte for byte, and goes with its redaction', async () => {
    const bytes = png([30, 20, 10]);
    const event = await send(bytes, 'm.image', { body: 'my *cat*', filename: 'cat.png' });
    const shown = await file('cat.png');
    assert.equal(shown.sender, 'bob:hs.test');
    assert.deepEqual(await read(shown), bytes);
    const caption = await portal.channel.expectMessage(({ text }) => text.includes('cat'));
    await bob.sendRaw(portal.room, 'm.room.message', {
      msgtype: 'm.image',
      body: '* your cat',
      'm.new_content': { msgtype: 'm.image', body: 'your cat', filename: 'cat.png' },
      'm.relates_to': { rel_type: 'm.replace', event_id: event },
    });
    await portal.channel.expectMessage(({ id, text }) => id === caption.id && text === 'your cat', PATIENCE);
    assert.deepEqual(await read(await file('cat.png')), bytes);
    await bob.client.redactEvent(portal.room, event);
    await portal.channel.expect('both to be gone', () =>
      portal.channel.messages().every(({ id }) => id !== shown.id && id !== caption.id),
    );
  });

  test('messages in their thread and beneath what they answer lead to files, on both sides', async () => {
    const root = await alice.say(portal.channel, 'the root');
    const { id: event } = await bob.expectMessage(portal.room, 'the root', PATIENCE);
    const relation = {
      rel_type: 'm.thread',
      event_id: event,
      is_falling_back: true,
      'm.in_reply_to': { event_id: event },
    };
    await send(png([1, 1, 1]), 'm.image', {
      body: 'below',
      filename: 'thread.png',
      'm.relates_to': relation,
    });
    const inside = await file('thread.png');
    const below = await portal.channel.expectMessage(({ text }) => text.endsWith('below'), PATIENCE);
    assert.deepEqual([below.threadId, below.sender], [root.id, 'bob:hs.test']);
    assert.ok(below.attachments.some((one) => String(one['message_link']).includes(inside.id)));
    await send(png([2, 2, 2]), 'm.image', {
      body: 'answer.png',
      'm.relates_to': { 'm.in_reply_to': { event_id: event } },
    });
    const answer = await file('answer.png');
    const quotes = ({ attachments }: typeof answer) => attachments.map((one) => String(one['message_link']));
    await portal.channel.expectMessage(
      (message) =>
        [root, answer].every(({ id }) => quotes(message).some((link) => link.includes(id))) &&
        message.sender === 'bob:hs.test',
      PATIENCE,
    );

    const files = [{ name: 'mine.png', bytes: png([3, 3, 3]) }];
    await alice.uploadAll(portal.channel, files, { tmid: root.id });
    const mine = await bob.expectMessage(portal.room, 'mine.png', PATIENCE);
    const related = mine.content['m.relates_to'] as Record<string, unknown>;
    assert.deepEqual([related['rel_type'], related['event_id']], ['m.thread', event]);
    const quoted = `[ ](${federation.workspace.messageLink(inside.raw)}) seen`;
    await alice.uploadAll(portal.channel, [{ name: 'reply.png', bytes: png([4, 4, 4]) }], { msg: quoted });
    const reply = await bob.expectMessage(portal.room, 'seen', PATIENCE);
    const { 'm.in_reply_to': to } = reply.content['m.relates_to'] as {
      'm.in_reply_to': { event_id: string };
    };
    assert.equal(`mx-${to.event_id.slice(1)}`, below.id);
    assert.equal(reply.content['filename'], 'reply.png');
  });

  test('a voice message, a video and a sticker come as files, in order', async () => {
    const bytes = randomBytes(5000);
    await send(bytes, 'm.audio', { body: 'Voice.ogg', 'org.matrix.msc3245.voice': {} });
    await send(bytes, 'm.video', { body: 'a/../b\u202e.mp4' });
    const url = await bob.upload(png([0, 0, 0]), 'x', 'image/png');
    await bob.sendRaw(portal.room, 'm.sticker', { body: 'Wave', url, info: { mimetype: 'image/png' } });
    await bob.say(portal.room, 'that was all');
    await portal.channel.expectMessage(({ text }) => text === 'that was all', PATIENCE);
    const names = portal.channel.messages().map(name);
    assert.deepEqual(names.slice(-4), ['Voice.ogg', 'b.mp4', 'Wave.png', 'that was all']);
  });

  test('20 MB come by a link, which gives the same bytes and any part of them', async () => {
    const bytes = randomBytes(20 * MB);
    await send(bytes, 'm.file', { body: 'large.bin' });
    const { text } = await portal.channel.expectMessage((one) => one.text.includes('large.bin'), PATIENCE);
    const [, link = ''] = /\]\((http[^)]+)\)/.exec(text) ?? assert.fail(text);
    const answer = await fetch(link);
    assert.equal(answer.headers.get('content-disposition')?.includes('filename="large.bin"'), true);
    assert.equal(Buffer.compare(Buffer.from(await answer.arrayBuffer()), bytes), 0);
    assert.equal((await fetch(link.replace('large.bin', 'evil.html'))).status, 404);
  });

  test('what Rocket.Chat blocks comes by a link, and what is gone is named', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
    await send(svg, 'm.image', { body: 'drawing.svg' });
    const blocked = await portal.channel.expectMessage(({ text }) => text.includes('drawing.svg'), PATIENCE);
    assert.match(blocked.text, /\[Download/);
    const gone = { msgtype: 'm.file', body: 'gone.bin', url: 'mxc://hs.test/nothing' };
    await bob.sendRaw(portal.room, 'm.room.message', gone);
    await portal.channel.expectMessage(({ text }) => text.includes('gone.bin'), PATIENCE);
  });

  test('what is too large to go out is named, and its sender told', async () => {
    await alice.upload(portal.channel, { name: 'huge.bin', bytes: Buffer.alloc(9 * MB) });
    await alice.expectNotice(({ text }) => text.includes('huge.bin') && text.includes('8.0 MB'));
    await bob.expectMessage(portal.room, /huge\.bin \(9\.0 MB\)/);
  });

  async function send(bytes: Buffer, msgtype: string, more: Record<string, unknown>): Promise<string> {
    const url = await bob.upload(bytes, 'x', 'application/octet-stream');
    const info = { size: bytes.length };
    return bob.sendRaw(portal.room, 'm.room.message', { msgtype, url, info, ...more });
  }

  function name({ attachments, text }: Message): string {
    const title = attachments[0]?.['title'];
    return typeof title === 'string' ? title : text;
  }

  function file(name: string): Promise<Message> {
    return portal.channel.expectMessage(({ attachments }) => attachments[0]?.['title'] === name, PATIENCE);
  }

  async function read({ fileId, attachments }: Message): Promise<Buffer> {
    const link = String(attachments[0]?.['title_link']);
    assert.ok(link.includes(String(fileId)));
    const signed = `${federation.instance.endpointUrl}${link}?rc_uid=${alice.id}&rc_token=${alice.token}`;
    return Buffer.from(await (await fetch(signed)).arrayBuffer());
  }
});
