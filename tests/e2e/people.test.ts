/** People as they are seen across: names, pictures, renames, ends. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Message, Person } from '../workspace/index.ts';
import { Federation, type Portal } from './federation.ts';
import type { Member, MatrixUser } from './homeserver/client.ts';
import { poll } from './homeserver/waiting.ts';
import { png } from './png.ts';

const ALICE = '@rc_alice:hs.test';
const CAROL = '@rc_carol:hs.test';
const PATIENCE = { timeout: 30_000 };

describe('people on both sides', () => {
  let federation: Federation;
  let alice: Person;
  let carol: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    const { endpointUrl } = federation.instance;
    await federation.configure({
      workspace_url: endpointUrl,
      pictures_url: `${endpointUrl}/api/apps/public/${federation.app.id}`,
    });
    alice = await federation.workspace.createUser('alice', { name: 'Alice' });
    carol = await federation.workspace.createUser('carol', { name: 'Carol' });
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('faces', alice, bob);
    await carol.join(portal.channel);
  });

  after(() => federation.close());

  test('a Matrix user changes name and picture, and the next message shows both', async () => {
    assert.equal((await said('before')).alias, 'bob');
    await bob.client.setDisplayName('Bob the Builder');
    await bob.client.setAvatarUrl(await bob.upload(png([200, 30, 30]), 'red.png', 'image/png'));
    const { alias, avatar = '' } = await poll(
      async () => {
        const message = await said('after');
        return message.avatar === undefined ? undefined : message;
      },
      { ...PATIENCE, what: 'a message with a picture' },
    );
    assert.equal(alias, 'Bob the Builder');
    assert.match(avatar, /\/api\/apps\/public\/[^/]+\/avatar\/hs\.test\//);
    const path = avatar.slice(avatar.indexOf('/avatar/'));
    const listener = `${federation.listenerUrl}${path}`;
    for (const url of [avatar, listener]) {
      const answer = await fetch(url);
      assert.equal(answer.status, 200, url);
      assert.equal(answer.headers.get('content-type'), 'image/png');
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      const bytes = Buffer.from(await answer.arrayBuffer());
      // A thumbnail of it: 96 pixels wide.
      assert.deepEqual([bytes.toString('latin1', 1, 4), bytes.readUInt32BE(16)], ['PNG', 96]);
      assert.equal((await fetch(`${url}x`)).status, 404, 'no other address leads anywhere');
    }
  });

  test('a local user has another name and picture, and Matrix shows them', async () => {
    await alice.say(portal.channel, 'as I was');
    await bob.expectMessage(portal.room, 'as I was');
    const face = png([30, 30, 200]);
    alice.setAvatar({ type: 'image/png', bytes: face });
    await alice.changeProfile({ username: 'alicia', name: 'Alicia' });
    const { avatarUrl = '' } = await poll(
      async () => {
        const profile = await bob.profile(ALICE);
        return profile.displayName === 'Alicia' && profile.avatarUrl !== undefined ? profile : undefined;
      },
      { ...PATIENCE, what: "alice's new profile" },
    );
    assert.deepEqual((await bob.download(avatarUrl)).bytes, face);
    await member(ALICE, ({ displayName }) => displayName === 'Alicia');
    await alice.say(portal.channel, 'as I am');
    assert.equal((await bob.expectMessage(portal.room, 'as I am')).sender, ALICE);
  });

  test('who takes a name that became free is somebody else on Matrix', async () => {
    const other = await federation.workspace.createUser('alice', { name: 'Another Alice' });
    await other.join(portal.channel);
    await other.say(portal.channel, 'I am new here');
    const { sender } = await bob.expectMessage(portal.room, 'I am new here');
    assert.match(sender, /^@rc_alice=2d[a-z0-9]{8}:hs\.test$/);
    await bob.say(portal.room, `welcome ${sender}, and hello ${ALICE}`);
    await portal.channel.expectMessage(({ text }) => text === 'welcome @alice, and hello @alicia');
  });

  test('who is deactivated leaves, and comes back with the next message', async () => {
    await carol.say(portal.channel, 'still here');
    await bob.expectMessage(portal.room, 'still here');
    await carol.setActive(false);
    // Nobody tells the App; it looks everybody over when it starts, and when its settings are saved.
    await federation.configure({ workspace_url: federation.instance.endpointUrl });
    const { reason, displayName } = await member(CAROL, ({ membership }) => membership === 'leave');
    assert.equal(reason, 'The account on Rocket.Chat was deactivated.');
    assert.equal(displayName ?? (await bob.profile(CAROL)).displayName, 'Carol');
    await carol.setActive(true);
    await carol.say(portal.channel, 'here again');
    assert.equal((await bob.expectMessage(portal.room, 'here again')).sender, CAROL);
    await member(CAROL, ({ membership }) => membership === 'join');
  });

  test('who is deleted leaves for good', async () => {
    await carol.remove();
    const { reason } = await member(CAROL, ({ membership }) => membership === 'leave');
    assert.equal(reason, 'The account on Rocket.Chat was deleted.');
  });

  test('with a token, the account of a Matrix user has the name and the picture itself', async () => {
    const { admin, avatars } = federation.workspace;
    await federation.configure({ rest_user: admin.id, rest_token: admin.token });
    await bob.client.setDisplayName('Bob at last');
    await federation.workspace.until(
      "the ghost's own name and picture",
      () =>
        federation.workspace.user('bob:hs.test')?.doc().name === 'Bob at last' && avatars.has('bob:hs.test'),
      PATIENCE,
    );
    assert.equal(avatars.get('bob:hs.test')?.type, 'image/png');
    const { alias, avatar } = await said('with a face of my own');
    assert.deepEqual([alias, avatar], ['Bob at last', undefined]);
    assert.ok(!JSON.stringify(federation.app.logs()).includes(admin.token), 'no token in the log');
  });

  async function said(text: string): Promise<Message> {
    const id = await bob.say(portal.room, text);
    return portal.channel.expectMessage(({ raw }) => raw._id === `mx-${id.slice(1)}`, PATIENCE);
  }

  /** Somebody's membership, once it is as expected. */
  async function member(userId: string, is: (member: Member) => boolean): Promise<Member> {
    return poll(
      async () => {
        const found = (await bob.members(portal.room)).get(userId);
        return found !== undefined && is(found) ? found : undefined;
      },
      { ...PATIENCE, what: `the membership of ${userId}` },
    );
  }
});
