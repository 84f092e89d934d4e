/**
 * Forked rooms of version 11. All are public; `@user0` made them, `@user1` moderates, everybody else just joined.
 *
 * - `fork-N`: N members. Then each side changes the power levels once, the topic and the join rule, bans three people
 *   and sees three new ones join: some ten entries of N + 4 are in conflict.
 * - `all-N`: N members. Then everybody changes their display name, once on each side: N entries are in conflict.
 * - `levels-D`: five members. Then `@user0` changes, D times on each side, their display name and the power levels,
 *   so that each change is authorised by the two before it.
 */

import { canonical } from './text.ts';
import type { Kernel } from './wasm.ts';

/** A room: all events in the order of their arrival, and the ids of those in each of its two states. */
export interface Written {
  name: string;
  text: string;
}

export const SIZES = [1_000, 10_000];
export const DEPTH = 12;

export function rooms(kernel: Kernel): Written[] {
  return [
    ...SIZES.map((members) => written(`fork-${members}`, kernel, members, fork)),
    ...SIZES.map((members) => written(`all-${members}`, kernel, members, everybody)),
    written(`levels-${DEPTH}`, kernel, 5, levels),
  ];
}

const ROOM = '!room:one.example';
const user = (number: number): string => `@user${number}:one.example`;

type State = Map<string, string>;

class Room {
  readonly events: string[] = [];
  private readonly kernel: Kernel;
  private last: string | undefined;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** Sends a state event on top of a state, and puts it in. */
  send(state: State, sender: string, type: string, stateKey: string, content: object): void {
    const kept = ['m.room.create ', 'm.room.power_levels ', `m.room.member ${sender}`];
    if (type === 'm.room.member') kept.push(`m.room.member ${stateKey}`, 'm.room.join_rules ');
    const depth = this.events.length + 1;
    const event = {
      auth_events: [...new Set(kept.flatMap((key) => state.get(key) ?? []))],
      content,
      depth,
      hashes: { sha256: this.kernel.content_hash(`{"depth":${depth}}`) },
      origin_server_ts: 1_760_000_000_000 + depth,
      prev_events: this.last === undefined ? [] : [this.last],
      room_id: ROOM,
      sender,
      signatures: {},
      state_key: stateKey,
      type,
    };
    const text = canonical(event);
    this.last = this.kernel.event_id(text);
    this.events.push(text);
    state.set(`${type} ${stateKey}`, this.last);
  }

  join(state: State, who: number, displayname: string): void {
    this.send(state, user(who), 'm.room.member', user(who), { displayname, membership: 'join' });
  }

  powerLevels(state: State, of: number, level: number): void {
    const users = { [user(0)]: 100, [user(1)]: 50, [user(of)]: level };
    this.send(state, user(0), 'm.room.power_levels', '', { users });
  }
}

type Side = (room: Room, state: State, side: number, members: number) => void;

function written(name: string, kernel: Kernel, members: number, side: Side): Written {
  const room = new Room(kernel);
  const state: State = new Map();
  room.send(state, user(0), 'm.room.create', '', { room_version: '11' });
  room.join(state, 0, 'User 0');
  room.powerLevels(state, 1, 50);
  room.send(state, user(0), 'm.room.join_rules', '', { join_rule: 'public' });
  for (let who = 1; who < members; who += 1) room.join(state, who, `User ${who}`);
  const states = [new Map(state), new Map(state)];
  states.forEach((its, at) => side(room, its, at, members));
  const ids = states.map((its) => [...its.values()]);
  return { name, text: `{"events":[${room.events.join(',')}],"states":${JSON.stringify(ids)}}` };
}

function fork(room: Room, state: State, side: number, members: number): void {
  room.powerLevels(state, 2, 10 + side);
  room.send(state, user(0), 'm.room.topic', '', { topic: `Side ${side}` });
  for (let each = 0; each < 3; each += 1) {
    room.send(state, user(1), 'm.room.member', user(10 + 3 * side + each), { membership: 'ban' });
    room.join(state, members + 3 * side + each, 'New');
  }
  room.send(state, user(0), 'm.room.join_rules', '', { join_rule: side === 0 ? 'invite' : 'knock' });
}

function everybody(room: Room, state: State, side: number, members: number): void {
  for (let who = 0; who < members; who += 1) room.join(state, who, `User ${who} on side ${side}`);
}

function levels(room: Room, state: State, side: number): void {
  for (let step = 0; step < DEPTH; step += 1) {
    room.join(state, 0, `User 0 at ${step} on side ${side}`);
    room.powerLevels(state, 2, 2 * step + side);
  }
}
