/** The scheduler's part: a rare job in case timers fail, and the way to be called by the engine. */

import type {
  IConfigurationModify,
  ILogger,
  IModify,
  IPersistence,
  IRead,
  IHttp,
} from '@rocket.chat/apps-engine/definition/accessors';
import { type IProcessor, StartupType } from '@rocket.chat/apps-engine/definition/scheduler/IProcessor.js';

import type { Logging } from './log.ts';

const id = 'backstop';

export interface BackstopCalls {
  beat(): Promise<void>;
  /** Jobs bring the accessors for writing. */
  take(persistence: IPersistence, modify: IModify): void;
  /** Jobs bring a logger, which stores what timers said. */
  flush(logger: ILogger): void;
}

/** Once a minute on one server of the workspace; every run leaves an entry in the App's log, so not more often. */
export function backstop(calls: BackstopCalls, app: Logging): IProcessor {
  return {
    id,
    startupSetting: { type: StartupType.RECURRING, interval: '1 minute' },
    // The engine binds the App with this run's logger; older ones bind nothing, and the App has it itself.
    async processor(
      this: Partial<Logging> | undefined,
      _job: object,
      _read: IRead,
      modify: IModify,
      _http: IHttp,
      persistence: IPersistence,
    ): Promise<void> {
      calls.take(persistence, modify);
      await calls.beat();
      calls.flush(this?.getLogger?.() ?? app.getLogger());
    },
  };
}

/** Asks the engine for one call: a start leaves the App without the accessors that only calls bring. */
export function requestJob(configure: IConfigurationModify): void {
  configure.scheduler.scheduleOnce({ id, when: new Date() }).catch(() => undefined);
}
