// The homeserver side on its own: when this fails, no other end-to-end result means anything.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askForPing, putTransaction, RecordingAppservice, type Transaction } from './appservice-tools.ts';
import { CertificateAuthority } from './certificates.ts';
import { MatrixUser } from './client.ts';
import { RUNS } from './paths.ts';
import { Synapse } from './synapse.ts';
import { poll } from './waiting.ts';

const AS_TOKEN = 'as-token-of-the-recorder';
const HS_TOKEN = 'hs-token-of-the-recorder';

describe('two users of one homeserver', () => {
  let synapse: Synapse;
  let alice: MatrixUser;
  let bob: MatrixUser;
  let room: string;

  before(async () => {
    synapse = await Synapse.start();
    alice = await enter(synapse, 'alice');
    bob = await enter(synapse, 'bob');
    room = await alice.createRoom({ name: 'Tea', invite: [bob.userId] });
  });

  after(async () => {
    alice.stop();
    bob.stop();
    await synapse.stop();
    assert.ok(!existsSync(synapse.dir), 'the data is gone after stop');
  });

  it('invite and join', async () => {
    const invite = await bob.expectInvite(({ roomId }) => roomId === room);
    assert.equal(invite.inviter, alice.userId);
    assert.equal(invite.name, 'Tea');
    await bob.join(room);
    assert.deepEqual(bob.invites(), []);
    const members = await alice.members(room);
    assert.equal(members.get(bob.userId)?.membership, 'join');
  });

  it('use room version 12 by default', async () => {
    assert.equal((await alice.state(room, 'm.room.create'))?.['room_version'], '12');
    assert.equal(await alice.state(room, 'm.room.topic'), undefined);
  });

  it('chat in both directions', async () => {
    const sent = await alice.say(room, 'hello', { html: '<b>hello</b>' });
    const heard = await bob.expectMessage(room, 'hello');
    assert.equal(heard.id, sent);
    assert.equal(heard.content['formatted_body'], '<b>hello</b>');
    await bob.say(room, 'and good morning');
    assert.equal((await alice.expectMessage(room, /good/)).sender, bob.userId);
    assert.equal((await alice.expectMessage(room, 'hello')).sender, alice.userId);
  });

  it('send unknown events, state and redactions', async () => {
    await alice.sendRaw(room, 'test.unknown', { deep: [{ er: 1 }] });
    const unknown = await bob.expectEvent(room, ({ type }) => type === 'test.unknown');
    assert.deepEqual(unknown.content, { deep: [{ er: 1 }] });
    await alice.sendState(room, 'm.room.topic', { topic: 'leaves' });
    await bob.expectEvent(room, ({ type }) => type === 'm.room.topic');
    const slip = await alice.say(room, 'a slip');
    await bob.expectMessage(room, 'a slip');
    await alice.client.redactEvent(room, slip);
    const redaction = await bob.expectEvent(room, ({ type }) => type === 'm.room.redaction');
    assert.equal(redaction.redacts, slip);
  });

  it('keep hundreds of messages in order, each once', async () => {
    const bodies = Array.from({ length: 120 }, (_, index) => `count ${index}`);
    for (const body of bodies) await alice.say(room, body);
    await bob.expectMessage(room, bodies.at(-1) ?? '');
    const counted = (await bob.messages(room))
      .map(({ content }) => content['body'])
      .filter((body) => typeof body === 'string' && body.startsWith('count '));
    assert.deepEqual(counted, bodies);
  });

  it('have profiles and media', async () => {
    await alice.client.setDisplayName('Alice of Tea');
    assert.equal((await bob.profile(alice.userId)).displayName, 'Alice of Tea');
    const mxc = await alice.upload(Buffer.from('leaf'), 'leaf.txt', 'text/plain');
    const { bytes, type } = await bob.download(mxc);
    assert.equal(bytes.toString(), 'leaf');
    assert.match(type, /^text\/plain/);
  });

  it('type, visibly', async () => {
    await alice.client.sendTyping(room, true, 20_000);
    await bob.until('alice to type', () => {
      return bob.client.getRoom(room)?.getMember(alice.userId)?.typing === true || undefined;
    });
  });

  it('say what there was when a wait was in vain', async () => {
    const wait = bob.expectMessage(room, 'never said', { timeout: 10 });
    await assert.rejects(wait, /in vain for a message never said[^]*count 119/);
  });

  it('go on after a restart and after a crash, with their data', async () => {
    await synapse.restart();
    await alice.say(room, 'after the restart');
    await bob.expectMessage(room, 'after the restart');
    await synapse.kill();
    await assert.rejects(alice.say(room, 'into the void'));
    await synapse.restart();
    await bob.say(room, 'after the crash');
    await alice.expectMessage(room, 'after the crash');
    const bodies = (await alice.messages(room)).map(({ content }) => content['body']);
    assert.ok(bodies.includes('and good morning'));
    assert.ok(!bodies.includes('into the void'));
  });

  it('leave', async () => {
    await bob.leave(room);
    assert.equal((await alice.members(room)).get(bob.userId)?.membership, 'leave');
  });
});

