/** The core with its kernel laid open, which `./build.sh bench` makes of `src/bench.rs`, in Node and in Deno. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A server with its key. Texts in, texts out. */
export interface Kernel {
  learn(server: string, key: string): boolean;
  public(): string;
  sign(event: string): string;
  verify(event: string): boolean;
  verify_by_new_key(event: string): boolean;
  receive(event: string): boolean;
  verify_many(events: Uint8Array): number;
  content_hash(event: string): string;
  event_id(event: string): string;
  repeat(operation: string, event: string, times: number): number;
}

/** The same by ruma. */
export interface Peer {
  sign(event: string): string;
  verify(event: string): boolean;
  event_id(event: string): string;
}

/** A forked room. */
export interface Fork {
  resolve(): number;
  resolved(): string;
  prepare(): void;
  resolve_plainly(): number;
}

/** Texts of Rocket.Chat, with their trees or nothing, and contents of Matrix events. */
export interface Translation {
  to_matrix(text: string, md: string): string;
  from_matrix(content: string): string;
}

interface Glue {
  initSync(options: { module: Uint8Array }): unknown;
  BenchKernel: { make(name: string, seed: Uint8Array): Kernel };
  BenchPeer: { make(name: string, seed: Uint8Array): Peer };
  BenchTranslation: Translation;
  BenchFork: { make(written: string): Fork };
}

/** Where `./build.sh bench` makes things. */
export const MADE = new URL('../../../target/bench/', import.meta.url);

export async function load(): Promise<Glue> {
  const glue = (await import(new URL('pkg/matrix_federation.js', MADE).href)) as Glue;
  glue.initSync({ module: readFileSync(fileURLToPath(new URL('pkg/matrix_federation_bg.wasm', MADE))) });
  return glue;
}
