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

export class Log {
  private lines: { level: Level; text: string }[] = [];

  /** `urgent` shows a line in the server's own log at once; it must never write to stdout, the engine's pipe. */
  constructor(private readonly urgent: (text: string) => void = console.error) {}

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
