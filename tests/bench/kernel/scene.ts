/** What is measured: events, keys and rooms, made once and written down, so that all peers get the very same bytes. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { rooms } from './rooms.ts';
import { canonical } from './text.ts';
import { load, MADE, type Kernel } from './wasm.ts';

/** An event as text, and what node:crypto gets of it. */
export interface Sample {
  name: string;
  /** What is to be signed: without hashes and signatures. */
  bare: string;
  /** Hashed and signed; as long as its name says. */
  signed: string;
  /** The bytes that the signature is of, and that the event's id is the hash of. */
  redacted: string;
  /** The bytes that the content hash is of. */
  hashed: string;
  signature: string;
}

export interface Scene {
  server: string;
  /** In hexadecimal. */
  seed: string;
  key: string;
  samples: Sample[];
  /** Servers and their public keys. */
  keys: [string, string][];
  /** 10,000 events of those servers by turns, a line each. */
  bulk: string;
  /** The files of the forked rooms. */
  rooms: { name: string; file: string }[];
}

export const SERVER = 'one.example';
export const SERVERS = 50;
export const EVENTS = 10_000;

const SEED = Uint8Array.from({ length: 32 }, (_, at) => (at * 7 + 1) % 256);

export async function makeScene(): Promise<Scene> {
  const { BenchKernel } = await load();
  const kernel = BenchKernel.make(SERVER, SEED);
  const others = Array.from({ length: SERVERS }, (_, at) => {
    const server = `server${at}.example`;
    return { server, kernel: BenchKernel.make(server, SEED.with(0, at).with(1, 200)) };
  });
  const lines = Array.from({ length: EVENTS }, (_, at) => {
    const { server, kernel: its } = others[at % SERVERS] ?? { server: SERVER, kernel };
    return sample('', its, server, 700, at).signed;
  });
  const scene: Scene = {
    server: SERVER,
    seed: Buffer.from(SEED).toString('hex'),
    key: kernel.public(),
    samples: [sample('700 B', kernel, SERVER, 700, 1), sample('30 KB', kernel, SERVER, 30_000, 2)],
    keys: others.map(({ server, kernel: its }) => [server, its.public()]),
    bulk: write('events.txt', lines.join('\n')),
    rooms: rooms(kernel).map(({ name, text }) => ({ name, file: write(`${name}.json`, text) })),
  };
  write('scene.json', JSON.stringify(scene));
  return scene;
}

/** A message whose signed text has a given length. */
function sample(name: string, kernel: Kernel, server: string, length: number, at: number): Sample {
  const id = (what: string): string => kernel.event_id(`{"type":"${what}${at}"}`);
  const kept = {
    auth_events: [id('create'), id('levels'), id('member')],
    depth: 1000 + at,
    origin_server_ts: 1_760_000_000_000 + at,
    prev_events: [id('before')],
    room_id: '!aRoomOfOrdinaryLength:one.example',
    sender: `@alice:${server}`,
    type: 'm.room.message',
  };
  const written = (body: string): string => canonical({ ...kept, content: { body, msgtype: 'm.text' } });
  // Hashes and signatures are of the same length whatever they are of.
  const room = length - kernel.sign(written('')).length;
  const bare = written(verse(room));
  const signed = kernel.sign(bare);
  const { hashes, signatures } = JSON.parse(signed) as {
    hashes: unknown;
    signatures: Record<string, Record<string, string>>;
  };
  const redacted = canonical({ ...kept, content: {}, hashes });
  return { name, bare, signed, redacted, hashed: bare, signature: signatures[server]?.['ed25519:1'] ?? '' };
}

/** A text that takes so many bytes in JSON: umlauts and line ends take two. */
function verse(bytes: number): string {
  const line = 'Wer reitet so spät\ndurch Nacht und Wind? ';
  const size = Buffer.byteLength(JSON.stringify(line)) - 2;
  return line.repeat(Math.floor(bytes / size)) + '.'.repeat(bytes % size);
}

/** Writes a file and tells where it is. */
function write(name: string, text: string): string {
  mkdirSync(MADE, { recursive: true });
  const file = fileURLToPath(new URL(name, MADE));
  writeFileSync(file, text);
  return file;
}
