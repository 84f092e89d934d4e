/** The protocol kernel against two real Synapses: each event, verdict and state of forked rooms is what they say. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { send } from './homeserver/appservice-tools.ts';
import { Pair } from './homeserver/pair.ts';
import { readRoom, type RoomRecord } from './homeserver/room-record.ts';
import type { Synapse } from './homeserver/synapse.ts';
import { poll } from './homeserver/waiting.ts';
import { Kernel, type Made } from './oracle/kernel.ts';
import { Peer } from './oracle/peer.ts';
import { Replay, sorted } from './oracle/replay.ts';

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
      await powerAgainstPower(scene);
      await oneDeafEar(scene);

      const replay = await compare(scene);
      await fetched(scene, replay);
      await judged(scene, replay, guest);
      const { tally } = await compare(scene);
      assert.ok(tally.softFailed > 3 && tally.rejected > 3 && tally.forks > 3, JSON.stringify(tally));
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
    return replay;
  }

  /** The same events and states over the wire, as Synapse gives them to another server. */
  async function fetched({ room, version }: Scene, replay: Replay): Promise<void> {
    const far = pair.far.serverName;
    const accepted = (await readRoom(pair.far, room)).events.filter(({ rejection, isOutlier }) => {
      return rejection === null && !isOutlier;
    });
    for (const { id } of accepted) {
      const event = `/_matrix/federation/v1/event/${encodeURIComponent(id)}`;
      const [pdu] = (await peer.ask<{ pdus: object[] }>(far, event)).pdus;
      const reading = await kernel.read(version, JSON.stringify(pdu));
      assert.equal(reading.verdict === 'read' && reading.id, id, JSON.stringify({ reading, pdu }));
    }
    for (const { id } of accepted.slice(-12)) {
      const uri = `/_matrix/federation/v1/state_ids/${encodeURIComponent(room)}?event_id=${encodeURIComponent(id)}`;
      const { pdu_ids: ids } = await peer.ask<{ pdu_ids: string[] }>(far, uri);
      assert.deepEqual(
        ids.sort(),
        replay
          .before(id)
          .map(([, , it]) => it)
          .sort(),
      );
    }
  }

  /** What we make ourselves has the verdict that we give it. */
  async function judged(scene: Scene, replay: Replay, guest: string): Promise<void> {
    const { room, version } = scene;
    const [{ extremities }] = await scene.records();
    const state = await replay.stateAfter(extremities);
    const depth = Math.max(...extremities.map((id) => replay.depth(id)));
    const place = { room, prev_events: extremities, depth, state };
    const hello = await kernel.say(peer.signer, version, place, guest, 'hello');
    const like = async (changes: object): Promise<Made> => {
      const event = JSON.parse(hello.event) as object;
      return await kernel.signEvent(peer.signer, version, { ...event, ...changes });
    };
    // Rejected: the guest has not the power.
    const topic = await like({ type: 'm.room.topic', state_key: '', content: { topic: 'mine' } });
    await scene.take(peer, hello, topic);
    await scene.redact(ann, hello.id);
    const ban = await scene.set(ann, 'm.room.member', { membership: 'ban' }, guest);
    await scene.settle(ann);
    // Soft-failed: made before the ban, it says. Rejected: made after it, by an older authority.
    const late = await like({ content: { msgtype: 'm.text', body: 'too late' } });
    const defiant = await like({ prev_events: [ban], depth: depth + 9 });
    await scene.take(peer, late, defiant);
    await scene.settle(ann, ben);
  }
});

/** A user, by plain requests. */
class Person {
  readonly id: string;
  readonly synapse: Synapse;
  readonly #token: string;

  static async at(synapse: Synapse, name: string): Promise<Person> {
    const { userId, accessToken } = await synapse.registerUser(name, 'secret');
    return new Person(synapse, userId, accessToken);
  }

  private constructor(synapse: Synapse, id: string, token: string) {
    this.synapse = synapse;
    this.id = id;
    this.#token = token;
  }

  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const url = `${this.synapse.baseUrl}/_matrix/client/v3${path}`;
    const { status, json, text } = await send(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    if (status !== 200) throw new Error(`${this.id}: ${method} ${path} was answered by ${status}: ${text}`);
    return json as T;
  }
}

