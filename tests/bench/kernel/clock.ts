/** How long things take. Other work on the machine only ever adds to a time, so the best of many rounds is told. */

/** A round takes at least so many milliseconds: more than the clock's grain, less than what a scheduler gives at once. */
const ROUND = 1;

/** Microseconds an operation. */
export function best(operation: () => unknown, seconds = 0.4): number {
  const round = (times: number): number => {
    const began = performance.now();
    for (let time = 0; time < times; time += 1) operation();
    return performance.now() - began;
  };
  let times = 1;
  while (round(times) < ROUND) times *= 2;
  const end = performance.now() + 1000 * seconds;
  let least = Number.POSITIVE_INFINITY;
  do least = Math.min(least, round(times) / times);
  while (performance.now() < end);
  return 1000 * least;
}

/** The same of an operation that is waited for. */
export async function bestOf(operation: () => Promise<unknown>, rounds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await operation();
    least = Math.min(least, performance.now() - began);
  }
  return 1000 * least;
}

/** Microseconds for all of these together, each at its best of some passes over all. */
export function bestOfEach<T>(all: readonly T[], operation: (one: T) => unknown, passes = 20): number {
  const least = all.map(() => Number.POSITIVE_INFINITY);
  for (let pass = 0; pass < passes; pass += 1) {
    all.forEach((one, at) => {
      const began = performance.now();
      operation(one);
      least[at] = Math.min(least[at] ?? 0, performance.now() - began);
    });
  }
  return 1000 * least.reduce((sum, time) => sum + time, 0);
}
