/** Measures the kernel in the runtime that runs this, Node or Deno: `ours.ts SCENE`, prints JSON. */

import { readFileSync } from 'node:fs';
import process from 'node:process';

import { best, bestOfEach } from './clock.ts';
import type { Scene } from './scene.ts';
import { load } from './wasm.ts';

/** Microseconds, by operation and then by sample; resolutions by room. */
export interface Figures {
  operations: Record<string, Record<string, number>>;
  /** An event of the 10,000. */
  bulk: number;
  rooms: Record<string, number>;
  /** The ids of the resolved states. */
  resolved: Record<string, string>;
}

type Result = string | boolean;

/** A transaction holds so many events. */
const TRANSACTION = 50;

const scene = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Scene;
const { BenchKernel, BenchPeer, BenchFork } = await load();
const seed = Uint8Array.from(Buffer.from(scene.seed, 'hex'));
const kernel = BenchKernel.make(scene.server, seed);
const peer = BenchPeer.make(scene.server, seed);

const figures: Figures = { operations: {}, bulk: 0, rooms: {}, resolved: {} };

function measure(operation: string, sample: string, work: () => Result, good?: Result): void {
  const result = work();
  if (good !== undefined && result !== good) {
    throw new Error(`${operation} of ${sample}: ${String(result)} instead of ${String(good)}`);
  }
  (figures.operations[operation] ??= {})[sample] = best(work);
}

for (const { name, bare, signed } of scene.samples) {
  measure('sign', name, () => kernel.sign(bare), signed);
  measure('verify', name, () => kernel.verify(signed), true);
  measure('verifyByNewKey', name, () => kernel.verify_by_new_key(signed), true);
  measure('contentHash', name, () => kernel.content_hash(signed));
  measure('eventId', name, () => kernel.event_id(signed), peer.event_id(signed));
  measure('receive', name, () => kernel.receive(signed), true);
  measure('rumaSign', name, () => peer.sign(bare), signed);
  measure('rumaVerify', name, () => peer.verify(signed), true);
  measure('rumaEventId', name, () => peer.event_id(signed), kernel.event_id(signed));
  for (const operation of ['sign', 'verify', 'event_id']) {
    const text = operation === 'sign' ? bare : signed;
    const inside = best(() => kernel.repeat(operation, text, 10)) / 10;
    (figures.operations[`${operation} inside`] ??= {})[name] = inside;
  }
}

for (const [server, key] of scene.keys) kernel.learn(server, key);
const lines = readFileSync(scene.bulk, 'utf8').split('\n');
const transactions: Uint8Array[] = [];
for (let at = 0; at < lines.length; at += TRANSACTION) {
  transactions.push(new TextEncoder().encode(lines.slice(at, at + TRANSACTION).join('\n')));
}
if (transactions.reduce((good, it) => good + kernel.verify_many(it), 0) !== lines.length) {
  throw new Error('not all of the many events are good');
}
figures.bulk = bestOfEach(transactions, (it) => kernel.verify_many(it)) / lines.length;

for (const { name, file } of scene.rooms) {
  const room = BenchFork.make(readFileSync(file, 'utf8'));
  figures.resolved[name] = room.resolved();
  figures.rooms[name] = best(() => room.resolve(), 1);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round += 1) {
    room.prepare();
    const began = performance.now();
    room.resolve_plainly();
    least = Math.min(least, performance.now() - began);
  }
  figures.rooms[`${name} by ruma`] = 1000 * least;
}

console.log(JSON.stringify(figures));
