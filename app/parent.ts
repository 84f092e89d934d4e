/**
 * Notices that the workspace's process is gone.
 *
 * The engine's runtime does not: an App with a listener would live on as an orphan and keep its port. A
 * dead parent shows in the number of the parent process. A parent that hangs, or has only let go of us,
 * shows in a question that is not answered.
 */

import { Pace, within } from './within.ts';

export const patience = {
  /** An answer takes milliseconds, but a workspace busy with a large upload stops for ten seconds. */
  usual: 30_000,
  /** Once there is a reason to doubt. */
  doubtful: 3000,
  /** Between two questions to a parent that is lost. */
  again: 5000,
};

export interface ParentEvents {
  /** The workspace does not answer. */
  lost(): void;
  /** It answers again. */
  found(): void;
  /** It has ended. */
  gone(): void;
}

export class Parent {
  private readonly first: number | undefined;
  private asking = false;
  /** What is asked while the parent is lost. */
  private search: { pace: Pace; found: () => void } | undefined;

  constructor(
    private readonly ask: () => Promise<unknown>,
    private readonly events: ParentEvents,
    private readonly waits = patience,
    private readonly id: () => number | undefined = parentId,
  ) {
    this.first = id();
  }

  /** Looks once; to be called again and again. */
  look(): void {
    if (this.id() !== this.first) this.events.gone();
    else if (!this.asking) void this.question();
    else if (this.search?.pace.due()) void this.answer().then(this.search.found);
  }

  /** Something looked as if the pipe to the parent were broken. */
  async doubt(): Promise<void> {
    try {
      await within(this.waits.doubtful, 'the workspace', this.answer());
    } catch {
      this.events.gone();
    }
  }

  /** The question itself stays open, so that an answer which comes late is heard; one to a later question counts too. */
  private async question(): Promise<void> {
    this.asking = true;
    const answer = this.answer();
    try {
      await within(this.waits.usual, 'the workspace', answer);
    } catch {
      this.events.lost();
      await new Promise<void>((found) => {
        this.search = { pace: new Pace(this.waits.again), found };
        void answer.then(found);
      });
      this.search = undefined;
      this.events.found();
    } finally {
      this.asking = false;
    }
  }

  /** A refusal is an answer as well. */
  private async answer(): Promise<void> {
    await this.ask().catch(() => undefined);
  }
}

/**
 * Calls back when something wrote into a broken pipe without noticing, as the runtime does once nobody reads
 * what it says. It may have been another pipe. Gives the way to stop listening.
 */
export function watchPipe(broken: () => void): () => void {
  const look = (error: unknown): void => {
    const { name, code } = (error ?? {}) as { name?: string; code?: string };
    if (name === 'BrokenPipe' || code === 'EPIPE') broken();
  };
  if (typeof addEventListener === 'function') {
    const listener = (event: PromiseRejectionEvent): void => {
      look(event.reason);
    };
    addEventListener('unhandledrejection', listener);
    return () => {
      removeEventListener('unhandledrejection', listener);
    };
  }
  process.on('uncaughtExceptionMonitor', look);
  return () => {
    process.off('uncaughtExceptionMonitor', look);
  };
}

/** Ends the process. Should a parent be there after all, the code makes it start another. */
export function endProcess(): void {
  if (typeof process !== 'undefined') process.exit(1);
}

function parentId(): number | undefined {
  return typeof process === 'undefined' ? undefined : process.ppid;
}
