/** The App's own HTTP listener: raw addresses, raw bodies, any size that Matrix knows. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { joined } from './bytes.ts';
import type { Image } from './host/image.ts';
import { Passage } from './passage.ts';
import type { Arrived } from './inputs/request.ts';
import { type Log, reason } from './log.ts';
import type { Level, Listener as ListenerState, Reply } from './protocol.ts';
import { background } from './within.ts';
import { written } from './written.ts';

export interface Address {
  host: string;
  port: number;
}

/** What a listener allows. */
export const limits = {
  /** Homeservers send some 7 MB at most in a transaction. */
  bodyBytes: 16 * 1024 * 1024,
  /** For more than this, who sends must be known before anything is read. */
  strangerBytes: 64 * 1024,
  /** Of all requests at work together: bodies are held in memory before anybody knows who sends them. */
  heldBytes: 128 * 1024 * 1024,
  requests: 32,
  connections: 256,
  headersMs: 20_000,
  requestMs: 120_000,
  idleMs: 65_000,
  /** Between two trials for a port that is taken. */
  againMs: 1000,
  /** Between two trials after any other error: an address or a right may come later. */
  errorMs: 10_000,
  closeMs: 2000,
};

export class Listener {
  private server: Server | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private open = false;
  private address: Address = { host: '', port: 0 };
  private trouble: ListenerState = { kind: 'off' };
  /** Counts the calls of `close`, for whoever waited meanwhile. */
  private closings = 0;
  private busy = 0;
  private heldBytes = 0;

  constructor(
    private readonly answer: (request: Arrived) => Promise<Reply | Image | Passage>,
    private readonly log: Log,
    private readonly allowed: typeof limits = limits,
    /** Asked before a large body is read; the answer, if it is not to come in. */
    private readonly knock: (head: Head) => Promise<Reply | undefined> = () => Promise.resolve(undefined),
  ) {}

  /** The port in use, once it listens. */
  get port(): number | undefined {
    const address = this.open ? this.server?.address() : undefined;
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** How it fares. */
  get state(): ListenerState {
    return this.open ? { kind: 'listening', ...this.address } : this.trouble;
  }

  /** Resolves after the first trial; more follow until one succeeds or `close` is called. */
  async listen(address: Address): Promise<void> {
    const closed = this.close();
    const closings = this.closings;
    await closed;
    if (closings !== this.closings) return;
    this.address = address;
    let said: string | undefined;
    const trial = async (): Promise<void> => {
      const failure = await this.try(address);
      if (failure === undefined || closings !== this.closings) return;
      const { text, level, wait } = this.explain(failure, address);
      if (text !== said) this.log.say(level, text);
      said = text;
      this.again = setTimeout(() => void trial(), wait);
      background(this.again);
    };
    await trial();
  }

  async close(): Promise<void> {
    this.closings++;
    clearTimeout(this.again);
    this.again = undefined;
    const server = this.server;
    this.server = undefined;
    this.open = false;
    this.trouble = { kind: 'off' };
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.allowed.closeMs);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeAllConnections();
    });
  }

  /** Gives the error it failed with; nothing if it listens, or was closed meanwhile. */
  private async try(address: Address): Promise<Failure | undefined> {
    const server = this.make();
    this.server = server;
    try {
      await bind(server, address);
    } catch (error) {
      if (this.server !== server) return undefined;
      this.server = undefined;
      return { error };
    }
    if (this.server !== server) {
      server.close();
      return undefined;
    }
    // Without somebody who hears it, an error ends the process.
    server.on('error', (error) => {
      this.log.warn(`the listener: ${reason(error)}`);
    });
    this.open = true;
    // So that a process whose parent is gone can end.
    server.unref();
    this.log.info(`listening on ${address.host}:${address.port}`);
    return undefined;
  }

  private explain({ error }: Failure, { host, port }: Address): { text: string; level: Level; wait: number } {
    const { againMs, errorMs } = this.allowed;
    if (isTaken(error)) {
      this.trouble = { kind: 'taken', host, port };
      return {
        text: `port ${port} is taken; trying until it is free`,
        level: 'warn',
        wait: againMs,
      };
    }
    this.trouble = { kind: 'failed', host, port, why: reason(error) };
    const text = `cannot listen on ${host}:${port}: ${reason(error)}. Change the address or port in the settings.`;
    return { text, level: 'error', wait: errorMs };
  }

  private make(): Server {
    const { headersMs, requestMs, idleMs, connections } = this.allowed;
    const options = {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
    };
    const server = createServer(options, (request, response) => {
      void this.serve(request, response);
    });
    server.maxConnections = connections;
    return server;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The other side may go at any time; what it sent is kept or sent again.
    response.on('error', () => undefined);
    if (this.busy >= this.allowed.requests) {
      refuse(request, response, 503, 'M_LIMIT_EXCEEDED', 'Too many requests at a time');
      return;
    }
    const hold: Hold = { bytes: 0 };
    this.busy++;
    try {
      await this.serveOne(request, response, hold);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      this.log.trouble('request', 'warn', `a request could not be answered: ${reason(error)}`);
      refuse(request, response, 500, 'M_UNKNOWN', 'Not possible just now');
    } finally {
      this.busy--;
      this.heldBytes -= hold.bytes;
    }
  }

  private async serveOne(request: IncomingMessage, response: ServerResponse, hold: Hold): Promise<void> {
    const { bodyBytes, heldBytes, strangerBytes } = this.allowed;
    const { method = '', url = '' } = request;
    const head = { method, uri: url, authorization: authorizations(request) };
    const length = announced(request);
    let tooLarge = length > bodyBytes && length !== Infinity;
    if (!tooLarge && length > strangerBytes) {
      const refusal = await this.knock(head);
      if (refusal !== undefined) {
        end(request, response, refusal);
        return;
      }
    }
    const body = tooLarge
      ? null
      : await read(request, (size, more) => {
          hold.bytes += more;
          this.heldBytes += more;
          tooLarge = size > bodyBytes;
          return !tooLarge && this.heldBytes <= heldBytes;
        });
    if (body === null && tooLarge) refuse(request, response, 413, 'M_TOO_LARGE', 'The body is too large');
    else if (body === null) refuse(request, response, 503, 'M_LIMIT_EXCEEDED', 'Too much at a time');
    else {
      const answer = await this.answer({ ...head, body });
      if (answer instanceof Passage) await answer.to(response, request.headers.range);
      else send(response, answer);
    }
  }
}

