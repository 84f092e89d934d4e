// What a Synapse has on record of a room: every event as it came, and what Synapse made of it.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HERE, PYTHON } from './paths.ts';
import type { Synapse } from './synapse.ts';

/** Type, state key, event id. */
export type Entry = readonly [type: string, key: string, id: string];

export interface RecordedEvent {
  readonly id: string;
  /** The event as servers exchange it. */
  readonly text: string;
  /** Known only as part of a state or an auth chain: its place in the room is not. */
  readonly isOutlier: boolean;
  /** Fetched from the past. */
  readonly isBackfilled: boolean;
  readonly isSoftFailed: boolean;
  /** Why it was rejected; null when it was not. */
  readonly rejection: string | null;
  /** Null of outliers, and in a brief record. */
  readonly stateAfter: readonly Entry[] | null;
}

export interface RoomRecord {
  /** In the order in which they came. */
  readonly events: readonly RecordedEvent[];
  readonly state: readonly Entry[];
  readonly extremities: readonly string[];
  /** Whether the rest of the state is still being fetched after a join. */
  readonly isPartial: boolean;
}

export async function readRoom(synapse: Synapse, room: string, brief = false): Promise<RoomRecord> {
  const database = join(synapse.dir, 'homeserver.db');
  const args = [join(HERE, 'read_room.py'), database, room, ...(brief ? ['brief'] : [])];
  const { stdout } = await promisify(execFile)(PYTHON, args, { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as RoomRecord;
}
