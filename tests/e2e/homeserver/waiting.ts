// Waiting for a condition, never for an amount of time: the time is only the point of giving up.

import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds after which the wait is given up. */
  readonly timeout: number;
  /** What was waited for, in the words of the error. */
  readonly what: string;
  /** What there was instead, added to the error. */
  readonly found?: () => string;
}

/**
 * Resolves with the first value of `check` that is not undefined. It is asked at once and again
 * whenever `subscribe`'s callback is called; `subscribe` returns how to unsubscribe.
 */
export function until<T>(
  check: () => T | undefined,
  subscribe: (changed: () => void) => () => void,
  options: UntilOptions,
): Promise<T> {
  // Taken here, where the stack still names the test that waits.
  const failure = new Error();
  return new Promise<T>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      unsubscribe();
      settle();
    };
    const ask = (): void => {
      try {
        const value = check();
        if (value !== undefined) end(() => resolve(value));
      } catch (error) {
        end(() => reject(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const timer = setTimeout(() => {
      const found = options.found === undefined ? '' : `\nThere was:\n${options.found()}`;
      failure.message = `Waited ${options.timeout} ms in vain for ${options.what}.${found}`;
      end(() => reject(failure));
    }, options.timeout);
    const unsubscribe = subscribe(ask);
    ask();
  });
}

/** For what cannot call us back (another process coming up): asks every 50 ms. */
export async function poll<T>(check: () => Promise<T | undefined>, options: UntilOptions): Promise<T> {
  const end = Date.now() + options.timeout;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (Date.now() > end) {
      const found = options.found === undefined ? '' : `\nThere was:\n${options.found()}`;
      throw new Error(`Waited ${options.timeout} ms in vain for ${options.what}.${found}`);
    }
    await pause(50);
  }
}
