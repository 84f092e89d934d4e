/** Files that are too large to be read whole: from Rocket.Chat to Matrix as they come, within little memory. */

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
 * What the App's process may take beside what it had, less than the file. Mostly it is about 60 MB: V8 looks after what
 * is done with outside of its heap once 64 MB of it have come together, and somewhat later on a busy machine.
 */
const MEMORY = 96;

describe('large files from Rocket.Chat to Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start({ homeserver: { max_upload_size: '100M' } });
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
    // Its start took more than it has now: from here on the most is counted anew.
    await writeFile(`/proc/${String(federation.instance.pid())}/clear_refs`, '5');
    const before = await memory();
    const bytes = randomFillSync(Buffer.alloc(100 * MB));
    await alice.uploadAll(portal.channel, [{ name: 'large.bin', bytes }], { msg: 'all of it' });
    const { content } = await bob.expectMessage(portal.room, 'all of it', PATIENCE);
    const more = (await memory()) - before;
    t.diagnostic(`the App's process had ${before} MB, and at most ${more} MB more`);
    assert.equal(content['filename'], 'large.bin');
    assert.equal(Buffer.compare((await bob.download(String(content['url']))).bytes, bytes), 0);
    assert.ok(more <= MEMORY, `${more} MB`);
  });

  test('what is larger still is named, and its sender told', async () => {
    federation.workspace.settings.set('FileUpload_MaxFileSize', 200 * MB);
    await alice.upload(portal.channel, { name: 'huge.bin', bytes: Buffer.alloc(101 * MB) });
    await alice.expectNotice(({ text }) => text.includes('huge.bin') && text.includes('100.0 MB'));
    await bob.expectMessage(portal.room, /huge\.bin \(101\.0 MB\)/, PATIENCE);
  });

  /** The most that the App's process ever held at once, in MB. */
  async function memory(): Promise<number> {
    const status = await readFile(`/proc/${String(federation.instance.pid())}/status`, 'utf8');
    return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
  }
});
