/**
 * The App's log.
 *
 * The engine stores what a request's logger holds when that request ends, and nothing else: a line said by
 * a timer would be lost. So lines wait here for the next request and are given to its logger.
 */

import type { ILogger } from '@rocket.chat/apps-engine/definition/accessors';

import type { Level } from './protocol.ts';

/** More lines than this, and the oldest go. */
const mostLines = 500;

/** One line of a kind of trouble in so many milliseconds. */
const troubleMs = 60_000;

export class Log {
  private lines: { level: Level; text: string }[] = [];
  private readonly troubles = new Map<string, { at: number; unsaid: number }>();

  /** `urgent` shows a line in the server's own log at once; it must never write to stdout, the engine's pipe. */
  constructor(
    private readonly urgent: (text: string) => void = console.error,
    private readonly now: () => number = Date.now,
  ) {}

  info(text: string): void {
    this.say('info', text);
  }

  warn(text: string): void {
    this.say('warn', text);
  }

  error(text: string): void {
    this.say('error', text);
  }

  say(level: Level, text: string): void {
    this.lines.push({ level, text });
    if (this.lines.length > mostLines) this.lines.shift();
    if (level !== 'info') this.urgent(`Matrix Federation: ${text}`);
  }

  /** Says what may come again and again: of each kind one line a minute, with how many were left out. */
  trouble(kind: string, level: Level, text: string): void {
    const now = this.now();
    const last = this.troubles.get(kind);
    if (last !== undefined && now - last.at < troubleMs) {
      last.unsaid++;
      return;
    }
    this.troubles.set(kind, { at: now, unsaid: 0 });
    const more = last !== undefined && last.unsaid > 0 ? ` (${last.unsaid} more since the last line)` : '';
    this.say(level, text + more);
  }

  /** Hands the waiting lines to the logger of a request that is still under way. */
  flush(logger: ILogger): void {
    for (const { level, text } of this.lines.splice(0)) logger[level](text);
  }
}

/** The App as the engine binds it to a call: with the call's logger. */
export interface Logging {
  getLogger(): ILogger;
}

/** What a thrown value says. */
export function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
