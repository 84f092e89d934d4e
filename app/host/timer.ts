/** One alarm clock per scope, set to the earliest time asked for. */

import type { Scope } from '../protocol.ts';
import { background } from '../within.ts';

/** The longest a timer of JavaScript can run; a later alarm is set anew when it has passed. */
const longest = 2 ** 31 - 1;

interface Alarm {
  at: number;
  timer: ReturnType<typeof setTimeout>;
}

export class Alarms {
  private readonly alarms = new Map<Scope, Alarm>();

  constructor(
    private readonly ring: (scope: Scope) => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Rings for the scope at a time, unless it will ring before. */
  set(scope: Scope, at: number): void {
    const set = this.alarms.get(scope);
    if (set !== undefined && set.at <= at) return;
    clearTimeout(set?.timer);
    this.start(scope, at);
  }

  clear(): void {
    for (const { timer } of this.alarms.values()) clearTimeout(timer);
    this.alarms.clear();
  }

  private start(scope: Scope, at: number): void {
    const wait = Math.min(Math.max(at - this.now(), 0), longest);
    const timer = setTimeout(() => {
      this.alarms.delete(scope);
      if (this.now() < at) this.start(scope, at);
      else this.ring(scope);
    }, wait);
    background(timer);
    this.alarms.set(scope, { at, timer });
  }
}
