/**
 * How fast the protocol kernel is, beside its peers: signing, verifying, hashing and naming events of 700 bytes and
 * 30 KB, verifying 10,000 events of 50 servers, and resolving the forked rooms of `kernel/rooms.ts`. Run by
 * `./build.sh bench`.
 *
 * All peers get the same bytes and must give the same results. Our own figures are of the App's way, from text to
 * text across the border of WebAssembly: reading, and the content hash too when an event is signed or verified.
 * Synapse is spared the reading, `node:crypto` everything but the curve. Microseconds, the best of many rounds.
 */

import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { installSynapse } from '../e2e/homeserver/install.ts';
import { PYTHON } from '../e2e/homeserver/paths.ts';
import { BINARIES } from '../workspace/engine/paths.ts';
import { best, bestOfEach } from './kernel/clock.ts';
import type { Figures } from './kernel/ours.ts';
import { SIZES } from './kernel/rooms.ts';
import { EVENTS, makeScene, SERVERS, type Sample, type Scene } from './kernel/scene.ts';
import { print, type Row, type Target } from './kernel/table.ts';
import { canonical } from './kernel/text.ts';
import { MADE } from './kernel/wasm.ts';

const here = (name: string): string => fileURLToPath(new URL(`kernel/${name}`, import.meta.url));
const made = (name: string): string => fileURLToPath(new URL(name, MADE));
const core = fileURLToPath(new URL('../../pkg/matrix_federation_bg.wasm', import.meta.url));
const bundle = fileURLToPath(new URL('../../target/matrix-federation.zip', import.meta.url));

/** What the commit before the kernel (9f29402) weighed, in bytes. */
const BEFORE = { core: 1_076_914, bundle: 483_483 };

/** Runs a peer over the scene. */
function run(what: string, command: string, ...options: string[]): Figures {
  console.error(`measuring ${what}`);
  const out = execFileSync(command, [...options, made('scene.json')], { encoding: 'utf8', maxBuffer: 1e9 });
  return JSON.parse(out) as Figures;
}

/** What the curve and the hash cost by themselves, on the same bytes. */
function bare(scene: Scene): Figures {
  const pkcs8 = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(scene.seed, 'hex'),
  ]);
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const open = createPublicKey(key);
  const operations: Figures['operations'] = { sign: {}, verify: {}, hash: {} };
  const put = (operation: string, { name }: Sample, work: () => unknown): void => {
    (operations[operation] ??= {})[name] = best(work);
  };
  for (const sample of scene.samples) {
    const [redacted, hashed] = [Buffer.from(sample.redacted), Buffer.from(sample.hashed)];
    const signature = Buffer.from(sample.signature, 'base64');
    if (!verify(null, redacted, open, signature)) throw new Error('node:crypto does not believe us');
    put('sign', sample, () => sign(null, redacted, key));
    put('verify', sample, () => verify(null, redacted, open, signature));
    put('hash', sample, () => createHash('sha256').update(hashed).digest());
  }
  return { operations, bulk: bareBulk(scene), rooms: {}, resolved: {} };
}

/** The curve alone on the many events, in microseconds an event. */
function bareBulk(scene: Scene): number {
  const keys = new Map(scene.keys.map(([server, key]) => [server, publicKey(key)]));
  const all = readFileSync(scene.bulk, 'utf8')
    .split('\n')
    .map((line) => {
      const { signatures, ...event } = JSON.parse(line) as Signed;
      const [server, made] = Object.entries(signatures)[0] ?? ['', {}];
      return {
        text: Buffer.from(canonical({ ...event, content: {} })),
        key: keys.get(server) ?? '',
        signature: Buffer.from(made['ed25519:1'] ?? '', 'base64'),
      };
    });
  const transactions = Array.from({ length: all.length / 50 }, (_, at) => all.slice(50 * at, 50 * at + 50));
  const good = (some: typeof all): boolean =>
    some.every(({ text, key, signature }) => verify(null, text, key, signature));
  if (!transactions.every(good)) throw new Error('node:crypto does not believe the many events');
  return bestOfEach(transactions, good, 8) / all.length;
}

