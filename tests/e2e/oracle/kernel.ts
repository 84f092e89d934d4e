// The protocol kernel, asked from outside: `tests/oracle/kernel.rs` as a process.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Entry } from '../homeserver/room-record.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export type Reading =
  | { readonly verdict: 'read'; readonly id: string; readonly text: string }
  | { readonly verdict: 'dropped'; readonly why: string }
  | { readonly verdict: 'lacking'; readonly keys: readonly (readonly [server: string, key: string])[] };

export interface Verdict {
  readonly verdict: 'accepted' | 'soft-failed' | 'rejected';
  readonly why?: string;
}

export interface Made {
  readonly id: string;
  /** As it goes over the wire. */
  readonly event: string;
  readonly depth: number;
}

/** A server and the 32 bytes of its key in base64. */
export interface Signer {
  readonly server: string;
  readonly seed: string;
}

export interface Place {
  readonly room: string;
  readonly prev_events: readonly string[];
  /** The greatest of those. */
  readonly depth: number;
  readonly state: readonly Entry[];
}

export interface Draft {
  readonly sender: string;
  readonly kind: string;
  readonly state_key?: string;
  readonly content: object;
  readonly at: number;
}

export class Kernel {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (why: Error) => void }[] = [];

  /** Resolves when it answers; the first time it is compiled. */
  static async start(): Promise<Kernel> {
    const kernel = new Kernel();
    await kernel.resolve('11', []);
    return kernel;
  }

  private constructor() {
    const args = ['run', '--quiet', '--example', 'kernel'];
    this.#process = spawn('cargo', args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#process.stdout).on('line', (line) => {
      const waiting = this.#waiting.shift();
      const answer = JSON.parse(line) as { error?: string };
      if (answer.error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(`The kernel says: ${answer.error}`));
    });
    const ended = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('The kernel has ended'));
    };
    this.#process.once('exit', ended).once('error', ended);
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  /** Shows it a server's key document, fetched now. */
  async keys(server: string, document: string): Promise<void> {
    await this.#ask('keys', { server, document, at: Date.now() });
  }

  async notaryQuery(server: string, key: string): Promise<string> {
    return (await this.#ask<{ body: string }>('notary-query', { server, key, at: Date.now() })).body;
  }

  /** The end of the time that a notary's answer gives a server's keys. */
  async notaryAnswer(server: string, notary: string, answer: string): Promise<number> {
    const at = Date.now();
    const read = await this.#ask<{ valid_until: number }>('notary-answer', { server, notary, answer, at });
    return read.valid_until;
  }

  async read(version: string, event: string): Promise<Reading> {
    return await this.#ask('read', { version, event });
  }

  async judge(event: string, before: readonly Entry[], current: readonly Entry[]): Promise<Verdict> {
    return await this.#ask('judge', { event, before, current });
  }

  async judgeAlone(event: string): Promise<Verdict> {
    return await this.#ask('judge-alone', { event });
  }

  async resolve(version: string, states: readonly (readonly Entry[])[]): Promise<readonly Entry[]> {
    return (await this.#ask<{ state: Entry[] }>('resolve', { version, states })).state;
  }

  async keyDocument(signer: Signer, until: number): Promise<{ document: string; key: string }> {
    return await this.#ask('key-document', { ...signer, until });
  }

  /** The header of a request, and its content as it must be sent. */
  async signRequest(
    { server: origin, seed }: Signer,
    request: {
      readonly destination: string;
      readonly method: string;
      readonly uri: string;
      readonly content?: string;
    },
  ): Promise<{ authorization: string; content: string | null }> {
    return await this.#ask('sign-request', { origin, seed, ...request });
  }

  /** Hashes and signs an event, whether the room allows it or not. */
  async signEvent(signer: Signer, version: string, event: object): Promise<Made> {
    return await this.#ask('sign-event', { ...signer, version, event: JSON.stringify(event) });
  }

  async join(
    signer: Signer,
    join: {
      readonly version: string;
      readonly room: string;
      readonly user: string;
      readonly template: string;
    },
  ): Promise<Made> {
    return await this.#ask('join', { ...signer, ...join, at: Date.now() });
  }

  /** Makes an event that the room allows. */
  async compose(signer: Signer, version: string, place: Place, draft: Draft): Promise<Made> {
    return await this.#ask('compose', { ...signer, version, place, draft });
  }

  #ask<T>(what: string, details: object): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ resolve: (answer) => resolve(answer as T), reject });
      this.#process.stdin.write(`${JSON.stringify({ do: what, ...details })}\n`);
    });
  }
}
