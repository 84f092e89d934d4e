/**
 * How fast the core is by itself, over a host that answers at once: taking in a transaction of 5 MB, beside what a
 * bridge in plain JavaScript does with one, and deciding a local message. Run by `./build.sh bench`.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Config, Effect, Key, Loaded, Message, Tag, User } from '../../app/protocol.ts';

// Required, not imported: pkg/ holds modules without a package.json that would say so.
type Glue = typeof import('../../pkg/matrix_federation.js');
const { Core, initSync } = createRequire(import.meta.url)('../../pkg/matrix_federation.js') as Glue;
type Core = InstanceType<Glue['Core']>;
const wasm = readFileSync(fileURLToPath(new URL('../../pkg/matrix_federation_bg.wasm', import.meta.url)));

const config: Config = {
  mode: 'homeserver',
  homeserverUrl: 'http://hs.test',
  serverName: 'hs.test',
  userPrefix: 'rc_',
  botLocalpart: 'rocketchat',
  appserviceUrl: 'http://app.test',
  secret: null,
  dnsUrl: '',
  privateAddresses: false,
  typing: true,
  directMessageUsers: 8,
  workspace: '',
  endpoints: '',
  pictures: '',
  rest: false,
  messageSize: 5000,
  largestFile: 0,
};

const room = '!room:hs.test';
const portal = { v: 1, kind: 'portal', local: 'general', remote: room, since: 0 };
const tokens = { v: 1, kind: 'tokens', appservice: 'a', homeserver: 'h', at: 1 };

/** A host that has one portal, keeps the journal in memory and lets calls wait. */
class Host {
  calls: Tag[] = [];
  done: () => void = () => undefined;
  private readonly documents = new Map<string, { associations: string[]; body: string }>([
    [
      'portal',
      {
        associations: ['portals', 'portal-local:general', `portal-remote:${room}`],
        body: JSON.stringify(portal),
      },
    ],
    ['tokens', { associations: ['tokens'], body: JSON.stringify(tokens) }],
  ]);

  load(keys: Key[]): Promise<Loaded[]> {
    return Promise.resolve(keys.map((key) => this.found(key)));
  }

  perform(effect: Effect): Promise<void> {
    if (effect.kind === 'insert') {
      const { id, associations, body } = effect.document;
      this.documents.set(id, { associations: [id, ...associations], body });
    } else if (effect.kind === 'remove') {
      this.documents.delete(effect.id);
    } else if (effect.kind === 'call') {
      this.calls.push(effect.tag);
      this.done();
    }
    return Promise.resolve();
  }

  now(): number {
    return Date.now();
  }

  entropy(): Uint8Array {
    return randomBytes(32);
  }

  deciding(): void {
    // Nothing stops here.
  }

  private found(key: Key): Loaded {
    switch (key.kind) {
      case 'runtime':
      case 'setting':
        throw new Error('nobody checks anything here');
      case 'documents': {
        const all = [...this.documents.values()];
        const bodies = all.filter(({ associations }) => associations.includes(key.association));
        return { kind: 'documents', bodies: bodies.map(({ body }) => body) };
      }
      case 'userByName':
      case 'userById':
        return { kind: 'user', user: null };
      case 'avatar':
        return { kind: 'avatar', avatar: { kind: 'unknown' } };
      case 'message':
        return { kind: 'message', message: null };
      case 'recent':
        return { kind: 'messages', messages: [] };
      case 'direct':
        return { kind: 'room', room: null };
      case 'members':
        return { kind: 'users', users: [] };
      case 'fetch':
        return { kind: 'answer', answer: { kind: 'unreachable', why: 'there is no network here' } };
      case 'room':
        return { kind: 'room', room: null };
      case 'roomByName':
        return { kind: 'room', room: null };
      case 'postedFile':
        return { kind: 'file', text: null };
    }
  }
}

function core(host: Host): Core {
  const made = new Core(host, randomBytes(8).toString('hex'));
  made.configure(config);
  return made;
}

const text = 'The quick brown fox *jumps* over the `lazy` dog. ';
const events = Array.from({ length: 5000 }, (_, index) => ({
  event_id: `$event${index}`,
  type: 'm.room.message',
  sender: '@bob:far.test',
  room_id: `!room${index % 20}:hs.test`,
  origin_server_ts: index,
  content: { msgtype: 'm.text', body: text.repeat(18) },
}));
const body = Buffer.from(JSON.stringify({ events }));

/** The least that a bridge in JavaScript does with a transaction: parse it, part it by room, write it down. */
function plainJavaScript(): number {
  const rooms = new Map<string, string[]>();
  const { events: all } = JSON.parse(body.toString('utf8')) as { events: { room_id: string }[] };
  for (const event of all) {
    const known = rooms.get(event.room_id) ?? [];
    known.push(JSON.stringify(event));
    rooms.set(event.room_id, known);
  }
  return rooms.size;
}

async function takeIn(): Promise<void> {
  const made = core(new Host());
  const request = {
    method: 'PUT',
    uri: '/_matrix/app/v1/transactions/1',
    authorization: ['Bearer h'],
    body: made.put(body),
  };
  const reply = (await made.submit({ kind: 'request', request })) as { status: number } | undefined;
  if (reply?.status !== 200) throw new Error(`the transaction was answered ${String(reply?.status)}`);
}

async function sayOne(host: Host, made: Core, index: number): Promise<void> {
  const sender: User = {
    id: 'alice',
    username: 'alice',
    name: 'Alice',
    kind: 'user',
    roles: [],
    active: true,
    madeByUs: false,
  };
  const at = Date.now() + index;
  const message: Message = {
    id: `m${index}`,
    room: 'general',
    sender,
    text,
    md: null,
    at,
    editedAt: null,
    system: null,
    files: [],
    direct: false,
    thread: null,
    quotes: [],
    reactions: [],
    attachments: null,
    blocks: null,
  };
  const called = new Promise<void>((resolve) => (host.done = resolve));
  await made.submit({ kind: 'messageSent', message });
  await called;
  const tag = host.calls.pop();
  if (tag === undefined) throw new Error('nothing was sent');
  const answer = {
    kind: 'response',
    status: 200,
    body: `{"event_id":"$e${index}"}`,
    retryAfter: null,
    cacheControl: null,
    location: null,
    ahead: null,
  } as const;
  await made.submit({ kind: 'outcome', tag, answer });
}

/** The median of some runs, in milliseconds. */
async function median(runs: number, work: (index: number) => unknown): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < runs; index++) {
    const began = performance.now();
    await work(index);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN;
}

initSync({ module: wasm });
await takeIn();
const ours = await median(15, takeIn);
const plain = await median(15, plainJavaScript);
console.log(`transaction of ${(body.length / 1e6).toFixed(1)} MB, 5,000 events, 20 rooms`);
console.log(`  the core: read, authenticated, journaled   ${ours.toFixed(1)} ms`);
console.log(`  plain JavaScript: parsed, parted, written  ${plain.toFixed(1)} ms`);
console.log(`  ratio                                      ${(ours / plain).toFixed(2)}`);

const host = new Host();
const made = core(host);
const each = await median(500, (index) => sayOne(host, made, index));
console.log(`a local message, from hook to link, without store and network: ${each.toFixed(2)} ms`);
