/** Files of the workspace: those that people posted, and those that come from other servers. */

import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';

import type { IUpload } from '@rocket.chat/apps-engine/definition/uploads';

import { joined } from '../bytes.ts';
import { fields, text, unmapped } from '../inputs/unmapped.ts';
import { reason } from '../log.ts';
import type { Answer, Call, FilePlace } from '../protocol.ts';
import { within } from '../within.ts';
import type { Accessors } from './accessors.ts';
import { mediaType, sizeOf } from './image.ts';
import { Refusal, type Site } from './site.ts';
import {
  answerOf,
  type Bytes,
  largestLookup,
  notStreamed,
  type Source,
  tooLarge,
  type Transport,
} from './transport.ts';

/** Among so many of a room's latest messages a file is looked for. */
const latest = 100;

/** Files cross to the App whole: larger ones are not read, in bytes. */
const largest = 16 * 1024 * 1024;

/** So many files are fetched at once at most: each is held in memory as a whole. */
const atOnce = 3;

/** Older servers post the message of a file a little after they took it. */
const lookAgain = [0, 100, 300, 1000];

/** Longer than Rocket.Chat takes over the largest file, in milliseconds. */
const patience = 60_000;

type Room = Extract<FilePlace, { kind: 'room' }>;
type Media = Extract<FilePlace, { kind: 'media' }>;
type Kept = Extract<FilePlace, { kind: 'upload' }>;

export class Files {
  /** What is under way, by whom it is for. */
  private readonly coming = new Map<string, Promise<Answer>>();
  private readonly waiting: (() => void)[] = [];
  private fetching = 0;
  /** Rocket.Chat stands still while it takes a file: one at a time. */
  private taking: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly accessors: Accessors,
    private readonly allowed = patience,
  ) {}

  /** The last file that somebody posted in a room, as text; nothing where it is too large. */
  async posted(room: string, user: string): Promise<string | null> {
    const messages = await this.latest(room);
    const theirs = messages
      .filter(({ sender }) => sender._id === user)
      .sort((one, other) => new Date(other.createdAt).getTime() - new Date(one.createdAt).getTime());
    const id = theirs.map(fileId).find((found) => found !== null);
    if (id === undefined) return null;
    const uploads = this.accessors.read.getUploadReader();
    const { size } = await uploads.getById(id);
    // Promised to be a text, but it is a number.
    if (Number(size) > largest) return null;
    return new TextDecoder().decode(await uploads.getBufferById(id));
  }

  /** The same for one that is too large to be read whole: it is handed on as it comes. */
  async stream(
    whose: string,
    from: { kept: Kept; name: string },
    to: Call,
    site: Site,
    transport: Transport,
  ): Promise<Answer> {
    return this.once(whose, () => send(from, to, site, transport));
  }

  /** Brings a file of the workspace to a server; the server's answer, with the size of what is a picture. */
  async bring({ id, mediaType }: Kept, to: Call, transport: Transport): Promise<Answer> {
    const uploads = this.accessors.read.getUploadReader();
    let bytes: Uint8Array;
    try {
      const upload = (await this.soon(uploads.getById(id))) as IUpload | undefined;
      if (upload === undefined) return refusal(404, 'M_NOT_FOUND', 'Rocket.Chat has it no more');
      if (Number(upload.size) > largest)
        return refusal(400, 'M_TOO_LARGE', 'Apps cannot read files of that size');
      bytes = new Uint8Array(await this.soon(uploads.getBufferById(id)));
    } catch (error) {
      return refusal(404, 'M_NOT_FOUND', `Rocket.Chat did not hand it out: ${short(error)}`);
    }
    try {
      const more = { headers: { 'Content-Type': mediaType }, body: bytes };
      const { status, headers, bytes: body } = await transport.carry(to, more, largestLookup);
      const said = new TextDecoder().decode(body);
      return answerOf(status, headers, status === 200 ? withSize(said, bytes) : said);
    } catch (error) {
      return { kind: 'unreachable', why: reason(error) };
    }
  }

  /** Brings a file of a server to a room; asked for again while it is under way, it is brought once. */
  async take(whose: string, from: Call, to: Room, transport: Transport): Promise<Answer> {
    return this.once(whose, () => this.fetchAndTake(from, to, transport));
  }

  /** The same for one that is too large to be read whole, of which nothing is said yet: handed on as it comes. */
  async hand(whose: string, from: Call, to: Media, site: Site, transport: Transport): Promise<Answer> {
    return this.once(whose, () => handOn(from, to, site, transport));
  }

  private async once(whose: string, bring: () => Promise<Answer>): Promise<Answer> {
    const coming = this.coming.get(whose);
    if (coming !== undefined) return coming;
    const bringing = bring().finally(() => this.coming.delete(whose));
    this.coming.set(whose, bringing);
    return bringing;
  }

  private async fetchAndTake(from: Call, to: Room, transport: Transport): Promise<Answer> {
    await this.turn();
    try {
      let answer: Bytes;
      try {
        answer = await transport.carry(from, { headers: { Accept: '*/*' } }, Math.min(to.most, largest));
      } catch (error) {
        const why = reason(error);
        return why.endsWith(tooLarge) ? refusal(413, 'M_TOO_LARGE', why) : { kind: 'unreachable', why };
      }
      const { status, headers, bytes } = answer;
      if (status !== 200)
        return answerOf(status, headers, new TextDecoder().decode(bytes.subarray(0, largestLookup)));
      const upload = this.taking.then(() => this.soon(this.upload(to, bytes)));
      this.taking = upload.catch(() => undefined);
      const message = await upload;
      return answerOf(200, {}, JSON.stringify({ message }));
    } catch (error) {
      return refusal(422, 'M_UNKNOWN', short(error));
    } finally {
      this.fetching--;
      this.waiting.shift()?.();
    }
  }

  private async turn(): Promise<void> {
    while (this.fetching >= atOnce) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.fetching++;
  }

  /** Gives the message that Rocket.Chat made of it, if it is found. */
  private async upload({ room, sender, name }: Room, bytes: Uint8Array): Promise<string | null> {
    const { modify } = await this.accessors.writing();
    const [to, user] = await Promise.all([
      this.accessors.read.getRoomReader().getById(room),
      this.accessors.read.getUserReader().getByUsername(sender),
    ]);
    if (to === undefined) throw new Error('there is no such room');
    const creator = modify.getCreator().getUploadCreator();
    const descriptor = { filename: name, room: to, user };
    const upload = (await creator.uploadBuffer(Buffer.from(bytes), descriptor)) as IUpload | undefined;
    if (upload === undefined) throw new Error('the workspace does not let the App upload files');
    for (const wait of lookAgain) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const message = (await this.latest(room)).find((one) => fileId(one) === upload.id);
      if (message !== undefined) return message.id;
    }
    return null;
  }

  /** One that Rocket.Chat never answers keeps no other waiting for ever. */
  private soon<T>(answer: Promise<T>): Promise<T> {
    return within(this.allowed, 'the workspace', answer);
  }

  private async latest(room: string) {
    const options = { limit: latest, sort: { createdAt: 'desc' } } as const;
    return this.accessors.read.getRoomReader().getMessages(room, options);
  }
}

