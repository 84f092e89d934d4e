/** The App's own HTTP client, for runtimes that leave the network open. */

import {
  Agent as PlainAgent,
  request as plainRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

import type { Answer, Call } from '../protocol.ts';
import { background } from '../within.ts';
import { answerOf, headersOf, largestAnswer, type Transport } from './transport.ts';

const keepAlive = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 64, scheduling: 'lifo' } as const;

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
  private readonly plain = new PlainAgent(keepAlive);
  /**
   * Certificates given to an agent replace the built-in ones, and the sandbox has no way to list those: so
   * there is an agent for each, and a server whose certificate one does not trust is tried with the other.
   */
  private readonly secure: SecureAgent[];
  private readonly trusted = new Map<string, SecureAgent>();

  /** `certificates`: authorities in PEM that are trusted beside the built-in ones. */
  constructor(certificates: string[]) {
    const own = certificates.length > 0 ? [new SecureAgent({ ...keepAlive, ca: certificates })] : [];
    this.secure = [...own, new SecureAgent(keepAlive)];
  }

  async call(call: Call): Promise<Answer> {
    let url: URL;
    try {
      url = new URL(call.url);
    } catch {
      return { kind: 'unreachable', why: 'its address is not a web address' };
    }
    try {
      return await (url.protocol === 'https:'
        ? this.callSecure(url, call)
        : this.callAgain(url, call, this.plain));
    } catch (error) {
      return {
        kind: 'unreachable',
        why: `${url.host}: ${error instanceof Error ? error.message : 'no answer'}`,
      };
    }
  }

  close(): void {
    for (const agent of [this.plain, ...this.secure]) agent.destroy();
  }

  private async callSecure(url: URL, call: Call): Promise<Answer> {
    const known = this.trusted.get(url.host);
    const agents =
      known === undefined ? this.secure : [known, ...this.secure.filter((agent) => agent !== known)];
    let last: unknown;
    for (const agent of agents) {
      try {
        const answer = await this.callAgain(url, call, agent);
        this.trusted.set(url.host, agent);
        return answer;
      } catch (error) {
        if (!(error instanceof Failure) || !error.untrusted) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** A server may close a kept connection at the very moment we use it: that is no failure of the call. */
  private async callAgain(url: URL, call: Call, agent: PlainAgent): Promise<Answer> {
    try {
      return await send(url, call, agent);
    } catch (error) {
      if (error instanceof Failure && error.stale) return send(url, call, agent);
      throw error;
    }
  }
}

function send(url: URL, call: Call, agent: PlainAgent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = call.body === null ? null : new TextEncoder().encode(call.body);
    const options: RequestOptions = {
      agent,
      method: call.method,
      headers: { ...headersOf(call), ...(body === null ? {} : { 'Content-Length': body.length }) },
    };
    const sending = (url.protocol === 'https:' ? secureRequest : plainRequest)(url, options);
    const stop = (error: Error): void => {
      clearTimeout(timer);
      sending.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      stop(new Failure(`no answer within ${call.timeout / 1000} s`, false, false));
    }, call.timeout);
    background(timer);
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
      collect(response).then((answer) => {
        clearTimeout(timer);
        resolve(answer);
      }, stop);
    });
    sending.end(body ?? undefined);
  });
}

async function collect(response: IncomingMessage): Promise<Answer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > largestAnswer) throw new Failure('the answer is too large', false, false);
    parts.push(part);
  }
  if (!response.complete) throw new Failure('the answer was broken off', false, false);
  const decoder = new TextDecoder();
  const body = parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
  return answerOf(response.statusCode ?? 0, response.headers, body);
}
