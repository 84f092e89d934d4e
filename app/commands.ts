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
import type { Room, User } from './protocol.ts';

export interface CommandCalls {
  command(user: User, room: Room, words: string[], logger: ILogger): Promise<void>;
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
      const [user, room] = [userFact(context.getSender()), roomFact(context.getRoom())];
      await calls.command(user, room, context.getArguments(), (this?.app ?? app).getLogger());
    },
  };
}
