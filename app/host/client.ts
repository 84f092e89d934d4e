/** The App's own HTTP client, for runtimes that leave the network open. */

import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secureRequest, type RequestOptions } from 'node:https';

import type { Answer, Call } from '../protocol.ts';
import { joined } from '../bytes.ts';
import { reason } from '../log.ts';
import { background } from '../within.ts';
import { type Admits, CheckedPlainAgent, CheckedSecureAgent } from './agents.ts';
import {
  answered,
  type Bytes,
  headersOf,
  largestAnswer,
  type More,
  type Opened,
  type Source,
  tooLarge,
  type Transport,
} from './transport.ts';

const keepAlive = {
  keepAlive: true,
  keepAliveMsecs: 30_000,
  maxSockets: 64,
  scheduling: 'lifo',
} as const;

/** Errors of TLS when a certificate is not trusted, in the words of Node and of Deno. */
const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|certificate|UnknownIssuer/i;

const plainWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing answers there (connection refused)',
  ECONNRESET: 'the connection was broken off',
  EPIPE: 'the connection was broken off',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up just now',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'the connection took too long',
};

class Failure extends Error {
  constructor(
    message: string,
    readonly untrusted: boolean,
    readonly stale: boolean,
  ) {
    super(message);
  }
}

export class Client implements Transport {
  readonly name = 'own';
  /** To addresses that an administrator set. */
  private readonly set: Way;
  /** To Matrix servers, whose names and addresses are two things. */
  private readonly met: Way;
  /** The same, where only some addresses may be connected to; so it shares no connection with the others. */
  private readonly guarded: Way;

  /**
   * `certificates`: authorities in PEM that are trusted beside the built-in ones. `admits`: whether an address
   * that somebody else chose may be connected to.
   */
  constructor(certificates: string[], admits: Admits) {
    this.set = new Way(certificates);
    this.met = new Way(certificates, () => true);
    this.guarded = new Way(certificates, admits);
  }

  async call(call: Call, largest = largestAnswer): Promise<Answer> {
    const more = call.body === null ? {} : { body: new TextEncoder().encode(call.body) };
    return answered(this.carry(call, more, largest));
  }

  async carry(call: Call, more: More, largest: number): Promise<Bytes> {
    return this.meet(call, more, (response) => collect(response, largest));
  }

  async open(call: Call, headers: Readonly<Record<string, string>>): Promise<Opened> {
    return this.meet(call, { headers }, (response) => Promise.resolve(opened(response)));
  }

  private async meet<T>(call: Call, more: More, take: Take<T>): Promise<T> {
    const address = parsed(call.url);
    if (address === undefined) throw new Error('its address is not a web address');
    const way = call.guarded ? this.guarded : call.peer === null ? this.set : this.met;
    const outgoing = { call, more, take };
    try {
      return await (address.secure
        ? this.callSecure(address, outgoing, way)
        : this.callAgain(address, outgoing, way.plain));
    } catch (error) {
      throw new Error(`${address.authority}: ${reason(error)}`, { cause: error });
    }
  }

  close(): void {
    for (const way of [this.set, this.met, this.guarded]) way.close();
  }

  private async callSecure<T>(address: Address, outgoing: Outgoing<T>, { secure, trusted }: Way): Promise<T> {
    const server = `${address.authority} ${outgoing.call.peer?.sni ?? ''}`;
    const known = trusted.get(server);
    const agents = known === undefined ? secure : [known, ...secure.filter((agent) => agent !== known)];
    let last: unknown;
    for (const agent of agents) {
      try {
        const answer = await this.callAgain(address, outgoing, agent);
        trusted.set(server, agent);
        return answer;
      } catch (error) {
        if (!(error instanceof Failure) || !error.untrusted) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** A server may close a kept connection at the very moment we use it: that is no failure of the call. */
  private async callAgain<T>(address: Address, outgoing: Outgoing<T>, agent: PlainAgent): Promise<T> {
    const { source } = outgoing.more;
    const attempt = async () => send(address, outgoing, agent, await source?.());
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Failure && error.stale) return attempt();
      throw error;
    }
  }
}

/** What is made of an answer once its head is there. */
type Take<T> = (response: IncomingMessage) => Promise<T>;

interface Outgoing<T> {
  call: Call;
  more: More;
  take: Take<T>;
}

/** Kept connections of one kind. */
class Way {
  readonly plain: PlainAgent;
  /**
   * Certificates given to an agent replace the built-in ones, and the sandbox has no way to list those: so
   * there is an agent for each, and a server whose certificate one does not trust is tried with the other.
   */
  readonly secure: SecureAgent[];
  /** Which of them a server was trusted by. */
  readonly trusted = new Map<string, SecureAgent>();

