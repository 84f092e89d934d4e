/** The same zip under every runtime that servers give their Apps: the same conversation. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Person, RuntimeName } from '../workspace/index.ts';
import { Federation, type Portal } from './federation.ts';
import type { MatrixUser } from './homeserver/client.ts';

/** Up to Node 24 the App may open connections itself; later only the engine may, and says so. */
const RUNTIMES: readonly { readonly runtime: RuntimeName; readonly open: boolean }[] = [
  { runtime: 'deno', open: true },
  { runtime: 'node24', open: true },
  { runtime: 'node26', open: false },
];

describe('one workspace, server after server', () => {
  let federation: Federation;
  let alice: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start({ runtime: RUNTIMES[0]?.runtime ?? 'deno' });
    alice = await federation.workspace.createUser('alice');
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('tea-room', alice, bob);
  });

  after(() => federation.close());

  for (const { runtime, open } of RUNTIMES) {
    test(`a conversation under ${runtime}`, async () => {
      if (federation.instance.runtime !== runtime) await federation.serveUnder(runtime, { open });
      const way = open ? "using the App's own listener and client" : 'the runtime closes the network';
      assert.ok(
        federation.log().some((line) => line.startsWith(way)),
        'the App says which way it goes',
      );

      await alice.say(portal.channel, `Is this *${runtime}*?`);
      const heard = await bob.expectMessage(portal.room, ({ content }) =>
        String(content['body']).includes(runtime),
      );
      assert.equal(heard.content['formatted_body'], `Is this <strong>${runtime}</strong>?`);
      await bob.say(portal.room, `${runtime} it is`, { html: `${runtime} <em>it is</em>` });
      const shown = await portal.channel.expectMessage(({ text }) => text === `${runtime} _it is_`);
      assert.equal(shown.sender, 'bob:hs.test');
    });

    test(`a new room under ${runtime}`, async () => {
      const fresh = await federation.portal(`room-${runtime}`, alice, bob);
      await alice.say(fresh.channel, 'first');
      await bob.expectMessage(fresh.room, 'first');
      await bob.say(fresh.room, 'second');
      await fresh.channel.expectMessage(({ text }) => text === 'second');
    });

    test(`a crash under ${runtime}`, async () => {
      const { instance } = federation;
      await instance.killRuntime();
      await alice.say(portal.channel, `after the crash of ${runtime}`);
      await bob.say(portal.room, `after the crash, ${runtime}`);
      await bob.expectMessage(portal.room, `after the crash of ${runtime}`, { timeout: 60_000 });
      await portal.channel.expectMessage(({ text }) => text === `after the crash, ${runtime}`, {
        timeout: 60_000,
      });
    });
  }
});
