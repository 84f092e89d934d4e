/** Lets tests wait for a condition: it is looked at again whenever something changed, never by the clock. */

export interface Waiting {
  /** Milliseconds; 10 s unless told. */
  timeout?: number;
}

export class Changes {
  private readonly lookers = new Set<() => void>();
  private pending = false;

  /** Something observable changed. */
  touch(): void {
    if (this.pending) return;
    this.pending = true;
    setImmediate(() => {
      this.pending = false;
      for (const look of [...this.lookers]) look();
    });
  }

  /** Resolves with what `look` finds; on time-out the error says what there was instead. */
  until<Found>(
    what: string,
    look: () => Found | undefined | false,
    { timeout = 10_000 }: Waiting = {},
    seen?: () => string,
  ): Promise<Found> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        this.lookers.delete(again);
        clearTimeout(alarm);
        settle();
      };
      const again = (): void => {
        try {
          const found = look();
          if (found !== undefined && found !== false)
            done(() => {
              resolve(found);
            });
        } catch (error) {
          done(() => {
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        }
      };
      const alarm = setTimeout(() => {
        const there = seen === undefined ? '' : `; there was: ${seen()}`;
        done(() => {
          reject(new Error(`waited ${String(timeout)} ms for ${what}${there}`));
        });
      }, timeout);
      this.lookers.add(again);
      again();
    });
  }
}
