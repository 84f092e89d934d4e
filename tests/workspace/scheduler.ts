/**
 * Jobs, with Agenda's habits.
 *
 * Jobs are in the database, processors with each instance. Each instance looks every five seconds for what is
 * due and locks it, so one alone runs it. A one-off job that fails stays as a dead record and is not tried
 * again. The lock of an instance that crashed holds for ten minutes.
 */
import { objectId } from './ids.ts';
import type { JobDoc } from './records.ts';
import { firstRun, nextRun, parseWhen } from './schedule.ts';
import type { Site } from './site.ts';

export interface SchedulerTimes {
  /** Milliseconds between two looks; 5 s on a server. */
  poll: number;
  /** Milliseconds a lock holds; ten minutes on a server. */
  lock: number;
}

export const SERVER_TIMES: SchedulerTimes = { poll: 5_000, lock: 600_000 };

type Processor = (context: object) => Promise<void>;

export class Scheduler {
  private readonly processors = new Map<string, Processor>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly site: Site,
    private readonly times: SchedulerTimes,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => void this.look(), this.times.poll);
    this.timer.unref();
  }

  /** Locks are left as they are: a server that ends does not give them back. */
  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  define(name: string, processor: Processor): void {
    this.processors.set(name, processor);
  }

  async planned(name: string): Promise<boolean> {
    return (await this.site.db.jobs.one((job) => job.name === name && job.type === 'normal')) !== undefined;
  }

  async once(name: string, when: string | Date, data: Record<string, unknown>): Promise<string> {
    const job = {
      _id: objectId(),
      name,
      type: 'normal' as const,
      data,
      nextRunAt: parseWhen(when),
      lockedAt: null,
    };
    return (await this.site.db.jobs.insert(job))._id;
  }

  /** One recurring job a name: asking again changes it, but does not make it run earlier than it would. */
  async every(
    name: string,
    interval: string | number,
    data: Record<string, unknown>,
    skipImmediate = false,
  ): Promise<string> {
    const now = new Date();
    const nextRunAt = skipImmediate ? nextRun(interval, now) : firstRun(interval, now);
    const there = await this.site.db.jobs.one((job) => job.name === name && job.type === 'single');
    if (there !== undefined) {
      await this.site.db.jobs.set(there._id, {
        data,
        repeatInterval: interval,
        ...(nextRunAt > now && { nextRunAt }),
      });
      return there._id;
    }
    const job = {
      _id: objectId(),
      name,
      type: 'single' as const,
      data,
      repeatInterval: interval,
      nextRunAt,
      lockedAt: null,
    };
    return (await this.site.db.jobs.insert(job))._id;
  }

  /** By a job's id, or by its name. */
  async cancel(given: string): Promise<void> {
    const [id = ''] = given.split('_');
    const isId = /^[0-9a-f]{24}$/.test(id);
    await this.site.db.jobs.remove((job) => (isId ? job._id === id : job.name === given));
  }

  async cancelAll(appId: string): Promise<void> {
    await this.site.db.jobs.remove(({ name }) => name.endsWith(`_${appId}`));
  }

  /** What the timer does: lock what is due and run it. Tests may call it instead of waiting. */
  async look(): Promise<void> {
    const now = new Date();
    const free = ({ lockedAt }: JobDoc): boolean =>
      lockedAt === null || lockedAt.getTime() < now.getTime() - this.times.lock;
    const due = (job: JobDoc): boolean =>
      this.processors.has(job.name) && job.nextRunAt !== null && job.nextRunAt <= now && free(job);
    const running = (await this.site.db.jobs.find(due)).map(async ({ _id }) => {
      let mine: JobDoc | undefined;
      await this.site.db.jobs.change(_id, (job) => {
        if (!due(job)) return {};
        mine = job;
        return { lockedAt: now };
      });
      if (mine !== undefined && !this.stopped) await this.run(mine);
    });
    await Promise.all(running);
  }

  private async run(job: JobDoc): Promise<void> {
    const { appId: _, ...data } = job.data;
    const started = new Date();
    const next = job.repeatInterval === undefined ? null : nextRun(job.repeatInterval, started);
    try {
      await this.processors.get(job.name)?.({ ...data, jobId: job._id });
      if (job.type === 'normal') await this.site.db.jobs.remove(({ _id }) => _id === job._id);
      else
        await this.site.db.jobs.set(job._id, {
          lockedAt: null,
          lastRunAt: started,
          lastFinishedAt: new Date(),
          nextRunAt: next,
        });
    } catch (error) {
      const { message } = error as Error;
      await this.site.db.jobs.change(job._id, ({ failCount }) => ({
        lockedAt: null,
        lastRunAt: started,
        failedAt: new Date(),
        failReason: message,
        failCount: (failCount ?? 0) + 1,
        nextRunAt: next,
      }));
    }
  }
}
