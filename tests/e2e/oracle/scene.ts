// A room on two homeservers, and the people in it.

import assert from 'node:assert/strict';
import { send } from '../homeserver/appservice-tools.ts';
import type { Pair } from '../homeserver/pair.ts';
import { readRoom, type RoomRecord } from '../homeserver/room-record.ts';
import type { Synapse } from '../homeserver/synapse.ts';
import { poll } from '../homeserver/waiting.ts';
import type { Made } from './kernel.ts';
import type { Peer } from './peer.ts';
import { sorted } from './replay.ts';

/** What a homeserver did not do. */
export class Refused extends Error {
  readonly status: number;

  constructor(why: string, status: number) {
    super(why);
    this.status = status;
  }
}

/** A user, by plain requests. */
export class Person {
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
    if (status !== 200)
      throw new Refused(`${this.id}: ${method} ${path} was answered by ${status}: ${text}`, status);
    return json as T;
  }
}

/** A room on both servers. */
export class Scene {
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

  /** Whether the room allowed it, and knew what it was about. */
  async attempt(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      if (error instanceof Refused && (error.status === 403 || error.status === 404)) return false;
      throw error;
    }
  }

  async redact(person: Person, id: string): Promise<string> {
    this.#count += 1;
    return await this.#put(person, `redact/${encodeURIComponent(id)}/${this.#count}`, {});
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

  async records(brief = false): Promise<[RoomRecord, RoomRecord]> {
    const { near, far } = this.#pair;
    return await Promise.all([readRoom(near, this.room, brief), readRoom(far, this.room, brief)]);
  }

  /**
   * Waits until both have everything; then each in turn ties the ends together, so that both have the same ends. Before
   * that their states may differ: what one did not believe when it came is an end at the other.
   */
  async settle(...speakers: Person[]): Promise<void> {
    await this.#arrives();
    for (const person of speakers) {
      await this.say(person, 'so it is');
      await this.#arrives();
    }
    const [near, far] = await this.records(true);
    assert.deepEqual(sorted(near.state), sorted(far.state), 'the servers agree');
  }

  async reaches(synapse: Synapse, id: string): Promise<void> {
    await poll(async () => has(await readRoom(synapse, this.room, true), [id]) || undefined, {
      timeout: 30_000,
      what: `${id} to reach ${synapse.serverName}`,
    });
  }

  /** Whether an event is part of the state now. */
  async holds(id: string): Promise<boolean> {
    const [{ state }] = await this.records(true);
    return state.some(([, , it]) => it === id);
  }

  /** The fork is real. */
  async differs(): Promise<void> {
    const [near, far] = await this.records(true);
    assert.notDeepEqual(sorted(near.state), sorted(far.state));
  }

  async #arrives(): Promise<void> {
    const lacking = async (): Promise<string[]> => {
      const records = await this.records(true);
      const partial = records.filter(({ isPartial }) => isPartial).map(() => 'the rest of the state');
      return partial.concat(this.sent.filter((id) => !records.every((record) => has(record, [id]))));
    };
    let last: string[] = [];
    await poll(async () => ((last = await lacking()).length === 0 ? true : undefined), {
      timeout: 30_000,
      what: `everything in ${this.room} to arrive`,
      found: () => `not yet: ${last.join(', ')}`,
    });
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
