/**
 * Who of Matrix is shown typing.
 *
 * Rocket.Chat's clients forget somebody who types after some seconds, so it is said again until it ends: by the next
 * word from Matrix, by a message, or by itself. Nothing of it is kept, and nothing waits for it.
 */

import { background } from '../within.ts';

/** Says that somebody types in a room; gives the way to say that they stopped. */
export type SayTyping = (room: string, username: string) => Promise<() => Promise<void>>;

interface Typist {
  since: number;
  stop: Promise<() => Promise<void>>;
}

/** Between two words about somebody who goes on typing: clients wait for ten seconds. */
const againMs = 4000;

/** Nobody types for longer without another word from Matrix. */
const longestMs = 120_000;

/** More are not shown at a time. */
const mostTypists = 500;

const nothing = (): Promise<void> => Promise.resolve();

export class Typing {
  private readonly rooms = new Map<string, Map<string, Typist>>();
  private again: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly say: SayTyping,
    private readonly now: () => number = Date.now,
  ) {}

  /** These type in a room, and nobody else any more. */
  show(room: string, who: readonly string[]): void {
    for (const username of this.rooms.get(room)?.keys() ?? []) {
      if (!who.includes(username)) this.stop(room, username);
    }
    for (const username of who) {
      if (this.count() < mostTypists) this.begin(room, username);
    }
    this.goOn();
  }

  /** Somebody types no more. */
  stop(room: string, username: string): void {
    const typists = this.rooms.get(room);
    const typist = typists?.get(username);
    if (typists === undefined || typist === undefined) return;
    typists.delete(username);
    if (typists.size === 0) this.rooms.delete(room);
    void typist.stop.then((stop) => stop()).catch(nothing);
  }

  /** Forgets everybody; clients do so by themselves. */
  clear(): void {
    clearTimeout(this.again);
    this.again = undefined;
    this.rooms.clear();
  }

  private begin(room: string, username: string): void {
    const typists = this.rooms.get(room) ?? new Map<string, Typist>();
    this.rooms.set(room, typists);
    const since = this.now();
    const known = typists.get(username);
    if (known === undefined) typists.set(username, { since, stop: this.said(room, username) });
    else known.since = since;
  }

  private said(room: string, username: string): Promise<() => Promise<void>> {
    return this.say(room, username).catch(() => nothing);
  }

  private goOn(): void {
    if (this.again !== undefined || this.rooms.size === 0) return;
    this.again = setTimeout(() => {
      this.again = undefined;
      this.sayAgain();
      this.goOn();
    }, againMs);
    background(this.again);
  }

  private sayAgain(): void {
    for (const [room, typists] of this.rooms) {
      for (const [username, typist] of typists) {
        if (this.now() - typist.since > longestMs) this.stop(room, username);
        else typist.stop = this.said(room, username);
      }
    }
  }

  private count(): number {
    return [...this.rooms.values()].reduce((sum, typists) => sum + typists.size, 0);
  }
}