interface Signed {
  signatures: Record<string, Record<string, string>>;
}

/** A key that is in base64 in Matrix, as node:crypto wants it. */
function publicKey(key: string): KeyObject {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64')]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

await installSynapse();
const scene = await makeScene();
const crypto = bare(scene);
const node = run('the kernel in Node', process.execPath, '--import', 'tsx', here('ours.ts'));
const deno = run(
  'the kernel in Deno',
  BINARIES.deno,
  'run',
  '--quiet',
  '--no-lock',
  '--allow-read',
  here('ours.ts'),
);
const native = run('the kernel and ruma natively', made('release/examples/bench'));
const synapse = run('Synapse', PYTHON, here('measure_synapse.py'));
const sdk = run('federation-sdk', process.execPath, '--import', 'tsx', here('sdk.ts'));

for (const { name } of scene.rooms) {
  const answers = new Set([node, deno, native, synapse].map(({ resolved }) => resolved[name]));
  if (answers.size !== 1) throw new Error(`${name} is not resolved alike`);
}

const of = (figures: Figures, operation: string, sample = '700 B'): number =>
  figures.operations[operation]?.[sample] ?? Number.NaN;

for (const sample of ['700 B', '30 KB']) {
  const rows: Row[] = [
    [
      'node:crypto, the curve or the hash alone',
      of(crypto, 'sign', sample),
      of(crypto, 'verify', sample),
      of(crypto, 'hash', sample),
      NaN,
    ],
    ['ours in Node', ...each(node, sample)],
    [
      'ours in Node, without the border',
      of(node, 'sign inside', sample),
      of(node, 'verify inside', sample),
      NaN,
      of(node, 'event_id inside', sample),
    ],
    ['ours in Node, by a key never seen', NaN, of(node, 'verifyByNewKey', sample), NaN, NaN],
    ['ours in Node, all checks before the room', NaN, of(node, 'receive', sample), NaN, NaN],
    ['ours in Deno', ...each(deno, sample)],
    [
      'ours natively',
      of(native, 'sign', sample),
      of(native, 'verify', sample),
      NaN,
      of(native, 'eventId', sample),
    ],
    ['ruma-signatures in Node', ...ruma(node, sample)],
    ['ruma-signatures natively', ...ruma(native, sample)],
    ['Synapse', ...each(synapse, sample)],
    ['federation-sdk', of(sdk, 'sign', sample), of(sdk, 'verify', sample), NaN, of(sdk, 'eventId', sample)],
  ];
  print(`an event of ${sample}, microseconds`, ['sign', 'verify', 'content hash', 'event id'], rows, 1);
}

function each(figures: Figures, sample: string): [number, number, number, number] {
  const [a, b, c, d] = ['sign', 'verify', 'contentHash', 'eventId'].map((it) => of(figures, it, sample));
  return [a ?? NaN, b ?? NaN, c ?? NaN, d ?? NaN];
}

function ruma(figures: Figures, sample: string): [number, number, number, number] {
  return [
    of(figures, 'rumaSign', sample),
    of(figures, 'rumaVerify', sample),
    NaN,
    of(figures, 'rumaEventId', sample),
  ];
}

print(
  `${EVENTS} events of ${SERVERS} servers verified, microseconds an event`,
  ['an event', 'events/s'],
  (
    [
      ['node:crypto, the curve alone', crypto.bulk],
      ['ours in Node', node.bulk],
      ['ours in Deno', deno.bulk],
      ['Synapse', synapse.bulk],
      ['federation-sdk, as one event', of(sdk, 'verify')],
    ] as const
  ).map(([name, figure]) => [name, figure, 1e6 / figure]),
  1,
);

const rooms = scene.rooms.map(({ name }) => name);
const rate = (figures: Figures, name: string): number => 1e6 / (figures.rooms[name] ?? NaN);
print(
  'resolutions per second',
  rooms,
  [
    ['ours in Node', ...rooms.map((it) => rate(node, it))],
    ['ours in Deno', ...rooms.map((it) => rate(deno, it))],
    ['ours natively', ...rooms.map((it) => rate(native, it))],
    ['ruma called plainly, in Node', ...rooms.map((it) => rate(node, `${it} by ruma`))],
    ['ruma called plainly, natively', ...rooms.map((it) => rate(native, `${it} by ruma`))],
    ['Synapse', ...rooms.map((it) => rate(synapse, it))],
    ['Synapse, its store knowing the difference', ...rooms.map((it) => rate(synapse, `${it} knowing`))],
  ],
  1,
);

const size = (file: string): number => statSync(file).size / 1000;
const zipped = (file: string): number => gzipSync(readFileSync(file), { level: 9 }).length / 1000;
const kernel = made('pkg/matrix_federation_bg.wasm');
print(
  'sizes, kB',
  ['core', 'core, gzip', 'bundle'],
  [
    ['before the kernel', BEFORE.core / 1000, NaN, BEFORE.bundle / 1000],
    ['now', size(core), zipped(core), size(bundle)],
    ['what is measured here, with all of the kernel and ruma-signatures', size(kernel), zipped(kernel), NaN],
  ],
  0,
);

const [small, large] = SIZES as [number, number];
const bareWithHash = (operation: string): number =>
  of(crypto, operation, '30 KB') + of(crypto, 'hash', '30 KB');
const targets: Target[] = [
  ['sign, times the bare operation', of(node, 'sign') / of(crypto, 'sign'), 'at most', 1.4],
  [
    'verify by a known key, times the bare operation',
    of(node, 'verify') / of(crypto, 'verify'),
    'at most',
    1.1,
  ],
  [
    'verify by a new key, times the bare operation',
    of(node, 'verifyByNewKey') / of(crypto, 'verify'),
    'at most',
    1.1,
  ],
  ['verify many, times as fast as the bare operation', crypto.bulk / node.bulk, 'at least', 2],
  ['event id, times as fast as Synapse', of(synapse, 'eventId') / of(node, 'eventId'), 'at least', 5],
  ['sign, times as fast as federation-sdk', of(sdk, 'sign') / of(node, 'sign'), 'at least', 80],
  ['verify, times as fast as federation-sdk', of(sdk, 'verify') / of(node, 'verify'), 'at least', 80],
  [
    'sign 30 KB, times the bare operation and hash',
    of(node, 'sign', '30 KB') / bareWithHash('sign'),
    'at most',
    2,
  ],
  [
    'verify 30 KB, times the bare operation and hash',
    of(node, 'verify', '30 KB') / bareWithHash('verify'),
    'at most',
    2,
  ],
  [
    `resolve fork-${small}, times as fast as Synapse`,
    rate(node, `fork-${small}`) / rate(synapse, `fork-${small}`),
    'at least',
    20,
  ],
  [
    `resolve fork-${large}, times as fast as Synapse`,
    rate(node, `fork-${large}`) / rate(synapse, `fork-${large}`),
    'at least',
    15,
  ],
  [
    `resolve fork-${small}, times as fast as ruma natively`,
    rate(node, `fork-${small}`) / rate(native, `fork-${small} by ruma`),
    'at least',
    1,
  ],
  [
    `resolve fork-${large}, times as fast as ruma natively`,
    rate(node, `fork-${large}`) / rate(native, `fork-${large} by ruma`),
    'at least',
    1,
  ],
  [
    `resolve all-${large}, times the time of all-${small} (${large / small} times the conflict)`,
    rate(node, `all-${small}`) / rate(node, `all-${large}`),
    'at most',
    1.5 * (large / small),
  ],
];
print(
  'targets',
  ['measured', 'target', 'met'],
  targets.map(([name, figure, bound, limit]) => {
    const met = bound === 'at most' ? figure <= limit : figure >= limit;
    return [name, figure, `${bound} ${limit}`, met ? 'yes' : 'NO'];
  }),
  2,
);
