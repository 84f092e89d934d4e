/** `RoomBridge`: what an App does to rooms. */
import type { IMessage, IMessageRaw } from '@rocket.chat/apps-engine/definition/messages/index.js';
import type { IRoom, IRoomRaw } from '@rocket.chat/apps-engine/definition/rooms/index.js';
import type { IUser } from '@rocket.chat/apps-engine/definition/users/index.js';
import type {
  GetMessagesOptions,
  GetRoomsFilters,
  GetRoomsOptions,
} from '@rocket.chat/apps-engine/server/bridges/RoomBridge.js';
import { messageToAppRaw } from '../convert/messages.ts';
import { roomById, roomFromApp, roomToApp, roomToAppRaw } from '../convert/rooms.ts';
import { userById, userToApp } from '../convert/users.ts';
import { addUserToRoom, removeUserFromRoom } from '../membership.ts';
import { createDirect, createDiscussion, createRoom, deleteRoom } from '../rooms.ts';
import type { MessageDoc, UserDoc } from '../records.ts';
import type { Seat } from './seat.ts';

/** At once no more users than this are taken out of a room. */
const REMOVED_AT_ONCE = 50;

export function roomBridge({ engine, site }: Seat) {
  const { db } = site;
  return new (class extends engine.bridges.RoomBridge {
    protected async create(room: IRoom, members: string[]): Promise<string> {
      const { name, t, ro, customFields: _, _id: __, ...extra } = await roomFromApp(site, room);
      const owner = await person(room.creator.id);
      if (t === 'd') return (await createDirect(site, owner, members))._id;
      if (t !== 'c' && t !== 'p')
        throw new Error('Only channels, private groups and direct messages can be created.');
      return (await createRoom(site, { t, name: name ?? '', owner, members, readOnly: ro === true, extra }))
        ._id;
    }
    protected async createDiscussion(
      room: IRoom,
      parentMessage: IMessage | undefined,
      reply: string | undefined,
      members: string[],
    ): Promise<string> {
      const { prid, fname } = await roomFromApp(site, room);
      const creator = await person(room.creator.id);
      const made = await createDiscussion(site, creator, prid ?? '', fname ?? '', members);
      if (parentMessage?.id) await db.messages.set(parentMessage.id, { drid: made._id });
      return made._id;
    }
    protected async getById(id: string): Promise<IRoom> {
      return (await roomById(site, id)) as IRoom;
    }
    protected async getByName(name: string): Promise<IRoom> {
      return (await roomToApp(site, await db.rooms.one((room) => room.name === name))) as IRoom;
    }
    protected async getCreatorById(id: string): Promise<IUser | undefined> {
      return userById(site, (await db.rooms.byId(id))?.u?._id);
    }
    protected async getCreatorByName(name: string): Promise<IUser | undefined> {
      return userById(site, (await db.rooms.one((room) => room.name === name))?.u?._id);
    }
    protected async getDirectByUsernames(usernames: string[]): Promise<IRoom | undefined> {
      const wanted = [...usernames].sort().join();
      return roomToApp(
        site,
        await db.rooms.one((room) => room.t === 'd' && [...(room.usernames ?? [])].sort().join() === wanted),
      );
    }
    protected async getMembers(id: string): Promise<IUser[]> {
      const subscriptions = await db.subscriptions.find(({ rid }) => rid === id);
      return Promise.all(subscriptions.map(async ({ u }) => (await userById(site, u._id)) as IUser));
    }
    protected async getAllRooms(
      { types, discussions, teams }: GetRoomsFilters,
      { limit, skip = 0 }: GetRoomsOptions,
    ): Promise<IRoomRaw[]> {
      const rooms = await db.rooms.find(
        (room) =>
          (types === undefined || (types as string[]).includes(room.t)) &&
          (discussions === undefined || (room.prid !== undefined) === discussions) &&
          (teams === undefined || (room['teamMain'] === true) === teams),
      );
      return (await Promise.all(
        rooms.slice(skip, limit === undefined ? undefined : skip + limit).map(roomToAppRaw),
      )) as unknown as IRoomRaw[];
    }
    protected async update(room: IRoom, members: string[]): Promise<void> {
      if (!(await db.rooms.set(room.id, await roomFromApp(site, room, true))))
        throw new Error('Room id not found');
      for (const username of members) {
        const user = await db.users.one((one) => one.username === username);
        if (user !== undefined) await addUserToRoom(site, room.id, user);
      }
    }
    protected delete(id: string): Promise<void> {
      return deleteRoom(site, id);
    }
    protected getModerators(id: string): Promise<IUser[]> {
      return withRole(id, 'moderator');
    }
    protected getOwners(id: string): Promise<IUser[]> {
      return withRole(id, 'owner');
    }
    protected getLeaders(id: string): Promise<IUser[]> {
      return withRole(id, 'leader');
    }
    protected async getMessages(
      id: string,
      { limit, skip = 0, sort, showThreadMessages }: Omit<GetMessagesOptions, 'skip'> & { skip?: number },
    ): Promise<IMessageRaw[]> {
      const found = await db.messages.find(
        (message) =>
          message.rid === id &&
          message.t === undefined &&
          message['_hidden'] !== true &&
          (showThreadMessages || message.tmid === undefined),
      );
      return list(byTime(found, (sort as { createdAt?: string } | undefined)?.createdAt), skip, limit);
    }
    protected async getUnreadByUser(
      id: string,
      uid: string,
      { limit, skip, sort }: GetMessagesOptions,
    ): Promise<IMessageRaw[]> {
      const since = await lastSeen(id, uid);
      const found = await db.messages.find(
        ({ rid, ts, t }) => rid === id && t === undefined && since !== undefined && ts > since,
      );
      return list(
        byTime(found, (sort as { createdAt?: string } | undefined)?.createdAt ?? 'asc'),
        skip,
        limit,
      );
    }
    protected async getUserUnreadMessageCount(id: string, uid: string): Promise<number> {
      const since = await lastSeen(id, uid);
      return (
        await db.messages.find(
          ({ rid, ts, t }) => rid === id && t === undefined && since !== undefined && ts > since,
        )
      ).length;
    }
    protected async removeUsers(id: string, usernames: string[]): Promise<void> {
      const users = await db.users.find(({ username }) => usernames.includes(username));
      await Promise.all(users.slice(0, REMOVED_AT_ONCE).map((user) => removeUserFromRoom(site, id, user)));
    }
  })();

  async function person(id: string): Promise<UserDoc> {
    const user = await db.users.byId(id);
    if (user === undefined) throw new Error('Invalid user');
    return user;
  }

  async function withRole(id: string, role: string): Promise<IUser[]> {
    const uids = (
      await db.subscriptions.find(({ rid, roles }) => rid === id && roles?.includes(role) === true)
    ).map(({ u }) => u._id);
    return (await db.users.find(({ _id }) => uids.includes(_id))).map((user) => userToApp(user) as IUser);
  }

  async function lastSeen(id: string, uid: string): Promise<Date | undefined> {
    const subscription = await db.subscriptions.one(({ rid, u }) => rid === id && u._id === uid);
    if (subscription === undefined) throw new Error('User not subscribed to room');
    return subscription.ls;
  }
}

function byTime(messages: MessageDoc[], order: string | undefined): MessageDoc[] {
  if (order === undefined) return messages;
  return messages.sort((one, other) => (one.ts.getTime() - other.ts.getTime()) * (order === 'desc' ? -1 : 1));
}

async function list(messages: MessageDoc[], skip: number, limit: number): Promise<IMessageRaw[]> {
  return (await Promise.all(
    messages.slice(skip, skip + limit).map(messageToAppRaw),
  )) as unknown as IMessageRaw[];
}