async function send(
  { kept: { id, mediaType }, name }: { kept: Kept; name: string },
  to: Call,
  site: Site,
  transport: Transport,
): Promise<Answer> {
  if (transport.open === undefined) return refusal(404, 'M_NOT_FOUND', notStreamed);
  let stopped: Answer | undefined;
  const source = async (): Promise<Source> => {
    try {
      return await site.file(id, name);
    } catch (error) {
      // Not the homeserver's fault either way.
      stopped =
        error instanceof Refusal
          ? refusal(404, 'M_NOT_FOUND', short(error))
          : refusal(503, 'M_UNKNOWN', `Rocket.Chat did not hand it out: ${short(error)}`);
      throw error;
    }
  };
  try {
    const more = { headers: { 'Content-Type': mediaType }, source };
    const { status, headers, bytes } = await transport.carry(to, more, largestLookup);
    return answerOf(status, headers, new TextDecoder().decode(bytes));
  } catch (error) {
    return stopped ?? { kind: 'unreachable', why: reason(error) };
  }
}

async function handOn(from: Call, to: Media, site: Site, transport: Transport): Promise<Answer> {
  if (transport.open === undefined) return refusal(422, 'M_UNKNOWN', notStreamed);
  let stopped: Answer | undefined;
  const source = async (): Promise<Source & { type: string }> => {
    const opened = await transport.open?.(from, { Accept: '*/*' }).catch((error: unknown) => {
      stopped = { kind: 'unreachable', why: reason(error) };
    });
    if (!opened) throw new Error('no file');
    const { status, headers, body } = opened;
    const length = Number(headers['content-length']);
    if (status === 200 && length > 0 && length <= to.most) return { length, body, type: mediaType(headers) };
    if (status !== 200) stopped = answerOf(status, headers, await beginning(body));
    else if (length > to.most) stopped = refusal(413, 'M_TOO_LARGE', tooLarge);
    else stopped = refusal(422, 'M_UNKNOWN', 'the homeserver does not say how large it is');
    body.destroy();
    throw new Error('no file');
  };
  try {
    const { status, headers, bytes } = await site.media(to.room, to.name, source);
    const said = new TextDecoder().decode(bytes);
    if (status === 200 || status === 429) return answerOf(status, headers, said);
    // Whatever the workspace answers, it is not the homeserver that does.
    return status >= 500
      ? refusal(503, 'M_UNKNOWN', `it answered ${status}`)
      : refusal(422, 'M_UNKNOWN', short(refused(status, said)));
  } catch (error) {
    return stopped ?? refusal(503, 'M_UNKNOWN', short(error));
  }
}

/** Why the workspace does not take a file, in plain words. */
function refused(status: number, said: string): string {
  if (status === 413) return 'something before it takes no files of that size';
  let why: unknown;
  try {
    const body = fields(JSON.parse(said));
    why = body.error ?? body.message;
  } catch {
    // A web page.
  }
  const account = status === 401 || status === 403 ? ' (is the account for the REST API in the room?)' : '';
  return `${text(why) ?? `it answered ${status}`}${account}`;
}

/** The first bytes of what was to be a file. */
async function beginning(body: Readable): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Uint8Array>) {
    parts.push(part);
    size += part.length;
    if (size > largestLookup) break;
  }
  return new TextDecoder().decode(joined(parts, size));
}

function fileId(message: object): string | null {
  return text(fields(fields(message).file ?? unmapped(message).file)._id);
}

function refusal(status: number, errcode: string, error: string): Answer {
  return answerOf(status, {}, JSON.stringify({ errcode, error }));
}

/** The engine's errors bring lines of their own. */
function short(error: unknown): string {
  return (reason(error).split('\n')[0] ?? '').slice(0, 200);
}

function withSize(body: string, bytes: Uint8Array): string {
  const size = sizeOf(bytes);
  if (size === undefined) return body;
  try {
    return JSON.stringify({ ...fields(JSON.parse(body)), ...size });
  } catch {
    return body;
  }
}