/** A request, but for its body. */
type Head = Omit<Arrived, 'body'>;

/** In a box: anything can be thrown. */
interface Failure {
  error: unknown;
}

/** What a request holds of the memory for bodies. */
interface Hold {
  bytes: number;
}

function bind(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Deno names the error and gives no code. */
function isTaken(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return code === 'EADDRINUSE' || name === 'AddrInUse';
}

/** Raw headers: the others keep one header of this name, and in older versions of Deno there are no others. */
function authorizations({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'authorization');
}

/** How large a body will be; where that is not said, as large as it likes. */
function announced({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Infinity;
  return Number(headers['content-length'] ?? 0);
}

/** Events, not iteration: leaving an iteration early would cut the connection before the refusal is sent. */
function read(
  request: IncomingMessage,
  admits: (size: number, more: number) => boolean,
): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    // Whoever left while nobody listened says so no more.
    if (request.destroyed && !request.complete) reject(new Error('the request was broken off'));
    const parts: Uint8Array[] = [];
    let size = 0;
    request.on('data', (part: Uint8Array) => {
      size += part.length;
      if (admits(size, part.length)) parts.push(part);
      else {
        request.pause();
        resolve(null);
      }
    });
    request.on('end', () => {
      resolve(joined(parts, size));
    });
    request.on('error', reject);
    request.on('close', () => {
      reject(new Error('the request was broken off'));
    });
  });
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  errcode: string,
  error: string,
): void {
  end(request, response, { status, body: JSON.stringify({ errcode, error }) });
}

/** What is left of the request is not read: the connection ends with the answer. */
function end(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (!request.complete) response.setHeader('Connection', 'close');
  send(response, reply);
}

function send(response: ServerResponse, answer: Reply | Image): void {
  const { status, headers, bytes } = written(answer);
  response.writeHead(status, { ...headers, 'Content-Length': bytes.length });
  response.end(bytes);
}
