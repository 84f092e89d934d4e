// A room played again by the kernel: every event read, its state computed and its verdict given, to be held beside
// what each Synapse made of it.

import assert from 'node:assert/strict';
import type { Entry, RecordedEvent, RoomRecord } from '../homeserver/room-record.ts';
import type { Kernel, Verdict } from './kernel.ts';

type State = readonly Entry[];

interface Known {
  readonly id: string;
  readonly text: string;
  readonly type: string;
  readonly stateKey: string | undefined;
  readonly depth: number;
  readonly follows: readonly string[];
  /** What must be known before it. */
  readonly after: readonly string[];
}

/** What was compared, and how much of it. */
export interface Tally {
  events: number;
  states: number;
  forks: number;
  softFailed: number;
  rejected: number;
}

export class Replay {
  readonly tally: Tally = { events: 0, states: 0, forks: 0, softFailed: 0, rejected: 0 };
  readonly #kernel: Kernel;
  readonly #version: string;
  readonly #known = new Map<string, Known>();
  readonly #before = new Map<string, State>();
  readonly #after = new Map<string, State>();
  readonly #rejected = new Map<string, Verdict>();

  /** Reads all events that the records hold and computes their states, in an order in which all stand after their causes. */
  static async of(kernel: Kernel, version: string, records: readonly RoomRecord[]): Promise<Replay> {
    const replay = new Replay(kernel, version);
    const all = new Map(records.flatMap(({ events }) => events.map((event) => [event.id, event] as const)));
    for (const event of inOrder([...all.values()].map(known))) await replay.#take(event);
    return replay;
  }

  private constructor(kernel: Kernel, version: string) {
    this.#kernel = kernel;
    this.#version = version;
  }

  get ids(): string[] {
    return [...this.#known.keys()];
  }

  before(id: string): State {
    return found(this.#before, id);
  }

  after(id: string): State {
    return found(this.#after, id);
  }

  depth(id: string): number {
    return found(this.#known, id).depth;
  }

  /** The state after all of these. */
  async stateAfter(ids: readonly string[]): Promise<State> {
    const states = new Map(ids.map((id) => [print(this.after(id)), this.after(id)]));
    const [only, another] = states.values();
    if (only === undefined) return [];
    if (another === undefined) return only;
    return await this.#kernel.resolve(this.#version, [...states.values()]);
  }

  /** Holds all beside what one server made of it, event by event in the order in which they came to it. */
  async compare(record: RoomRecord, server: string): Promise<void> {
    let extremities = new Set<string>();
    for (const event of record.events) {
      const { id } = event;
      const where = `at ${server}, ${event.text}`;
      if (event.isOutlier) {
        assert.equal(event.rejection !== null, this.#rejected.has(id), where);
        assert.deepEqual(await this.#kernel.judgeAlone(id), { verdict: 'accepted' }, where);
        continue;
      }
      const current = await this.stateAfter([...extremities]);
      const { verdict, why } = await this.#verdict(event, extremities.size === 0 ? this.before(id) : current);
      assert.equal(verdict, synapseSays(event), `${why ?? ''} (${event.rejection ?? ''}) ${where}`);
      assert.deepEqual(sorted(event.stateAfter ?? []), sorted(this.after(id)), `the state ${where}`);
      this.tally.states += 1;
      if (verdict === 'soft-failed') this.tally.softFailed += 1;
      if (verdict === 'rejected') this.tally.rejected += 1;
      if (verdict === 'accepted' && !event.isBackfilled) {
        const behind = this.#ancestors(id);
        extremities = new Set([...extremities].filter((it) => !behind.has(it)).concat(id));
      }
    }
    assert.deepEqual([...extremities].sort(), [...record.extremities].sort(), `the extremities at ${server}`);
    const last = await this.stateAfter(record.extremities);
    assert.deepEqual(sorted(last), sorted(record.state), `the state of the room at ${server}`);
  }

  async #take(event: Known): Promise<void> {
    const reading = await this.#kernel.read(this.#version, event.text);
    assert.equal(reading.verdict, 'read', `${JSON.stringify(reading)}: ${event.text}`);
    assert.equal(reading.id, event.id);
    this.#known.set(event.id, event);
    const before = await this.stateAfter(event.follows);
    if (new Set(event.follows.map((id) => print(this.after(id)))).size > 1) this.tally.forks += 1;
    const verdict = await this.#kernel.judge(event.id, before, before);
    assert.notEqual(verdict.verdict, 'soft-failed');
    if (verdict.verdict === 'rejected') this.#rejected.set(event.id, verdict);
    this.#before.set(event.id, before);
    this.#after.set(event.id, verdict.verdict === 'rejected' ? before : changed(before, event));
    this.tally.events += 1;
  }

  async #verdict({ id, isBackfilled }: RecordedEvent, current: State): Promise<Verdict> {
    const before = this.before(id);
    return this.#rejected.get(id) ?? (await this.#kernel.judge(id, before, isBackfilled ? before : current));
  }

  #ancestors(id: string): Set<string> {
    const behind = new Set<string>();
    const next = [id];
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      for (const prev of found(this.#known, at).follows) {
        if (!behind.has(prev)) next.push(prev);
        behind.add(prev);
      }
    }
    return behind;
  }
}

function synapseSays({ isSoftFailed, rejection }: RecordedEvent): Verdict['verdict'] {
  if (rejection !== null) return 'rejected';
  return isSoftFailed ? 'soft-failed' : 'accepted';
}

function known({ id, text }: RecordedEvent): Known {
  const event = JSON.parse(text) as {
    type: string;
    state_key?: string;
    depth: number;
    prev_events: string[];
    auth_events: string[];
  };
  return {
    id,
    text,
    type: event.type,
    stateKey: event.state_key,
    depth: event.depth,
    follows: event.prev_events,
    after: [...event.prev_events, ...event.auth_events],
  };
}

/** Each after all it follows or is authorised by. */
function inOrder(events: readonly Known[]): Known[] {
  const all = new Map(events.map((event) => [event.id, event]));
  const placed = new Set<Known>();
  const place = (event: Known): void => {
    for (const id of event.after) {
      const cause = found(all, id);
      if (!placed.has(cause)) place(cause);
    }
    placed.add(event);
  };
  for (const event of events) if (!placed.has(event)) place(event);
  return [...placed];
}

function changed(before: State, { id, type, stateKey }: Known): State {
  if (stateKey === undefined) return before;
  return [...before.filter(([kind, key]) => kind !== type || key !== stateKey), [type, stateKey, id]];
}

export function sorted(state: State): string[] {
  return state.map((entry) => JSON.stringify(entry)).sort();
}

function print(state: State): string {
  return sorted(state).join();
}

function found<T>(map: ReadonlyMap<string, T>, id: string): T {
  const value = map.get(id);
  if (value === undefined) throw new Error(`${id} is on no record`);
  return value;
}