  constructor(certificates: string[], admits?: Admits) {
    const secure = (more: { ca?: string[] }): SecureAgent =>
      admits
        ? new CheckedSecureAgent({ ...keepAlive, ...more }, admits)
        : new SecureAgent({ ...keepAlive, ...more });
    this.plain = admits ? new CheckedPlainAgent(keepAlive, admits) : new PlainAgent(keepAlive);
    this.secure = [...(certificates.length > 0 ? [secure({ ca: certificates })] : []), secure({})];
  }

  close(): void {
    for (const agent of [this.plain, ...this.secure]) agent.destroy();
  }
}

interface Address {
  secure: boolean;
  /** Host and port, as one writes them. */
  authority: string;
  host: string;
  port: number;
  /** The path with its query, byte for byte: signatures cover it, so nothing may put it in another form. */
  target: string;
}

function parsed(address: string): Address | undefined {
  const [whole, target = '/'] =
    /^https?:\/\/[^/?#\\]+([/?][\x21\x22\x24-\x7e]*)?(?:#.*)?$/i.exec(address) ?? [];
  if (whole === undefined || !URL.canParse(address)) return undefined;
  const { protocol, host: authority, hostname, port } = new URL(address);
  const secure = protocol === 'https:';
  return {
    secure,
    authority,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (secure ? 443 : 80),
    target: target.startsWith('/') ? target : `/${target}`,
  };
}

function send<T>(
  { secure, host, port, target }: Address,
  { call, more, take }: Outgoing<T>,
  agent: PlainAgent,
  source?: Source,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const { peer } = call;
    const { body } = more;
    const length = body?.length ?? source?.length;
    const options: RequestOptions = {
      agent,
      method: call.method,
      host,
      port,
      path: target,
      headers: {
        ...headersOf(call),
        ...more.headers,
        ...(peer === null ? {} : { Host: peer.host }),
        ...(length === undefined ? {} : { 'Content-Length': length }),
      },
      // Without a name the certificate must be one for the address.
      ...(peer === null ? {} : { servername: peer.sni ?? '' }),
    };
    const sending = (secure ? secureRequest : plainRequest)(options);
    const stop = (error: Error): void => {
      clearTimeout(timer);
      source?.body.destroy();
      sending.destroy();
      reject(error);
    };
    const wait = (): ReturnType<typeof setTimeout> => {
      const waiting = setTimeout(() => {
        stop(new Failure(`no answer within ${call.timeout / 1000} s`, false, false));
      }, call.timeout);
      background(waiting);
      return waiting;
    };
    let timer = wait();
    let answered = false;
    sending.on('error', (error: Error & { code?: string }) => {
      const code = error.code ?? '';
      const distrust = untrusted.test(code) || untrusted.test(error.message);
      const words = distrust ? `its certificate is not trusted (${code || error.message})` : plainWords[code];
      const stale = sending.reusedSocket && !answered && (code === 'ECONNRESET' || code === 'EPIPE');
      stop(new Failure(words ?? (code || error.message), distrust, stale));
    });
    sending.on('response', (response) => {
      answered = true;
      take(response).then((answer) => {
        clearTimeout(timer);
        resolve(answer);
        // Refused before it has all come.
        if (source !== undefined && !sending.writableFinished) {
          source.body.destroy();
          sending.destroy();
        }
      }, stop);
    });
    if (source === undefined) {
      sending.end(body);
      return;
    }
    // A large body takes its time; only a standstill is too long.
    source.body.on('data', () => {
      clearTimeout(timer);
      timer = wait();
    });
    source.body.on('error', () => {
      stop(new Failure('what was to be sent was broken off', false, false));
    });
    source.body.pipe(sending);
  });
}

function opened(response: IncomingMessage): Opened {
  return { status: response.statusCode ?? 0, headers: response.headers, body: response };
}

async function collect(response: IncomingMessage, largest: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > largest) throw new Failure(tooLarge, false, false);
    parts.push(part);
  }
  if (!response.complete) throw new Failure('the answer was broken off', false, false);
  return { status: response.statusCode ?? 0, headers: response.headers, bytes: joined(parts, size) };
}
