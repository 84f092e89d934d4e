/** Rooms between Rocket.Chat's documents and the Apps' objects. */
import type { IRoom } from '@rocket.chat/apps-engine/definition/rooms/index.js';
import type { RoomDoc } from '../records.ts';
import type { Site } from '../site.ts';
import { mapped, take, type Raw } from './mapped.ts';
import { userById } from './users.ts';

export async function roomToApp(site: Site, room: RoomDoc | undefined): Promise<IRoom | undefined> {
  if (room === undefined) return undefined;
  return (await mapped(room, {
    id: '_id',
    displayName: 'fname',
    slugifiedName: 'name',
    members: 'members',
    userIds: 'uids',
    messageCount: 'msgs',
    createdAt: 'ts',
    updatedAt: '_updatedAt',
    lastModifiedAt: 'lm',
    customFields: 'customFields',
    _USERNAMES: '_USERNAMES',
    description: 'description',
    teamId: 'teamId',
    isTeamMain: 'teamMain',
    isFederated: 'federated',
    federation: 'federation',
    isDefault: (raw) => take(raw, 'default')[0] === true,
    isReadOnly: (raw) => take(raw, 'ro')[0] === true,
    displaySystemMessages: (raw) => (raw['sysMes'] === undefined ? true : take(raw, 'sysMes')[0]),
    type: (raw) => take(raw, 't')[0],
    creator: async (raw) => {
      const [u] = take(raw, 'u') as [RoomDoc['u']];
      return u && userById(site, u._id);
    },
    parentRoom: async (raw) => {
      const [prid] = take(raw, 'prid') as [string | undefined];
      return prid === undefined ? undefined : roomById(site, prid);
    },
  })) as unknown as IRoom;
}

export async function roomById(site: Site, id: string): Promise<IRoom | undefined> {
  return roomToApp(site, await site.db.rooms.byId(id));
}

/** The flat form in which lists of rooms reach an App. */
export async function roomToAppRaw(room: RoomDoc): Promise<Raw> {
  return mapped(room, {
    id: '_id',
    displayName: 'fname',
    slugifiedName: 'name',
    userIds: 'uids',
    usernames: 'usernames',
    messageCount: 'msgs',
    createdAt: 'ts',
    updatedAt: '_updatedAt',
    lastModifiedAt: 'lm',
    customFields: 'customFields',
    description: 'description',
    teamId: 'teamId',
    isTeamMain: 'teamMain',
    isDefault: 'default',
    isReadOnly: 'ro',
    parentRoomId: 'prid',
    displaySystemMessages: (raw) => take(raw, 'sysMes')[0] ?? true,
    type: (raw) => take(raw, 't')[0],
    creator: (raw) => take(raw, 'u')[0],
  });
}

type AppRoom = Partial<IRoom> & {
  _unmappedProperties_?: Raw;
  federation?: unknown;
  isFederated?: boolean;
  _USERNAMES?: string[];
};

/** A partial one keeps to what has a name; a whole one ends with the unmapped fields laid over it. */
export async function roomFromApp({ db }: Site, given: IRoom, partial = false): Promise<Partial<RoomDoc>> {
  const room = given as AppRoom;
  const creator = await db.users.byId(room.creator?.id);
  const doc: Raw = {
    ...(room.id && { _id: room.id }),
    ...(room.type !== undefined && { t: room.type }),
    ...(room.createdAt !== undefined && { ts: room.createdAt }),
    ...(room.messageCount !== undefined && { msgs: room.messageCount }),
    ...(room.updatedAt !== undefined && { _updatedAt: room.updatedAt }),
    ...(room.displayName && { fname: room.displayName }),
    ...((room.type as string | undefined) !== 'd' && room.slugifiedName && { name: room.slugifiedName }),
    ...(room.isDefault !== undefined && { default: room.isDefault }),
    ...(room.isReadOnly !== undefined && { ro: room.isReadOnly }),
    ...(room.displaySystemMessages !== undefined && { sysMes: room.displaySystemMessages }),
    ...(creator && { u: { _id: creator._id, username: creator.username, name: creator.name } }),
    ...(room.userIds && { uids: room.userIds }),
    ...(room.lastModifiedAt && { lm: room.lastModifiedAt }),
    ...(room.customFields && { customFields: room.customFields }),
    ...(room.isFederated !== undefined && { federated: room.isFederated }),
    ...(room.federation !== undefined && { federation: room.federation }),
    ...(room.parentRoom !== undefined && { prid: room.parentRoom.id }),
    ...(room._USERNAMES && { _USERNAMES: room._USERNAMES }),
  };
  if (!partial) Object.assign(doc, room._unmappedProperties_);
  return doc;
}
