/**
 * The engine's accessors, kept for as long as the process lives.
 *
 * In every runtime they are one set per process and stay valid after the call that handed them over. But
 * the App is born with `reader` and `http` only, while its core must write before the first hook comes:
 * `persistence` is had from a request handler of `http`, which the engine calls with it before anything is
 * sent; `modify` only from a call of the engine, so the scheduler is asked to make one.
 */

import type {
  IHttp,
  IHttpPreRequestHandler,
  IModify,
  IPersistence,
  IRead,
} from '@rocket.chat/apps-engine/definition/accessors';

import { within } from '../within.ts';

/** How long a write waits for its accessor. */
const patience = 30_000;

/** An address nobody serves: the request handler knows it and lets nothing out. */
const question = 'http://persistence.invalid/';

/**
 * In a box: some of the engine's accessors have every method one asks for, `then` included, and a promise
 * that is resolved with one waits for ever.
 */
export interface Writing {
  modify: IModify;
}

export interface Storing {
  persistence: IPersistence;
}

export class Accessors {
  /** Whether all have come. */
  complete = false;
  private readonly modify: Promise<Writing>;
  private readonly persistence: Promise<Storing>;
  private giveModify!: (writing: Writing) => void;
  private givePersistence!: (storing: Storing) => void;
  private asked = false;

  constructor(
    readonly read: IRead,
    readonly http: IHttp,
  ) {
    this.modify = new Promise((resolve) => (this.giveModify = resolve));
    this.persistence = new Promise((resolve) => (this.givePersistence = resolve));
  }

  /** Every call of the engine that brings them hands them over here. */
  take(persistence: IPersistence, modify: IModify): void {
    this.givePersistence({ persistence });
    this.giveModify({ modify });
    this.complete = true;
  }

  async writing(): Promise<Writing> {
    return within(patience, 'waiting for the engine to let the App write', this.modify);
  }

  async storing(): Promise<Storing> {
    this.ask();
    return within(patience, 'waiting for the engine to let the App store', this.persistence);
  }

  /** Registered with the engine's `http`. */
  readonly handler: IHttpPreRequestHandler = {
    executePreHttpRequest: (url, request, _read, persistence) => {
      this.givePersistence({ persistence });
      return url.startsWith(question)
        ? Promise.reject(new Error('not to be sent'))
        : Promise.resolve(request);
    },
  };

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    this.http.get(question).catch(() => undefined);
  }
}
