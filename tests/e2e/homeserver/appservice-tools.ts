// Both ends of the application service interface: playing the homeserver, and playing the service.

import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './waiting.ts';

/** Text and bytes go out as they are, malformed or not; everything else as JSON. */
export type Body = string | Uint8Array | object;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** Milliseconds. Default: 60 seconds, which is Synapse's own patience. */
  readonly timeout?: number;
}

/** `PUT …/transactions/{txnId}` as the homeserver would, with any body. */
export async function putTransaction(
  url: string,
  hsToken: string,
  txnId: string | number,
  body: Body,
  options: RequestOptions = {},
): Promise<Answer> {
  const path = `/_matrix/app/v1/transactions/${encodeURIComponent(String(txnId))}`;
  const headers = { authorization: `Bearer ${hsToken}`, ...options.headers };
  return await send(url.replace(/\/$/, '') + path, { method: 'PUT', ...options, headers, body });
}

/** One raw HTTP request. A server that answers before it has read everything is heard, too. */
export function send(url: string, options: RequestOptions = {}): Promise<Answer> {
  const body = options.body === undefined ? undefined : asBytes(options.body);
  return new Promise((resolve, reject) => {
    const timeout = options.timeout ?? 60_000;
    const headers = {
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(body.length) }),
      ...options.headers,
    };
    const outgoing = request(url, { method: options.method ?? 'GET', headers, agent: false });
    outgoing.setTimeout(timeout, () => {
      outgoing.destroy(new Error(`No answer from ${new URL(url).pathname} in ${timeout} ms`));
    });
    outgoing.once('response', (response) => {
      readAll(response).then((bytes) => {
        const text = bytes.toString();
        const status = response.statusCode ?? 0;
        resolve({ status, headers: response.headers, text, json: asJson(text) });
      }, reject);
    });
    // After an early refusal the rest of the body meets a closed connection: not news by then.
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks the homeserver to ping the service, which also makes it retry a held-back transaction. */
export async function askForPing(
  baseUrl: string,
  id: string,
  asToken: string,
  txnId: string,
): Promise<Answer> {
  const url = `${baseUrl}/_matrix/client/v1/appservice/${encodeURIComponent(id)}/ping`;
  const headers = { authorization: `Bearer ${asToken}` };
  return await send(url, { method: 'POST', headers, body: { transaction_id: txnId } });
}

export interface Transaction {
  readonly id: string;
  /** The Authorization header it came with. */
  readonly authorization: string;
  readonly body: {
    readonly events: readonly Readonly<Record<string, unknown>>[];
    readonly [key: string]: unknown;
  };
}

/** The smallest application service: answers everything and writes down what it was given. */
export class RecordingAppservice {
  readonly url: string;
  /** Every transaction it was given, refused ones included, in order. */
  readonly transactions: Transaction[] = [];
  /** Transaction ids of the pings it got. */
  readonly pings: string[] = [];
  /** The status that transactions are answered with; everything but 200 makes the homeserver retry. */
  status = 200;
  readonly #server: Server;
  readonly #watchers = new Set<() => void>();

  static async listen(): Promise<RecordingAppservice> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RecordingAppservice(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming, response) => {
      void this.#answer(incoming, response);
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The first transaction that fits, already here or still to come. */
  async expectTransaction(
    fits: (transaction: Transaction) => boolean,
    options: { readonly timeout?: number } = {},
  ): Promise<Transaction> {
    const subscribe = (changed: () => void): (() => void) => {
      this.#watchers.add(changed);
      return () => this.#watchers.delete(changed);
    };
    return await until(() => this.transactions.find(fits), subscribe, {
      timeout: options.timeout ?? 30_000,
      what: `a transaction ${String(fits)}`,
      found: () => this.transactions.map(({ id, body }) => `${id}: ${JSON.stringify(body)}`).join('\n'),
    });
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = asJson((await readAll(incoming)).toString()) as Transaction['body'];
    const path = new URL(incoming.url ?? '/', this.url).pathname;
    const id = /^\/_matrix\/app\/v1\/transactions\/(.+)$/.exec(path)?.[1];
    let status = 404;
    if (path === '/_matrix/app/v1/ping') {
      this.pings.push(String(json['transaction_id']));
      status = 200;
    } else if (id !== undefined) {
      const authorization = incoming.headers.authorization ?? '';
      this.transactions.push({ id: decodeURIComponent(id), authorization, body: json });
      status = this.status;
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    for (const changed of [...this.#watchers]) changed();
  }
}

function asBytes(body: Body): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
