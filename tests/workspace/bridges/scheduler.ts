/** `SchedulerBridge`: jobs go into the workspace's database, processors stay with the instance. */
import type {
  IOnetimeSchedule,
  IProcessor,
  IRecurringSchedule,
} from '@rocket.chat/apps-engine/definition/scheduler/index.js';
import type { Scheduler } from '../scheduler.ts';
import type { Seat } from './seat.ts';

/** The engine hands over its own wrapper, which needs the context alone. */
type Wrapped = Omit<IProcessor, 'processor'> & { processor: (context: object) => Promise<void> };

export function schedulerBridge({ engine }: Seat, scheduler: Scheduler) {
  return new (class extends engine.bridges.SchedulerBridge {
    protected async registerProcessors(processors: IProcessor[], appId: string): Promise<string[]> {
      const started: string[] = [];
      for (const { id, processor, startupSetting: startup } of processors as Wrapped[]) {
        scheduler.define(id, processor);
        if (startup === undefined) continue;
        const { data } = startup;
        if ((startup.type as string) === 'recurring') {
          const { interval, skipImmediate } = startup as IRecurringSchedule & typeof startup;
          started.push(await scheduler.every(id, interval, { ...data, appId }, skipImmediate));
        } else if (!(await scheduler.planned(id))) {
          started.push(
            await scheduler.once(id, (startup as IOnetimeSchedule & typeof startup).when, { ...data, appId }),
          );
        }
      }
      return started;
    }
    protected scheduleOnce({ id, when, data }: IOnetimeSchedule, appId: string): Promise<string> {
      return scheduler.once(id, when, { ...data, appId });
    }
    protected scheduleRecurring(
      { id, interval, skipImmediate, data }: IRecurringSchedule,
      appId: string,
    ): Promise<string> {
      return scheduler.every(id, interval, { ...data, appId }, skipImmediate);
    }
    protected cancelJob(jobId: string): Promise<void> {
      return scheduler.cancel(jobId);
    }
    override cancelAllJobs(appId: string): Promise<void> {
      return scheduler.cancelAll(appId);
    }
  })();
}
