/** The protocol kernel against two real Synapses: each event, verdict and state of forked rooms is what they say. */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { send } from './homeserver/appservice-tools.ts';
import { Pair } from './homeserver/pair.ts';
import { readRoom } from './homeserver/room-record.ts';
import type { Synapse } from './homeserver/synapse.ts';
import { Kernel, type Made, type Place } from './oracle/kernel.ts';
import { Peer } from './oracle/peer.ts';
import { Replay, sorted } from './oracle/replay.ts';
import { Person, Scene } from './oracle/scene.ts';
import { wander } from './oracle/wander.ts';

const PROFILE = '/_matrix/federation/v1/query/profile';

describe('the kernel beside Synapse', () => {
  let pair: Pair;
  let kernel: Kernel;
  let peer: Peer;
  let ann: Person;
  let ben: Person;
  let cat: Person;
  let dan: Person;
  let eve: Person;

  before(async () => {
    [pair, kernel] = await Promise.all([Pair.start(), Kernel.start()]);
    peer = await Peer.open(pair.certificates, kernel);
    [ann, cat] = [await Person.at(pair.near, 'ann'), await Person.at(pair.near, 'cat')];
    [ben, dan] = [await Person.at(pair.far, 'ben'), await Person.at(pair.far, 'dan')];
    eve = await Person.at(pair.far, 'eve');
  });

  // A scene that failed must not leave the next one deaf.
  afterEach(() => pair.release());

  after(async () => {
    await peer.close();
    await pair.stop();
    await kernel.stop();
  });

  test("believes the servers' key documents", async () => {
    for (const { serverName } of [pair.near, pair.far]) {
      const { status, text } = await peer.send(serverName, { uri: '/_matrix/key/v2/server' });
      assert.equal(status, 200);
      await kernel.keys(serverName, text);
      await assert.rejects(kernel.keys(serverName, text.replace(/"key":"./, '"key":"_')), /not signed/);
    }
  });

  test('signs requests that are accepted, and only as they were signed', async () => {
    const near = pair.near.serverName;
    const uri = `${PROFILE}?user_id=${encodeURIComponent(ann.id)}&field=displayname`;
    const signed = await peer.sign(near, uri);
    const answer = await peer.send(near, signed);
    assert.deepEqual([answer.status, answer.text], [200, '{"displayname":"ann"}']);
    assert.ok(peer.fetched > 0, 'the key document was fetched');

    const put = await peer.sign(near, '/_matrix/federation/v1/send/1', '{"pdus":[],"origin":"é"}');
    assert.equal((await peer.send(near, put)).status, 200);
    const { authorization = '', content = '' } = put;
    for (const changed of [
      { ...signed, uri: uri.replace('displayname', 'displaynamf') },
      { uri },
      { ...put, content: content.replace('é', 'è') },
      {
        ...put,
        authorization: authorization.replace(/sig="./, (start) => `sig="${start.endsWith('A') ? 'B' : 'A'}`),
      },
    ]) {
      assert.equal((await peer.send(near, changed)).status, 401, JSON.stringify(changed));
    }
    assert.equal((await peer.send(pair.far.serverName, signed)).status, 401, 'meant for another server');
  });

  test('publishes keys that a notary vouches for', async () => {
    const notary = pair.near.serverName;
    const query = await kernel.notaryQuery(peer.name, peer.key);
    const answer = await send(`${pair.near.baseUrl}/_matrix/key/v2/query`, { method: 'POST', body: query });
    assert.equal(answer.status, 200);
    assert.ok((await kernel.notaryAnswer(peer.name, notary, answer.text)) > Date.now());
    const forged = answer.text.replace(/"valid_until_ts":\d/, '"valid_until_ts":9');
    await assert.rejects(kernel.notaryAnswer(peer.name, notary, forged), /does not hold/);
  });

  for (const version of ['10', '11', '12']) {
    test(`plays a forked room of version ${version} again, to the same end`, async (t) => {
      const scene = await Scene.open(pair, version, ann);
      await scene.enter(ben, dan, eve, cat);
      await scene.settle(ann);
      const guest = await join(scene);

      await banAgainstTalk(scene);
      await powerHandedOn(scene);
      await powerAgainstPower(scene);
      await oneDeafEar(scene);
      await olderThanABan(scene, guest);

      const replay = await Replay.of(kernel, version, await scene.records());
      await fetched(scene, replay);
      await judged(scene, replay, guest);
      const { tally } = await compare(scene);
      assert.ok(tally.softFailed > 3 && tally.rejected > 3 && tally.forks > 3, JSON.stringify(tally));
      t.diagnostic(JSON.stringify(tally));
    });
  }

  for (const version of ['10', '11', '12']) {
    test(`plays rooms of version ${version} again that forked at random`, async (t) => {
      const scene = await Scene.open(pair, version, ann);
      await scene.enter(ben, dan, eve, cat);
      await scene.settle(ann);
      const seed = Number(process.env['ORACLE_SEED'] ?? randomInt(1 << 30));
      const rounds = Number(process.env['ORACLE_ROUNDS'] ?? 2);
      t.diagnostic(`ORACLE_SEED=${seed} ORACLE_ROUNDS=${rounds}`);
      await wander(scene, pair, { near: [ann, cat], far: [ben, dan, eve] }, { seed, rounds });
      const { tally } = await compare(scene);
      assert.ok(tally.forks >= rounds, JSON.stringify(tally));
      t.diagnostic(JSON.stringify(tally));
    });
  }

  /** A ban on one side, while the banned one talks and sets state on the other. */
  async function banAgainstTalk(scene: Scene): Promise<void> {
    pair.hold();
    await scene.set(ann, 'm.room.topic', { topic: 'near' });
    await scene.set(ann, 'm.room.member', { membership: 'ban', reason: 'talks' }, dan.id);
    await scene.set(ann, 'm.room.join_rules', { join_rule: 'invite' });
    await scene.set(cat, 'm.room.member', { membership: 'join', displayname: 'Cat' }, cat.id);
    await scene.say(dan, 'I am still here');
    await scene.set(dan, 'm.room.name', { name: "dan's" });
    await scene.set(ben, 'm.room.topic', { topic: 'far' });
    await scene.set(ben, 'm.room.member', { membership: 'leave' }, cat.id);
    await scene.set(eve, 'm.room.member', { membership: 'join', displayname: 'Eve' }, eve.id);
    await scene.say(ben, 'so be it');
    await scene.differs();
    pair.release();
    await scene.settle(ann, ben);
  }

  /** What counts in the end was made by somebody whose power came and went between the ends. */
  async function powerHandedOn(scene: Scene): Promise<void> {
    await scene.power({ [ben.id]: 90 });
    await scene.settle(ben);
    pair.hold();
    await scene.say(ann, 'what are they doing there?');
    await scene.set(ben, 'm.room.power_levels', scene.levels({ [ben.id]: 90, [eve.id]: 75 }));
    const last = scene.levels({ [ben.id]: 90, [eve.id]: 75, [dan.id]: 25 });
    const id = await scene.set(eve, 'm.room.power_levels', last);
    await scene.differs();
    pair.release();
    await scene.settle(ann, ben);
    assert.ok(await scene.holds(id), 'the power that was handed on counts');
  }

  /**
   * A name that somebody gave who is banned by now, beside one that claims to be older still. Up to version 11 the ban,
   * which is beyond dispute, counts against the first; from version 12 on nothing counts but what authorised it.
   */
  async function olderThanABan(scene: Scene, guest: string): Promise<void> {
    const { room, version } = scene;
    await scene.power({ [ben.id]: 90, [eve.id]: 50, [guest]: 50 });
    await scene.set(ann, 'm.room.join_rules', { join_rule: 'public' });
    await scene.settle(ben);
    await scene.set(eve, 'm.room.member', { membership: 'join' }, eve.id);
    const given = await scene.set(eve, 'm.room.name', { name: 'given before the ban' });
    await scene.set(ben, 'm.room.member', { membership: 'ban' }, eve.id);
    await scene.settle(ann, ben);
    const place = await placeOf(scene, await Replay.of(kernel, version, await scene.records()));
    const draft = { sender: guest, kind: 'm.room.name', state_key: '', content: { name: 'older' }, at: 1 };
    const older = await kernel.compose(peer.signer, version, { room, ...place }, draft);
    await scene.say(ben, 'elsewhere');
    await scene.take(peer, older);
    await scene.settle(ann, ben);
    assert.ok(await scene.holds(version === '12' ? given : older.id), 'the name that counts');
  }

  /** Each side takes power from somebody. */
  async function powerAgainstPower(scene: Scene): Promise<void> {
    await scene.power({ [ben.id]: 90, [eve.id]: 50 });
    await scene.settle(ben);
    pair.hold();
    await scene.power({ [ben.id]: 50, [eve.id]: 50 });
    await scene.set(ann, 'm.room.topic', { topic: 'less for ben' });
    await scene.set(ben, 'm.room.power_levels', scene.levels({ [ben.id]: 90, [eve.id]: 0 }));
    await scene.set(ben, 'm.room.name', { name: "ben's" });
    await scene.set(ben, 'm.room.member', { membership: 'leave' }, dan.id);
    await scene.set(ben, 'm.room.history_visibility', { history_visibility: 'joined' });
    await scene.differs();
    pair.release();
    await scene.settle(ann, ben);
  }

  /** Only one side hears the other, and joins the ends that the other still builds on. */
  async function oneDeafEar(scene: Scene): Promise<void> {
    await scene.power({ [ben.id]: 90, [eve.id]: 50 });
    await scene.settle(ben);
    pair.toNear.hold();
    await scene.set(ben, 'm.room.topic', { topic: 'unheard' });
    const heard = await scene.set(ann, 'm.room.topic', { topic: 'heard' });
    await scene.reaches(pair.far, heard);
    await scene.set(eve, 'm.room.name', { name: 'on top of both' });
    pair.toFar.hold();
    await scene.set(ann, 'm.room.name', { name: 'on top of one' });
    await scene.set(ann, 'm.room.member', { membership: 'leave' }, eve.id);
    await scene.say(eve, 'not gone yet');
    await scene.differs();
    pair.toNear.release();
    await scene.say(ann, 'now I hear');
    pair.release();
    await scene.settle(ann, ben);
  }

  /** A user of ours comes in, by the template that Synapse makes. */
  async function join({ room, version }: Scene): Promise<string> {
    const user = `@guest:${peer.name}`;
    const ids = `${encodeURIComponent(room)}/${encodeURIComponent(user)}`;
    const near = pair.near.serverName;
    const { event, room_version: said } = await peer.ask<{ event: object; room_version: string }>(
      near,
      `/_matrix/federation/v1/make_join/${ids}?ver=${version}`,
    );
    assert.equal(said, version);
    const made = await kernel.join(peer.signer, { version, room, user, template: JSON.stringify(event) });
    const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(room)}/${encodeURIComponent(made.id)}`;
    const answer = await peer.ask<{ state: object[]; auth_chain: object[] }>(near, uri, made.event);
    for (const pdu of [...answer.auth_chain, ...answer.state]) {
      assert.equal((await kernel.read(version, JSON.stringify(pdu))).verdict, 'read');
    }
    return user;
  }

  async function compare(scene: Scene): Promise<Replay> {
    const records = await scene.records();
    const replay = await Replay.of(kernel, scene.version, records);
    for (const [index, record] of records.entries())
      await replay.compare(record, ['near', 'far'][index] ?? '');
    assert.deepEqual(sorted(records[0].state), sorted(records[1].state), 'the servers agree');
    const shown = await ann.ask<{ event_id: string }[]>(
      'GET',
      `/rooms/${encodeURIComponent(scene.room)}/state`,
    );
    const state = records[0].state.map(([, , id]) => id);
    assert.deepEqual(shown.map(({ event_id: id }) => id).sort(), state.sort(), 'clients see the same');
    return replay;
  }

  /** The same events and states over the wire, as Synapse gives them to another server. */
  async function fetched({ room, version }: Scene, replay: Replay): Promise<void> {
    const accepted = (await readRoom(pair.far, room)).events.filter(({ rejection, isOutlier }) => {
      return rejection === null && !isOutlier;
    });
    for (const { id } of accepted) await fetchOne(pair.far, version, id);
    for (const { id } of accepted.slice(-12)) {
      const uri = `/_matrix/federation/v1/state_ids/${encodeURIComponent(room)}?event_id=${encodeURIComponent(id)}`;
      const { pdu_ids: ids } = await peer.ask<{ pdu_ids: string[] }>(pair.far.serverName, uri);
      assert.deepEqual(
        ids.sort(),
        replay
          .before(id)
          .map(([, , it]) => it)
          .sort(),
      );
    }
  }

  /** An event as Synapse gives it to another server, and as the kernel reads it. */
  async function fetchOne(from: Synapse, version: string, id: string): Promise<string> {
    const uri = `/_matrix/federation/v1/event/${encodeURIComponent(id)}`;
    const [pdu] = (await peer.ask<{ pdus: object[] }>(from.serverName, uri)).pdus;
    const reading = await kernel.read(version, JSON.stringify(pdu));
    assert.ok(reading.verdict === 'read' && reading.id === id, JSON.stringify({ reading, pdu }));
    return reading.text;
  }

  /** Where the next event stands. */
  async function placeOf(scene: Scene, replay: Replay): Promise<Omit<Place, 'room'>> {
    const [{ extremities }] = await scene.records();
    const state = await replay.stateAfter(extremities);
    return { prev_events: extremities, depth: Math.max(...extremities.map((id) => replay.depth(id))), state };
  }

  /** What we make ourselves has the verdict that we give it. */
  async function judged(scene: Scene, replay: Replay, guest: string): Promise<void> {
    const { room, version } = scene;
    const place = await placeOf(scene, replay);
    const content = { msgtype: 'm.text', body: 'hello' };
    const draft = { sender: guest, kind: 'm.room.message', content, at: Date.now() };
    const hello = await kernel.compose(peer.signer, version, { room, ...place }, draft);
    const like = async (changes: object): Promise<Made> => {
      const event = JSON.parse(hello.event) as object;
      return await kernel.signEvent(peer.signer, version, { ...event, ...changes });
    };
    // Rejected: the guest has no power over ann.
    const coup = await like({ type: 'm.room.member', state_key: ann.id, content: { membership: 'ban' } });
    await scene.take(peer, hello, coup);
    await scene.redact(ann, hello.id);
    const redacted = await fetchOne(pair.near, version, hello.id);
    assert.deepEqual((JSON.parse(redacted) as { content: object }).content, {});
    const ban = await scene.set(ann, 'm.room.member', { membership: 'ban' }, guest);
    await scene.settle(ann);
    // Soft-failed: made before the ban, it says. Rejected: made after it, by an older authority.
    const late = await like({ content: { msgtype: 'm.text', body: 'too late' } });
    const defiant = await like({ prev_events: [ban], depth: place.depth + 9 });
    await scene.take(peer, late, defiant);
    await scene.settle(ann, ben);
  }
});
