/** What breaks: the App's process, the homeserver, one of two servers. Nothing is lost, nothing doubled, order is kept. */

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import type { Instance, Person } from '../workspace/index.ts';
import { Federation, numbered, RECOVERY, type Portal } from './federation.ts';
import { putTransaction } from './homeserver/appservice-tools.ts';
import type { MatrixUser } from './homeserver/client.ts';
import { poll } from './homeserver/waiting.ts';

describe('through crashes and outages', () => {
  let federation: Federation;
  let alice: Person;
  let carol: Person;
  let bob: MatrixUser;
  let portal: Portal;

  before(async () => {
    federation = await Federation.start();
    alice = await federation.workspace.createUser('alice');
    carol = await federation.workspace.createUser('carol');
    bob = await federation.matrixUser('bob');
    portal = await federation.portal('tea-room', alice, bob);
    await carol.join(portal.channel);
  });

  after(() => federation.close());

  test('the process is killed while 100 messages go each way', async () => {
    const local = numbered('alice', 100);
    const remote = numbered('bob', 100);
    const { instance } = federation;
    await Promise.all([
      aliceSays(local, async (index) => {
        if (index === 40) await instance.killRuntime();
      }),
      bobSays(remote),
    ]);
    await arrived(local, remote);
  });

  test('the process is killed again and again', async () => {
    const local = numbered('again alice', 30);
    const remote = numbered('again bob', 30);
    const { instance } = federation;
    await Promise.all([
      aliceSays(local, async (index) => {
        if (index % 10 !== 5) return;
        await instance.killRuntime();
        await instance.runtimeRestarted();
      }),
      bobSays(remote),
    ]);
    await arrived(local, remote);
  });

  test('the homeserver is down for more than a minute, and those who speak see that it is', async () => {
    const local = numbered('meanwhile', 10);
    // Of a room nobody knows: it waits a while for the room, and must not wait for ever.
    const stray = {
      type: 'm.room.message',
      event_id: '$stray',
      room_id: '!nowhere:hs.test',
      sender: bob.userId,
    };
    await putTransaction(federation.listenerUrl, federation.registration.hsToken, 'stray', {
      events: [stray],
    });
    await federation.synapse.halt();
    const told = alice.notices().length;
    await aliceSays(local.slice(0, 5));
    // The outage itself: the one length of time that is meant.
    await pause(30_000);
    await aliceSays(local.slice(5));
    const waiting = (): string[] =>
      portal.channel
        .messages()
        .filter(({ reactions }) => ':hourglass_flowing_sand:' in reactions)
        .map(({ text }) => text);
    await federation.workspace.until('the first five to be marked', () => waiting().length >= 5, RECOVERY);
    assert.deepEqual(waiting().slice(0, 5), local.slice(0, 5));
    const notices = alice.notices().slice(told);
    assert.deepEqual(
      notices.map(({ text }) => /waiting for Matrix since .*: the homeserver cannot be reached/.test(text)),
      [true],
    );
    await federation.synapse.restart();
    const remote = numbered('after the outage', 5);
    await bobSays(remote);
    await arrived(local, remote);
    await federation.workspace.until('the marks to go', () => waiting().length === 0, RECOVERY);
  });

  test('the homeserver crashes in the middle of a conversation', async () => {
    const local = numbered('crash alice', 40);
    const early = numbered('crash bob', 5);
    await bobSays(early);
    await aliceSays(local, async (index) => {
      if (index === 10) await federation.synapse.kill();
      if (index === 30) await federation.synapse.restart();
    });
    const late = numbered('crash bob again', 5);
    await bobSays(late);
    await arrived(local, [...early, ...late]);
  });

  test('the homeserver forgets how far it has counted its transactions', async () => {
    // What it forgot must not be counted on.
    if ((await federation.synapse.unsentTransactions()).length > 0) await federation.recover(portal, bob);
    for (const round of ['first', 'second']) {
      const remote = numbered(`${round} count`, 3);
      const local = numbered(`${round} answer`, 3);
      await bobSays(remote);
      await arrived([], remote);
      await federation.synapse.restart({ resetTransactions: true });
      await bobSays([`${round} one again`]);
      await aliceSays(local);
      await arrived(local, [`${round} one again`]);
    }
  });

  test('what the homeserver forgot to send is asked for', async () => {
    const { app, synapse } = federation;
    await app.disable();
    await bobSays(['forgotten by the homeserver']);
    await poll(async () => ((await synapse.unsentTransactions()).length > 0 ? true : undefined), {
      what: 'the transaction to wait',
      timeout: 30_000,
    });
    await synapse.halt();
    await synapse.forgetTransactions();
    await synapse.restart();
    await app.enable();
    await portal.channel.expectMessage(({ text }) => text === 'forgotten by the homeserver', RECOVERY);
  });

  test('nothing is left over', async () => {
    const { admin } = federation.workspace;
    const status = async (): Promise<string> => {
      const before = admin.notices().length;
      await admin.command(federation.lobby, '/federation status');
      return (await admin.expectNotice((notice) => admin.notices().indexOf(notice) >= before)).text;
    };
    // A message is there a moment before its entry goes.
    const text = await poll(
      async () => {
        const text = await status();
        return /Waiting: 0\b/.test(text) ? text : undefined;
      },
      { what: 'an empty journal', timeout: 30_000 },
    );
    assert.match(text, /Put aside after errors: 0\b/);
  });

  test('two servers at once, and one dies', async () => {
    const { workspace, instance: dying } = federation;
    const staying = await workspace.startInstance();
    const together = numbered('together', 20);
    // Both talk at the same time, each at a server of their own.
    await Promise.all([
      says(alice, together.slice(0, 10), dying),
      says(carol, together.slice(10), staying),
      bobSays(numbered('to both', 20)),
    ]);
    await arrived(together.slice(0, 10), numbered('to both', 20));
    await arrived(together.slice(10), []);

    const before = numbered('before the end', 10);
    await says(alice, before, dying);
    const remote = numbered('at the end', 20);
    const bobTalks = bobSays(remote);
    // Its process lives on without its server, and holds the port until it notices.
    const orphans = await dying.crash();
    const afterwards = numbered('after the end', 10);
    await says(carol, afterwards, staying);
    await bobTalks;
    await arrived([...before, ...afterwards], remote);
    await workspace.until('the orphan to leave', () => orphans.every(hasEnded), RECOVERY);
  });

  async function aliceSays(
    texts: readonly string[],
    meanwhile?: (index: number) => Promise<void>,
  ): Promise<void> {
    for (const [index, text] of texts.entries()) {
      await alice.say(portal.channel, text);
      await meanwhile?.(index);
    }
  }

  async function says(who: Person, texts: readonly string[], on: Instance): Promise<void> {
    for (const text of texts) await who.say(portal.channel, text, { on });
  }

  async function bobSays(texts: readonly string[]): Promise<void> {
    for (const text of texts) await bob.say(portal.room, text);
  }

  /** All there, each once, in order, as the other side's servers have them. */
  async function arrived(local: readonly string[], remote: readonly string[]): Promise<void> {
    const [lastOut] = local.slice(-1);
    if (lastOut !== undefined) await bob.expectMessage(portal.room, lastOut, RECOVERY);
    const late = await federation.shown(portal, bob, remote);
    const heard = await federation.heard(bob, portal.room);
    assert.deepEqual(
      heard.filter((text) => local.includes(text)),
      local,
    );
    assert.deepEqual(
      shown().filter((text) => remote.includes(text) && !late.includes(text)),
      remote.filter((text) => !late.includes(text)),
    );
    assert.deepEqual(
      shown().filter((text) => late.includes(text)),
      late,
    );
  }

  function shown(): string[] {
    return portal.channel.messages().map(({ text }) => text);
  }
});

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