describe('an application service', () => {
  let synapse: Synapse;
  let recorder: RecordingAppservice;
  let alice: MatrixUser;
  let room: string;

  before(async () => {
    recorder = await RecordingAppservice.listen();
    synapse = await Synapse.start({ name: 'hs.test', defaultRoomVersion: '10' });
    await synapse.addRegistration(registration(recorder.url));
    alice = await enter(synapse, 'alice');
    room = await alice.createRoom({ invite: [synapse.userId('rc_bob')] });
  });

  after(async () => {
    alice.stop();
    await synapse.stop();
    await recorder.stop();
  });

  it('is pinged', async () => {
    const answer = await askForPing(synapse.baseUrl, 'recorder', AS_TOKEN, 'are you there');
    assert.equal(answer.status, 200);
    assert.deepEqual(recorder.pings, ['are you there']);
  });

  it('gets transactions with its token', async () => {
    const { authorization, id } = await recorder.expectTransaction(isAbout('rc_bob'));
    assert.equal(authorization, `Bearer ${HS_TOKEN}`);
    assert.equal(id, '1');
  });

  it('is given a refused transaction again', async () => {
    recorder.status = 500;
    await alice.invite(room, synapse.userId('rc_refused'));
    const refused = await recorder.expectTransaction(isAbout('rc_refused'));
    recorder.status = 200;
    await recorder.expectTransaction(
      (again) => again !== refused && again.id === refused.id && isAbout('rc_refused')(again),
    );
  });

  it('sees transaction ids start at 1 again after a restart', async () => {
    await synapse.restart({ resetTransactions: true });
    const before = recorder.transactions.length;
    await alice.invite(room, synapse.userId('rc_again'));
    await recorder.expectTransaction(isAbout('rc_again'));
    assert.equal(recorder.transactions[before]?.id, '1');
    assert.notDeepEqual(recorder.transactions[before].body, recorder.transactions[0]?.body);
  });

  it('can be played the homeserver to, with any body', async () => {
    const large = { events: [{ filler: 'x'.repeat(5_000_000) }] };
    assert.equal((await putTransaction(recorder.url, HS_TOKEN, 'large', large)).status, 200);
    const [first] = recorder.transactions.slice(-1);
    assert.deepEqual(first?.body, large);
    const malformed = await putTransaction(recorder.url, HS_TOKEN, 'malformed', '{"events": [');
    assert.equal(malformed.status, 200);
    assert.equal(recorder.transactions.at(-1)?.body, undefined);
  });
});

describe('two homeservers', () => {
  let certificates: CertificateAuthority;
  let near: Synapse;
  let far: Synapse;

  before(async () => {
    certificates = await CertificateAuthority.create();
    near = await Synapse.start({ certificates });
    far = await Synapse.start({ certificates });
  });

  after(async () => {
    await near.stop();
    await far.stop();
    await certificates.remove();
  });

  it('federate over TLS', async () => {
    const alice = await enter(near, 'alice');
    const frida = await enter(far, 'frida');
    const room = await alice.createRoom({ invite: [frida.userId] });
    await frida.expectInvite(({ roomId }) => roomId === room);
    await frida.join(room, { via: [near.serverName] });
    await alice.say(room, 'over the wire');
    await frida.expectMessage(room, 'over the wire');
    await frida.say(room, 'and back');
    await alice.expectMessage(room, 'and back');
    alice.stop();
    frida.stop();
  });
});

it('a homeserver does not outlive a test process that is killed', async () => {
  await mkdir(RUNS, { recursive: true });
  const dir = await mkdtemp(join(RUNS, 'orphan-'));
  const script = `
    import { Synapse } from ${JSON.stringify(new URL('synapse.ts', import.meta.url).href)};
    const synapse = await Synapse.start({ dir: ${JSON.stringify(dir)} });
    console.log(synapse.pid);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(owner.stdout, 'data')) as [Buffer];
  const pid = Number(said.toString());
  assert.ok(isAlive(pid));
  owner.kill('SIGKILL');
  await poll(() => Promise.resolve(isAlive(pid) ? undefined : true), {
    timeout: 10_000,
    what: 'the homeserver to follow its owner',
  });
  await rm(dir, { recursive: true });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The invitation of a user of the service; other events are not its business yet. */
function isAbout(localpart: string): (transaction: Transaction) => boolean {
  return ({ body }) => body.events.some((event) => event['state_key'] === `@${localpart}:hs.test`);
}

async function enter(synapse: Synapse, name: string): Promise<MatrixUser> {
  const { password } = await synapse.registerUser(name, `${name}'s password`);
  return await MatrixUser.login({ baseUrl: synapse.baseUrl, user: name, password });
}

function registration(url: string): string {
  return `
id: recorder
url: ${url}
as_token: ${AS_TOKEN}
hs_token: ${HS_TOKEN}
sender_localpart: recorder
rate_limited: false
namespaces:
  users: [{ exclusive: true, regex: "@rc_.*" }]
  aliases: []
  rooms: []
`;
}
