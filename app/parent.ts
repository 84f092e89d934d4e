/**
 * Notices that the workspace's process is gone.
 *
 * The engine's runtime does not: an App with a listener would live on as an orphan and keep its port. A
 * dead parent shows in the number of the parent process; a parent that hangs, or a system that does not
 * tell, shows in a question that is not answered.
 */

import { within } from './within.ts';

/** An answer takes milliseconds; a workspace busy with a large upload stops for ten seconds. */
const patience = 30_000;

export interface ParentEvents {
  /** The workspace does not answer. */
  lost(): void;
  /** It answers again. */
  found(): void;
  /** The parent process has ended. */
  gone(): void;
}

export class Parent {
  private readonly first: number | undefined;
  private asking = false;

  constructor(
    private readonly ask: () => Promise<unknown>,
    private readonly events: ParentEvents,
    private readonly limit = patience,
    private readonly id: () => number | undefined = parentId,
  ) {
    this.first = id();
  }

  /** Looks once; called again and again. */
  look(): void {
    if (this.id() !== this.first) {
      this.events.gone();
      return;
    }
    if (!this.asking) void this.question();
  }

  /** The question itself stays open, so that an answer which comes late is heard. */
  private async question(): Promise<void> {
    this.asking = true;
    // A refusal is an answer as well.
    const answer = this.ask().catch(() => undefined);
    try {
      await within(this.limit, 'the workspace', answer);
    } catch {
      this.events.lost();
      await answer;
      this.events.found();
    } finally {
      this.asking = false;
    }
  }
}

function parentId(): number | undefined {
  return typeof process === 'undefined' ? undefined : process.ppid;
}
