/** `/federation`, as Rocket.Chat knows it; what its words mean is decided in the core. */

import type {
  IHttp,
  ILogger,
  IModify,
  IPersistence,
  IRead,
} from '@rocket.chat/apps-engine/definition/accessors';
import type { ISlashCommand, SlashCommandContext } from '@rocket.chat/apps-engine/definition/slashcommands';

import { roomFact } from './inputs/room.ts';
import { userFact } from './inputs/user.ts';
import type { Logging } from './log.ts';
import type { Input } from './protocol.ts';

/** What somebody asked for, by a command or a button. */
export type Asked = Omit<Extract<Input, { kind: 'command' }>, 'kind'>;

export interface CommandCalls {
  command(asked: Asked, logger: ILogger): Promise<void>;
  /** Commands bring the accessors for writing. */
  take(persistence: IPersistence, modify: IModify): void;
}

/**
 * A plain object: the engine sends it to its own process, so it must lead to nothing of ours but the App,
 * which the engine leaves out. At a call that has the call's logger.
 */
export function federationCommand(calls: CommandCalls, app: Logging): ISlashCommand & { app: Logging } {
  return {
    app,
    command: 'federation',
    i18nParamsExample: 'command_params',
    i18nDescription: 'command_description',
    providesPreview: false,
    async executor(
      this: { app: Logging } | undefined,
      context: SlashCommandContext,
      _read: IRead,
      modify: IModify,
      _http: IHttp,
      persistence: IPersistence,
    ): Promise<void> {
      calls.take(persistence, modify);
      const trigger = context.getTriggerId();
      const asked = {
        user: userFact(context.getSender()),
        room: roomFact(context.getRoom()),
        words: context.getArguments(),
        place: trigger === undefined ? null : { trigger, view: null },
      };
      await calls.command(asked, (this?.app ?? app).getLogger());
    },
  };
}
