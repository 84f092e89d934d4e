/** `/federation`, as Rocket.Chat knows it; what its words mean is decided in the core. */

import type { IHttp, IModify, IPersistence, IRead } from '@rocket.chat/apps-engine/definition/accessors';
import type { ISlashCommand, SlashCommandContext } from '@rocket.chat/apps-engine/definition/slashcommands';

import { roomFact } from './inputs/room.ts';
import { userFact } from './inputs/user.ts';
import type { Input } from './protocol.ts';

export interface CommandCalls {
  submit(input: Input): Promise<unknown>;
  /** Commands bring the accessors for writing. */
  take(persistence: IPersistence, modify: IModify): void;
}

/** A plain object: the engine sends it to its own process, so it must lead to nothing of ours. */
export function federationCommand(calls: CommandCalls): ISlashCommand {
  return {
    command: 'federation',
    i18nParamsExample: 'command_params',
    i18nDescription: 'command_description',
    providesPreview: false,
    executor: async (
      context: SlashCommandContext,
      _read: IRead,
      modify: IModify,
      _http: IHttp,
      persistence: IPersistence,
    ): Promise<void> => {
      calls.take(persistence, modify);
      const [user, room] = [userFact(context.getSender()), roomFact(context.getRoom())];
      await calls.submit({ kind: 'command', user, room, words: context.getArguments() });
    },
  };
}
