/**
 * The core, kept alive: after a trap its instance is useless, so it is dropped and a new one takes over,
 * which finds all it needs in the store.
 */

import { randomBytes } from 'node:crypto';

import type { Host } from './host/host.ts';
import type { Arrived } from './inputs/request.ts';
import { type Log, reason } from './log.ts';
import type { Config, Input, Reply, Served, Tag } from './protocol.ts';
import { background } from './within.ts';

/** As the WebAssembly module exports it. */
export interface CoreInstance {
  configure(config: Config): void;
  /** Hands a request's body over; gives its handle. */
  put(body: Uint8Array): number;
  /** Whether an IP address that somebody else chose may be connected to. */
  admits(address: string): boolean;
  /** Resolves once what follows from the input is done. */
  submit(input: Input): Promise<Served | undefined>;
}

/** A core that traps again this soon is given a rest before the next. */
const shortLife = 10_000;

/** A trap inside a task of the core leaves its promise open for ever: this long after, it counts as dead. */
const longestTick = 180_000;

export class LivingCore {
  private core: CoreInstance | undefined;
  private config: Config | undefined;
  private born = 0;
  private resting: ReturnType<typeof setTimeout> | undefined;
  private ticking: number | undefined;
  /** What the last instance stopped over. */
  private culprit: Tag | undefined;
  private readonly pending = new Set<(error: Error) => void>();

  constructor(
    private readonly instantiate: (host: Host, instance: string) => CoreInstance,
    private readonly host: Host,
    private readonly log: Log,
    private readonly now: () => number = Date.now,
  ) {}

  get running(): boolean {
    return this.core !== undefined;
  }

  /** Whether it does not run and nothing of its own will start it. */
  get idle(): boolean {
    return this.core === undefined && this.resting === undefined;
  }

  /** Takes the settings over, makes the first instance, and lets it begin. */
  start(config: Config): void {
    this.config = config;
    try {
      if (this.core === undefined) this.make();
      this.core?.configure(config);
    } catch (error) {
      this.forget('the core could not be started');
      throw error;
    }
    const tag = this.culprit;
    this.culprit = undefined;
    // First of all, or it would meet the same again.
    if (tag !== undefined) this.tell({ kind: 'trapped', tag });
    this.tell({ kind: 'start' });
  }

  /** No instance is made any more, and nobody waits for the last one. */
  drop(): void {
    clearTimeout(this.resting);
    this.resting = undefined;
    this.ticking = undefined;
    this.forget('the App is stopping');
  }

  async submit(input: Input): Promise<Served | undefined> {
    return this.use((core) => core.submit(input));
  }

  /** Submits an input that nobody waits for. */
  tell(input: Input): void {
    this.submit(input).catch((error: unknown) => {
      this.log.trouble(input.kind, 'warn', `the core could not take '${input.kind}': ${reason(error)}`);
    });
  }

  async request({ method, uri, authorization, body }: Arrived): Promise<Served> {
    const reply = await this.use(async (core) => {
      // One breath with `submit`, or a new instance might get an old one's handle.
      const request = { method, uri, authorization, body: core.put(body) };
      return core.submit({ kind: 'request', request });
    });
    if (reply === undefined) throw new Error('the core gave no reply');
    return reply;
  }

  /** Whether a request may bring a large body, as far as its head tells; the answer, if not. */
  async knock({ method, uri, authorization }: Omit<Arrived, 'body'>): Promise<Reply | undefined> {
    const answer = await this.submit({ kind: 'knock', request: { method, uri, authorization, body: 0 } });
    if (answer !== undefined && !('body' in answer)) throw new Error('the core answers a knock with a file');
    return answer;
  }

  /** The file for a ticket, as the reply's body. */
  async download(ticket: string): Promise<Reply> {
    const answer = await this.submit({ kind: 'download', ticket });
    if (answer === undefined || !('body' in answer)) throw new Error('the core gave no file');
    return answer;
  }

  /** Without a core nothing is. */
  admits(address: string): boolean {
    try {
      return this.core?.admits(address) ?? false;
    } catch (error) {
      if (isTrap(error)) this.trapped(reason(error));
      return false;
    }
  }

  /** One at a time, and a sign of life. */
  async tick(): Promise<void> {
    if (this.core === undefined) return;
    if (this.ticking !== undefined) {
      if (this.now() - this.ticking > longestTick) this.trapped('it does not answer any more');
      return;
    }
    const began = this.now();
    this.ticking = began;
    try {
      await this.submit({ kind: 'tick' });
    } catch (error) {
      this.log.trouble('tick', 'warn', `the core could not take 'tick': ${reason(error)}`);
    } finally {
      // A trap meanwhile may have begun a new count.
      if (this.ticking === began) this.ticking = undefined;
    }
  }

  /** The instance is dead; said by whoever finds out. */
  trapped(why: string): void {
    if (this.core === undefined) return;
    const rest = this.now() - this.born < shortLife ? shortLife : 0;
    this.log.error(`the core stopped (${why}) and is started anew${rest > 0 ? ` in ${rest / 1000} s` : ''}`);
    this.ticking = undefined;
    this.culprit = this.host.doing;
    this.host.deciding(undefined);
    this.forget('the core was started anew');
    this.rest(rest);
  }

  /** Starts anew after a while, and again if that fails. */
  private rest(ms: number): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = undefined;
      if (this.config === undefined) return;
      try {
        this.start(this.config);
      } catch (error) {
        this.log.error(
          `the core could not be started: ${reason(error)}; another trial in ${shortLife / 1000} s`,
        );
        this.rest(shortLife);
      }
    }, ms);
    background(this.resting);
  }

  private make(): void {
    clearTimeout(this.resting);
    this.resting = undefined;
    this.core = this.instantiate(this.host, randomBytes(8).toString('hex'));
    this.born = this.now();
  }

  private forget(why: string): void {
    this.core = undefined;
    for (const reject of this.pending) reject(new Error(why));
    this.pending.clear();
  }

  private async use<T>(work: (core: CoreInstance) => Promise<T>): Promise<T> {
    const core = this.core;
    if (core === undefined) throw new Error('the core is not running');
    let giveUp!: (error: Error) => void;
    const dropped = new Promise<never>((_, reject) => (giveUp = reject));
    this.pending.add(giveUp);
    try {
      return await Promise.race([work(core), dropped]);
    } catch (error) {
      if (core === this.core && isTrap(error)) this.trapped(reason(error));
      throw error;
    } finally {
      this.pending.delete(giveUp);
    }
  }
}

/**
 * Calls back for traps that reach nobody: a task of the core runs from the microtask queue, where the
 * runtime's own handler for uncaught errors is the only one told. Gives the way to stop listening.
 */
export function watchTraps(trapped: (why: string) => void): () => void {
  const look = (error: unknown): void => {
    if (isTrap(error)) trapped(reason(error));
  };
  if (typeof addEventListener === 'function') {
    const listener = (event: ErrorEvent): void => {
      look(event.error);
    };
    addEventListener('error', listener);
    return () => {
      removeEventListener('error', listener);
    };
  }
  process.on('uncaughtExceptionMonitor', look);
  return () => {
    process.off('uncaughtExceptionMonitor', look);
  };
}

function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}