/** A room on both servers. */
class Scene {
  readonly version: string;
  readonly room: string;
  /** Everything sent so far: it is on both servers when they have settled. */
  readonly sent: string[] = [];
  readonly #pair: Pair;
  readonly #creator: Person;
  #count = 0;

  static async open(pair: Pair, version: string, creator: Person): Promise<Scene> {
    const { room_id: room } = await creator.ask<{ room_id: string }>('POST', '/createRoom', {
      room_version: version,
      preset: 'public_chat',
      name: `Version ${version}`,
    });
    return new Scene(pair, version, room, creator);
  }

  private constructor(pair: Pair, version: string, room: string, creator: Person) {
    this.#pair = pair;
    this.version = version;
    this.room = room;
    this.#creator = creator;
  }

  async enter(deputy: Person, helper: Person, ...others: Person[]): Promise<void> {
    const path = `/join/${encodeURIComponent(this.room)}?via=${this.#pair.near.serverName}`;
    for (const person of [deputy, helper, ...others]) await person.ask('POST', path, {});
    await this.power({ [deputy.id]: 90, [helper.id]: 50 });
  }

  async set(person: Person, type: string, content: object, key = ''): Promise<string> {
    return await this.#put(person, `state/${type}/${encodeURIComponent(key)}`, content);
  }

  async say(person: Person, body: string): Promise<string> {
    this.#count += 1;
    return await this.#put(person, `send/m.room.message/${this.#count}`, { msgtype: 'm.text', body });
  }

  async redact(person: Person, id: string): Promise<string> {
    return await this.#put(person, `redact/${encodeURIComponent(id)}/redaction`, {});
  }

  async power(users: Readonly<Record<string, number>>): Promise<void> {
    await this.set(this.#creator, 'm.room.power_levels', this.levels(users));
  }

  /** The creator stands above them, in words where the version wants them. */
  levels(users: Readonly<Record<string, number>>): object {
    return { users: this.version === '12' ? users : { ...users, [this.#creator.id]: 100 } };
  }

  /** Both servers are given these events. */
  async take(peer: Peer, ...made: Made[]): Promise<void> {
    const events = made.map(({ event }) => event);
    for (const { serverName } of [this.#pair.near, this.#pair.far]) await peer.deliver(serverName, ...events);
    this.sent.push(...made.map(({ id }) => id));
  }

  async records(): Promise<[RoomRecord, RoomRecord]> {
    const [near, far] = [readRoom(this.#pair.near, this.room), readRoom(this.#pair.far, this.room)];
    return await Promise.all([near, far]);
  }

  /** Waits until both have everything; then each in turn ties the ends together. */
  async settle(...speakers: Person[]): Promise<void> {
    await this.#agrees();
    for (const person of speakers) {
      await this.say(person, 'so it is');
      await this.#agrees();
    }
  }

  async reaches(synapse: Synapse, id: string): Promise<void> {
    await poll(async () => has(await readRoom(synapse, this.room), [id]) || undefined, {
      timeout: 30_000,
      what: `${id} to reach ${synapse.serverName}`,
    });
  }

  /** The fork is real. */
  async differs(): Promise<void> {
    const [near, far] = await this.records();
    assert.notDeepEqual(sorted(near.state), sorted(far.state));
  }

  async #agrees(): Promise<void> {
    await poll(
      async () => {
        const records = await this.records();
        const [near, far] = records.map(({ state }) => sorted(state).join());
        const isComplete = records.every((record) => !record.isPartial && has(record, this.sent));
        return (isComplete && near === far) || undefined;
      },
      { timeout: 30_000, what: `the servers to agree on ${this.room}` },
    );
  }

  async #put(person: Person, what: string, content: object): Promise<string> {
    const path = `/rooms/${encodeURIComponent(this.room)}/${what}`;
    const { event_id: id } = await person.ask<{ event_id: string }>('PUT', path, content);
    this.sent.push(id);
    return id;
  }
}

function has({ events }: RoomRecord, ids: readonly string[]): boolean {
  const known = new Set(events.map(({ id }) => id));
  return ids.every((id) => known.has(id));
}
