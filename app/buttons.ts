/** Buttons of the client: the one that opens the administrators' window, and those in it. */

import { UIActionButtonContext } from '@rocket.chat/apps-engine/definition/ui/UIActionButtonContext.js';
import type { IRoom } from '@rocket.chat/apps-engine/definition/rooms';
import type { IUIActionButtonDescriptor } from '@rocket.chat/apps-engine/definition/ui';
import type { IUIKitBaseIncomingInteraction } from '@rocket.chat/apps-engine/definition/uikit/UIKitIncomingInteractionTypes';

import type { Asked } from './commands.ts';
import { nowhere, roomFact } from './inputs/room.ts';
import { userFact } from './inputs/user.ts';

/** A button's id is what it stands for, in the words of the command. */
export const windowButton: IUIActionButtonDescriptor = {
  actionId: 'admin',
  labelI18n: 'window_button',
  context: UIActionButtonContext.USER_DROPDOWN_ACTION,
  when: { hasOneRole: ['admin'] },
};

/** A pressed button, as the engine tells of it. */
export type Pressed = Omit<IUIKitBaseIncomingInteraction, 'room'> & {
  room?: IRoom | undefined;
  actionId: string;
  triggerId: string;
  container?: { type: string; id: string };
};

export function askedBy({ actionId, triggerId, user, room, container }: Pressed): Asked {
  const view = container?.type === 'view' ? container.id : null;
  return {
    user: userFact(user),
    room: room ? roomFact(room) : nowhere,
    words: actionId.split(' '),
    place: { trigger: triggerId, view },
  };
}
