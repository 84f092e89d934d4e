/** Calls to other servers: one way where the network is open, another where the runtime closes it. */

import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';

import type { IHttp, IHttpRequest, IHttpResponse } from '@rocket.chat/apps-engine/definition/accessors';

import { reason } from '../log.ts';
import type { Answer, Call, Transport as Whose } from '../protocol.ts';
import { within } from '../within.ts';

export interface Transport {
  /** Whose client it is. */
  readonly name: Whose;
  /** Never throws: an answer of any status, or why there is none. One of more bytes than `largest` is none. */
  call(request: Call, largest?: number): Promise<Answer>;
  /** The same with bodies as bytes. No answer is an error that says why in plain words. */
  carry(request: Call, more: More, largest: number): Promise<Bytes>;
  /** The head of an answer, and its body as it comes; where bodies come whole only, there is no such way. */
  open?(request: Call, headers: Readonly<Record<string, string>>): Promise<Opened>;
  close(): void;
}

/** An answer whose body is still to come; header names are in lower case. */
export interface Opened {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  body: Readable;
}

/** What a request has beside what the core says of it. */
export interface More {
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array;
  /** A body that is handed on as it comes, never held as a whole; opened anew for each attempt. */
  source?: () => Promise<Source>;
}

/** Why a body that is handed on as it comes goes nowhere. */
export const notStreamed =
  "files of that size are carried by the App's own client only, which may not be used here";

export interface Source {
  /** In bytes. */
  length: number;
  body: Readable;
}

/** An answer whose body is bytes; header names are in lower case. */
export interface Bytes {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  bytes: Uint8Array;
}

/** More than this is not taken into memory. */
export const largestAnswer = 16 * 1024 * 1024;

/** The same of what is only looked up, such as where a server is and which keys it has: strangers can bring that about. */
export const largestLookup = 64 * 1024;

export function headersOf({ authorization, body }: Call): Record<string, string> {
  return {
    Accept: 'application/json',
    ...(body === null ? {} : { 'Content-Type': 'application/json' }),
    ...(authorization === null ? {} : { Authorization: authorization }),
  };
}

/** An answer to hand over; header names are in lower case. */
export function answerOf(
  status: number,
  headers: Readonly<Record<string, unknown>>,
  body: string,
): Extract<Answer, { kind: 'response' }> {
  const header = (name: string): string | null => {
    const value = headers[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    kind: 'response',
    status,
    body,
    retryAfter: retryAfter(header('retry-after')),
    cacheControl: header('cache-control'),
    location: header('location'),
    ahead: ahead(header('date')),
  };
}

/** What a request that was carried comes to, as the answer to a call. */
export async function answered(carried: Promise<Bytes>): Promise<Answer> {
  try {
    const { status, headers, bytes } = await carried;
    return answerOf(status, headers, new TextDecoder().decode(bytes));
  } catch (error) {
    return { kind: 'unreachable', why: reason(error) };
  }
}

/** How far the clock of a `Date` header is ahead of ours. */
function ahead(date: string | null, now = Date.now()): number | null {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? null : time - now;
}

/** `Retry-After` in milliseconds; it holds seconds or a date. */
export function retryAfter(header: string | null, now = Date.now()): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000;
  return Number.isNaN(wait) ? null : Math.max(Math.round(wait), 0);
}

/** Said where an answer has more bytes than are wanted. */
export const tooLarge = 'the answer is too large';

/** The workspace's client shows neither whom it is connected to nor lets us say whom we want. */
const unsafe =
  "through Rocket.Chat's own client no other Matrix server can be reached safely; the App must be able to use its own";

const closed = 'the runtime closes the network to Apps, and the settings let only the App itself call';

/** Where the runtime closes the network and the settings let nobody else call. */
export const noTransport: Transport = {
  name: 'nobody',
  call: () => Promise.resolve({ kind: 'unreachable', why: closed }),
  carry: () => Promise.reject(new Error(closed)),
  close: () => undefined,
};

/** The engine's own client, in the workspace's process: bodies cross the pipe between the two. */
export class EngineTransport implements Transport {
  readonly name = 'workspace';

  constructor(private readonly http: IHttp) {}

  async call(request: Call, largest = largestAnswer): Promise<Answer> {
    try {
      const { statusCode, headers, content } = await this.send(request, {
        headers: headersOf(request),
        ...(request.body === null ? {} : { content: request.body }),
      });
      const body = content ?? '';
      if (body.length > largest) throw new Error(tooLarge);
      return answerOf(statusCode, headers ?? {}, body);
    } catch (error) {
      return { kind: 'unreachable', why: reason(error) };
    }
  }

  async carry(request: Call, { headers = {}, body, source }: More, largest: number): Promise<Bytes> {
    if (source !== undefined) throw new Error(notStreamed);
    const answer = await this.send(request, {
      headers: { ...headersOf(request), ...headers },
      encoding: null,
      // Declared as text; the engine hands bytes through as they are.
      ...(body === undefined ? {} : { content: Buffer.from(body) as unknown as string }),
    });
    const content: unknown = answer.content ?? '';
    const bytes =
      typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content as Uint8Array);
    if (bytes.length > largest) throw new Error(tooLarge);
    return { status: answer.statusCode, headers: answer.headers ?? {}, bytes };
  }

  close(): void {
    // The workspace's own connections.
  }

  private async send(request: Call, options: IHttpRequest): Promise<IHttpResponse> {
    if (request.guarded || request.peer !== null) throw new Error(unsafe);
    try {
      const sent = this.verb(request.method)(request.url, { ...options, timeout: request.timeout });
      return await within(request.timeout, 'the server', sent);
    } catch (error) {
      throw new Error(withoutAddress(reason(error), request.url), { cause: error });
    }
  }

  private verb(method: string): IHttp['get'] {
    const verbs: Record<string, IHttp['get'] | undefined> = {
      GET: (url, options) => this.http.get(url, options),
      POST: (url, options) => this.http.post(url, options),
      PUT: (url, options) => this.http.put(url, options),
      DELETE: (url, options) => this.http.del(url, options),
    };
    const verb = verbs[method];
    if (verb === undefined) throw new Error(`the engine's client knows no ${method}`);
    return verb;
  }
}

/** The workspace's client names the whole address in its errors. */
function withoutAddress(message: string, url: string): string {
  return message.split(url).join('the address').replace(/\?\S*/g, '');
}
