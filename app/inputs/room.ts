/** A Rocket.Chat room as a fact. */

import type { IRoom } from '@rocket.chat/apps-engine/definition/rooms';

import type { Room, RoomKind } from '../protocol.ts';
import { unmapped } from './unmapped.ts';

/** Direct rooms have no name, whatever the definitions promise. */
type KnownRoom = Pick<IRoom, 'id'> & {
  [Field in 'type' | 'displayName' | 'slugifiedName']?: IRoom[Field] | undefined;
};

const kinds: Readonly<Record<string, RoomKind>> = {
  c: 'channel',
  p: 'group',
  d: 'direct',
};

/** Where somebody is who is in no room. */
export const nowhere: Room = {
  id: '',
  name: '',
  kind: 'other',
  encrypted: false,
};

export function roomFact(room: KnownRoom): Room {
  return {
    id: room.id,
    name: [room.displayName, room.slugifiedName].find(Boolean) ?? '',
    kind: kinds[room.type ?? ''] ?? 'other',
    encrypted: unmapped(room).encrypted === true,
  };
}
