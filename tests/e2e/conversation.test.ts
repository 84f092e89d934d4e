/** A conversation across, as its people see it: the workspace on one side, a Matrix client on the other. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Person } from '../workspace/index.ts';
import { Federation, numbered, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';

describe('a conversation between Rocket.Chat and Matrix', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice', { name: 'Alice of Tea' });
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('tea-room', alice, bob);
  });

  after(() => federation.close());

  test('the one who invites is told, nobody else', () => {
    assert.deepEqual(
      alice.notices(portal.channel).map(({ text }) => text),
      [`Inviting ${bob.userId} …`, `${bob.userId} is invited. What is said here now reaches Matrix.`],
    );
    assert.deepEqual(federation.workspace.admin.notices(portal.channel), []);
  });

  test('plain text reaches Matrix as plain text, at the time it was said', async () => {
    const { at } = await alice.say(portal.channel, 'Good morning! 2 * 3 < 7');
    const heard = await bob.expectMessage(portal.room, /morning/);
    assert.equal(heard.content['body'], 'Good morning! 2 * 3 < 7');
    assert.equal(heard.content['msgtype'], 'm.text');
    assert.equal(heard.content['formatted_body'], undefined);
    assert.equal(heard.sender, '@rc_alice:hs.test');
    assert.equal(heard.at, at.getTime());
  });

  test('plain text reaches Rocket.Chat as plain text', async () => {
    await bob.say(portal.room, 'Morning, all. 2 < 3');
    const shown = await portal.channel.expectMessage(({ text }) => text.startsWith('Morning, all'));
    assert.equal(shown.text, 'Morning, all. 2 < 3');
    assert.equal(shown.sender, 'bob:hs.test');
  });

  for (const [name, markdown, html] of [
    ['bold', 'it is *bold* here', 'it is <strong>bold</strong> here'],
    ['italic', 'it is _slanted_ here', 'it is <em>slanted</em> here'],
    ['struck', 'it is ~struck~ here', 'it is <del>struck</del> here'],
    ['code', 'it is `a*b*c` here', 'it is <code>a*b*c</code> here'],
  ] as const) {
    test(`${name} text both ways`, async () => {
      await alice.say(portal.channel, markdown);
      const heard = await bob.expectMessage(portal.room, ({ content }) => content['formatted_body'] === html);
      assert.equal(heard.content['format'], 'org.matrix.custom.html');

      await bob.say(portal.room, `the fallback of ${name}`, { html });
      await portal.channel.expectMessage(({ text, sender }) => text === markdown && sender === 'bob:hs.test');
    });
  }

  test('a code block both ways', async () => {
    await alice.say(portal.channel, '```\nlet tea = 1;\n  tea *= 2;\n```');
    const heard = await bob.expectMessage(portal.room, ({ content }) =>
      String(content['formatted_body']).includes('<pre>'),
    );
    assert.match(
      String(heard.content['formatted_body']),
      /<pre><code[^>]*>let tea = 1;\n {2}tea \*= 2;\n?<\/code><\/pre>/,
    );

    await bob.say(portal.room, 'fallback', { html: '<pre><code>let pot = 2;\n  pot *= 3;\n</code></pre>' });
    const shown = await portal.channel.expectMessage(({ text }) => text.includes('let pot'));
    assert.match(shown.text, /^```\nlet pot = 2;\n {2}pot \*= 3;\n```$/);
  });

  test('what looks like HTML stays what was typed', async () => {
    await alice.say(portal.channel, '*see* <b>this</b> & <script>alert(1)</script>');
    const heard = await bob.expectMessage(portal.room, /alert/);
    assert.match(
      String(heard.content['formatted_body']),
      /<strong>see<\/strong> &lt;b&gt;this&lt;\/b&gt; &amp; &lt;script&gt;/,
    );
  });

  test('everybody speaks as themselves', async () => {
    const carol = await federation.workspace.createUser('carol', { name: 'Carol' });
    await carol.join(portal.channel);
    await carol.say(portal.channel, 'carol here');
    const heard = await bob.expectMessage(portal.room, 'carol here');
    assert.equal(heard.sender, '@rc_carol:hs.test');
    assert.equal((await bob.profile(heard.sender)).displayName, 'Carol');
    assert.equal((await bob.profile('@rc_alice:hs.test')).displayName, 'Alice of Tea');
  });

  test('system messages and what an App says to one person stay here', async () => {
    await alice.change(portal.channel, { topic: 'leaves' });
    await alice.command(portal.channel, '/federation status');
    await alice.expectNotice(({ text }) => text.includes('Federated rooms: 1'));
    await alice.say(portal.channel, 'after the topic');
    await bob.expectMessage(portal.room, 'after the topic');
    const bodies = await federation.heard(bob, portal.room);
    assert.ok(!bodies.some((body) => body.includes('leaves') || body.includes('Federated rooms')));
  });

  test('a room that is not federated stays private', async () => {
    const secret = await federation.workspace.createChannel('secret', { members: [alice], type: 'p' });
    await alice.say(secret, 'between us');
    await alice.say(portal.channel, 'not between us');
    await bob.expectMessage(portal.room, 'not between us');
    for (const room of bob.client.getRooms()) {
      assert.ok(!(await federation.heard(bob, room.roomId)).includes('between us'));
    }
  });

  test('hooks that overtake each other do not put messages out of order', async () => {
    const { hooks } = federation.instance;
    const texts = numbered('shuffled', 8);
    hooks.hold(({ event }) => event === 'IPostMessageSent');
    for (const text of texts) await alice.say(portal.channel, text);
    await federation.workspace.until('all hooks', () => hooks.waiting().length === texts.length);
    hooks.reorder((held) => held.reverse());
    await bob.expectMessage(portal.room, texts.at(-1) ?? '');
    assert.deepEqual(await said(texts), texts);
  });

  test('a message whose hook is lost goes out before the next', async () => {
    const { hooks } = federation.instance;
    const texts = numbered('dropped', 3);
    for (const [index, text] of texts.entries()) {
      hooks.drop(({ event }) => event === 'IPostMessageSent' && index === 1);
      await alice.say(portal.channel, text);
      await federation.workspace.until('its hook', () =>
        hooks.told.some(({ data }) => textOf(data) === text),
      );
    }
    hooks.drop();
    await bob.expectMessage(portal.room, texts.at(-1) ?? '');
    assert.deepEqual(await said(texts), texts);
  });

  test('who leaves on Matrix leaves the channel, and may come back', async () => {
    await bob.leave(portal.room);
    await portal.channel.expectNoMember('bob:hs.test');
    await alice.command(portal.channel, `/federation invite ${bob.userId}`);
    await bob.expectInvite(({ roomId }) => roomId === portal.room);
    await bob.join(portal.room);
    await portal.channel.expectMember('bob:hs.test');
    await bob.say(portal.room, 'back again');
    await portal.channel.expectMessage(({ text }) => text === 'back again');
  });

  test('somebody who does not exist cannot be invited, and the one who tried is told why', async () => {
    await alice.command(portal.channel, '/federation invite nobody');
    await alice.expectNotice(({ text }) => text.includes('nobody') && !text.includes('Inviting'));
  });

  /** Those of some texts that bob's homeserver has, in its order. */
  async function said(texts: readonly string[]): Promise<string[]> {
    return (await federation.heard(bob, portal.room)).filter((body) => texts.includes(body));
  }
});

function textOf(data: unknown): string | undefined {
  return (data as { text?: string }).text;
}
