/** Patience with limits. */

/** The promise's outcome, or an error once `limit` milliseconds have passed without one. */
export async function within<T>(limit: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: no answer within ${limit / 1000} s`));
    }, limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets the process end although the timer still runs; Deno's timers are plain numbers and cannot be told. */
export function background(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null) (timer as { unref?: () => void }).unref?.();
}

/** Keeps something from being done too often: due once every `ms` milliseconds, first that long after it was made. */
export class Pace {
  private last: number;

  constructor(
    private readonly ms: number,
    private readonly now: () => number = Date.now,
  ) {
    this.last = now();
  }

  due(): boolean {
    const now = this.now();
    // A clock that was set back must not stop it.
    if (now >= this.last && now - this.last < this.ms) return false;
    this.last = now;
    return true;
  }
}
