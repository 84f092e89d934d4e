/** Files that are too large to be read whole: either way as they come, within little memory. */

import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { Federation, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';
import type { Person } from '../workspace/index.ts';

const MB = 1024 * 1024;
const PATIENCE = { timeout: 120_000 };

/**
 * What the App's process may take beside what it had, in MB. Deno's `node:http` alone leaves about as much behind as it
 * reads until it is collected (101 MB more after reading 100, 166 after handing on 400): there it is only seen that no
 * file is held besides.
 */
const MEMORY = { node24: 64, deno: 150 } as const;

for (const [runtime, most] of Object.entries(MEMORY) as [keyof typeof MEMORY, number][])
  describe(`large files between Rocket.Chat and Matrix, under ${runtime}`, () => {
    let federation: Federation;
    let alice: Person;
    let bob: MatrixUser;
    let portal: Portal;

    before(async () => {
      federation = await Federation.start({ runtime, homeserver: { max_upload_size: '100M' } });
      const { admin } = federation.workspace;
      await federation.configure({
        workspace_url: federation.instance.endpointUrl,
        rest_user: admin.id,
        rest_token: admin.token,
      });
      alice = await federation.workspace.createUser('alice', { name: 'Alice' });
      bob = await federation.matrixUser('bob');
      portal = await federation.portal('large', alice, bob);
      await alice.say(portal.channel, 'before');
      await bob.expectMessage(portal.room, 'before');
    });

    after(() => federation.close());

    test('100 MB go byte for byte, and are never held as a whole', async (t) => {
      const before = await afresh();
      const bytes = randomFillSync(Buffer.alloc(100 * MB));
      await alice.uploadAll(portal.channel, [{ name: 'large.bin', bytes }], { msg: 'all of it' });
      const { content } = await bob.expectMessage(portal.room, 'all of it', PATIENCE);
      const more = (await memory()) - before;
      t.diagnostic(`the App's process had ${before} MB, and at most ${more} MB more`);
      assert.equal(content['filename'], 'large.bin');
      assert.equal(Buffer.compare((await bob.download(String(content['url']))).bytes, bytes), 0);
      assert.ok(more <= most, `${more} MB`);
    });

    test('what is larger still is named, and its sender told', async () => {
      federation.workspace.settings.set('FileUpload_MaxFileSize', 200 * MB);
      await alice.upload(portal.channel, { name: 'huge.bin', bytes: Buffer.alloc(101 * MB) });
      await alice.expectNotice(({ text }) => text.includes('huge.bin') && text.includes('100.0 MB'));
      await bob.expectMessage(portal.room, /huge\.bin \(101\.0 MB\)/, PATIENCE);
    });

    test('100 MB come byte for byte into their thread, never held as a whole, and say whose they are', async (t) => {
      const root = await alice.say(portal.channel, 'the root');
      const { id: event } = await bob.expectMessage(portal.room, 'the root', PATIENCE);
      const bytes = randomFillSync(Buffer.alloc(100 * MB));
      const url = await bob.upload(bytes, 'x', 'video/mp4');
      const before = await afresh();
      const sent = await bob.sendRaw(portal.room, 'm.room.message', {
        msgtype: 'm.video',
        url,
        info: { size: bytes.length },
        body: 'my film',
        filename: 'film "1".mp4',
        'm.relates_to': { rel_type: 'm.thread', event_id: event, is_falling_back: true },
      });
      const film = await portal.channel.expectMessage(({ text }) => text.endsWith('sent: my film'), PATIENCE);
      const more = (await memory()) - before;
      t.diagnostic(`the App's process had ${before} MB, and at most ${more} MB more`);
      const { admin, files } = federation.workspace;
      assert.deepEqual([film.sender, film.threadId], [admin.username, root.id]);
      assert.ok(film.text.includes(bob.userId), film.text);
      assert.equal(Buffer.compare(files.get(String(film.fileId)) ?? Buffer.alloc(0), bytes), 0);
      assert.ok(more <= most, `${more} MB`);
      // It is no message of the account's on Matrix; what is said of it there is said of the file.
      const quoted = `[ ](${federation.workspace.messageLink(film.raw)}) seen`;
      await alice.say(portal.channel, quoted);
      const { content } = await bob.expectMessage(portal.room, 'seen', PATIENCE);
      assert.deepEqual(content['m.relates_to'], { 'm.in_reply_to': { event_id: sent } });
      await alice.say(portal.channel, 'that was all');
      await bob.expectMessage(portal.room, 'that was all', PATIENCE);
      assert.ok(
        !(await bob.messages(portal.room)).some((it) => JSON.stringify(it.content).includes('sent: my film')),
      );
      await bob.client.redactEvent(portal.room, sent);
      await portal.channel.expect(
        'it to be gone',
        () => portal.channel.message(film.id) === undefined,
        PATIENCE,
      );
    });

    test('what Rocket.Chat does not take is told of as without an account', async () => {
      federation.workspace.settings.set('FileUpload_Enabled', false);
      const bytes = Buffer.alloc(9 * MB);
      const url = await bob.upload(bytes, 'x', 'video/mp4');
      const film = { msgtype: 'm.video', url, info: { size: bytes.length }, body: 'refused.mp4' };
      await bob.sendRaw(portal.room, 'm.room.message', film);
      const told = await portal.channel.expectMessage(({ text }) => text.includes('refused.mp4'), PATIENCE);
      assert.deepEqual([told.sender, told.fileId], ['bob:hs.test', undefined]);
      federation.workspace.settings.set('FileUpload_Enabled', true);
    });

    /** The same from now on: its start took more than it has now. */
    async function afresh(): Promise<number> {
      await writeFile(`/proc/${String(federation.instance.pid())}/clear_refs`, '5');
      return memory();
    }

    /** The most that the App's process ever held at once, in MB. */
    async function memory(): Promise<number> {
      const status = await readFile(`/proc/${String(federation.instance.pid())}/status`, 'utf8');
      return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
    }
  });
