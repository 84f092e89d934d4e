/** Rocket.Chat's users, messages, members and notices. */

import type { IMessage, IMessageRaw, Reaction } from '@rocket.chat/apps-engine/definition/messages';
import type { IRoom } from '@rocket.chat/apps-engine/definition/rooms';
import { RoomType } from '@rocket.chat/apps-engine/definition/rooms/RoomType.js';
import type { IUser } from '@rocket.chat/apps-engine/definition/users';
import { UserType } from '@rocket.chat/apps-engine/definition/users/UserType.js';

import { messageFact, rawMessageFact } from '../inputs/message.ts';
import { unmapped } from '../inputs/unmapped.ts';
import { roomFact } from '../inputs/room.ts';
import { unknownUser, userFact } from '../inputs/user.ts';
import type { Effect, Message, Room, User } from '../protocol.ts';
import type { Accessors } from './accessors.ts';
import { Files } from './files.ts';
import { Windows } from './windows.ts';

type NewMessage = Extract<Effect, { kind: 'createMessage' }>;

/** What the server gives at most. */
const mostRecent = 100;

export class RocketChat {
  readonly windows: Windows;
  readonly files: Files;

  constructor(private readonly accessors: Accessors) {
    this.windows = new Windows(accessors);
    this.files = new Files(accessors);
  }

  async userByName(username: string): Promise<User | null> {
    const user = await this.rawUser(username);
    return user ? userFact(user) : null;
  }

  async room(id: string): Promise<Room | null> {
    const room = await this.accessors.read.getRoomReader().getById(id);
    return room ? roomFact(room) : null;
  }

  async roomByName(name: string): Promise<Room | null> {
    const room = await this.accessors.read.getRoomReader().getByName(name);
    return room ? roomFact(room) : null;
  }

  async userById(id: string): Promise<User | null> {
    const user = (await this.accessors.read.getUserReader().getById(id)) as IUser | null;
    return user ? userFact(user) : null;
  }

  async message(id: string): Promise<Message | null> {
    const message = await this.rawMessage(id);
    return message ? messageFact(message) : null;
  }

  async recent(room: string, skip: number, limit: number): Promise<Message[]> {
    const options = {
      skip,
      limit: Math.min(limit, mostRecent),
      sort: { createdAt: 'desc' },
    } as const;
    const messages = await this.accessors.read.getRoomReader().getMessages(room, options);
    const senders = await this.senders(messages);
    return messages.map((message) => {
      const { _id, username, name } = message.sender;
      return rawMessageFact(message, senders.get(_id) ?? unknownUser(_id, username, name ?? ''));
    });
  }

  /** A username is unique: whoever comes second finds the first's user. */
  async createUser(username: string, name: string): Promise<void> {
    const { modify } = await this.accessors.writing();
    const creator = modify.getCreator();
    // The engine refuses an empty display name.
    const data = {
      username,
      name: name || username,
      type: UserType.BOT,
      roles: ['bot'],
      isEnabled: true,
    };
    const user = creator.startBotUser(data as Partial<IUser> as Parameters<typeof creator.startBotUser>[0]);
    await made(creator.finish(user), 'users', async () => this.rawUser(username));
  }

  /** A message's id is unique: whoever comes second finds the first's message. */
  async createMessage({ id, room, sender, text, alias, avatar, thread }: NewMessage): Promise<void> {
    const { modify } = await this.accessors.writing();
    const creator = modify.getCreator();
    const user = await this.user(sender);
    // The builder drops `id`, but what is unmapped is laid over the finished record.
    const data = {
      room: { id: room } as IRoom,
      sender: user,
      text,
      ...(alias ? { alias } : {}),
      ...(avatar ? { avatarUrl: avatar } : {}),
      ...(thread ? { threadId: thread } : {}),
      _unmappedProperties_: { _id: id },
    };
    const reader = this.accessors.read.getMessageReader();
    await made(creator.finish(creator.startMessage(data)), 'messages', async () => reader.getById(id));
  }

  async editMessage(id: string, editor: string, text: string): Promise<void> {
    const { modify } = await this.accessors.writing();
    if (!(await this.rawMessage(id))) return;
    const updater = modify.getUpdater();
    const builder = await updater.message(id, await this.user(editor));
    await updater.finish(builder.setText(text));
  }

  async deleteMessage(id: string, by: string): Promise<void> {
    const { modify } = await this.accessors.writing();
    const message = await this.rawMessage(id);
    if (message) await modify.getDeleter().deleteMessage(message, await this.user(by));
  }

  async addMember(room: string, username: string): Promise<void> {
    const { modify } = await this.accessors.writing();
    const updater = modify.getUpdater();
    const appUser = await this.appUser();
    const builder = await updater.room(room, appUser);
    const found = builder.getRoom() as { id?: string; creator?: IUser };
    if (found.id === undefined) throw new Error(`there is no room ${room}`);
    // The engine insists on a creator, and the workspace's first channel has none. Said this way it stays unsaved.
    found.creator ??= appUser;
    await updater.finish(builder.addMemberToBeAddedByUsername(username));
  }

  async removeMember(room: string, username: string): Promise<void> {
    const { modify } = await this.accessors.writing();
    await modify.getDeleter().removeUsersFromRoom(room, [username]);
  }

  async notify(room: string, user: string, text: string): Promise<void> {
    const notifier = this.accessors.read.getNotifier();
    const [to, sender] = await Promise.all([
      this.accessors.read.getUserReader().getById(user),
      this.appUser(),
    ]);
    if (!(to as IUser | null)) throw new Error(`there is no user with the id ${user}`);
    await notifier.notifyUser(to, {
      room: { id: room } as IRoom,
      sender,
      text,
    });
  }

  /** Where the workspace keeps the history of its messages, deleted ones are hidden. */
  private async rawMessage(id: string): Promise<IMessage | null> {
    const message = await this.accessors.read.getMessageReader().getById(id);
    return message && unmapped(message)._hidden !== true ? message : null;
  }

  async user(username: string): Promise<IUser> {
    const user = await this.rawUser(username);
    if (!user) throw new Error(`there is no user ${username}`);
    return user;
  }

  /** A reaction of the App's own user. */
  async mark(message: string, emoji: string, on: boolean): Promise<void> {
    await this.react(message, await this.appUser(), { emoji, on });
  }

  /** Doing it twice is doing it once: what the server is asked to take away without its being there, it adds. */
  async react(
    message: string,
    { id, username }: Pick<IUser, 'id' | 'username'>,
    { emoji, on }: { emoji: string; on: boolean },
  ): Promise<void> {
    const { modify } = await this.accessors.writing();
    const updater = modify.getUpdater().getMessageUpdater();
    if (on) return updater.addReaction(message, id, emoji as Reaction);
    const found = await this.message(message);
    const there = found?.reactions.some((one) => one.emoji === emoji && one.users.includes(username));
    if (there) await updater.removeReaction(message, id, emoji as Reaction);
  }

  /** Gives the way to say that they stopped. */
  async typing(room: string, username: string): Promise<() => Promise<void>> {
    return this.accessors.read.getNotifier().typing({ id: room, username });
  }

  async direct(usernames: string[]): Promise<Room | null> {
    const reader = this.accessors.read.getRoomReader();
    const room = (await reader.getDirectByUsernames(usernames)) as IRoom | null | undefined;
    return room ? roomFact(room) : null;
  }

  async members(room: string): Promise<User[]> {
    const members = await this.accessors.read.getRoomReader().getMembers(room);
    return members.map(userFact);
  }

  /** There is one direct message for each set of people: whoever comes second finds the first's. */
  async openDirect(creator: string, usernames: string[]): Promise<void> {
    const { modify } = await this.accessors.writing();
    const opener = await this.rawUser(creator);
    if (!opener) throw new Error(`there is no user ${creator}`);
    const creating = modify.getCreator();
    const builder = creating.startRoom().setType(RoomType.DIRECT_MESSAGE).setCreator(opener);
    builder.setMembersToBeAddedByUsernames(usernames);
    await made(creating.finish(builder), 'direct messages', async () => this.direct(usernames));
    if (!(await this.direct(usernames))) throw new Error('the workspace opened another direct message');
  }

  async tellRoom(id: string, room: string, text: string): Promise<void> {
    const sender = (await this.appUser()).username;
    return this.createMessage({
      kind: 'createMessage',
      id,
      room,
      sender,
      text,
      alias: null,
      avatar: null,
      thread: null,
    });
  }

  async tellUser(id: string, username: string, text: string): Promise<void> {
    const own = (await this.appUser()).username;
    await this.openDirect(own, [own, username]);
    const room = await this.direct([own, username]);
    if (room) await this.tellRoom(id, room.id, text);
  }

  private async rawUser(username: string): Promise<IUser | null> {
    return this.accessors.read.getUserReader().getByUsername(username);
  }

  private async appUser(): Promise<IUser> {
    const user = await this.accessors.read.getUserReader().getAppUser();
    if (!user) throw new Error('the App has no user of its own');
    return user;
  }

  private async senders(messages: IMessageRaw[]): Promise<Map<string, User>> {
    const ids = [...new Set(messages.map(({ sender }) => sender._id))];
    const reader = this.accessors.read.getUserReader();
    const users: (IUser | null)[] = await Promise.all(ids.map((id) => reader.getById(id)));
    return new Map(users.filter((user) => user !== null).map((user) => [user.id, userFact(user)]));
  }
}

/**
 * Waits for a record to be made. A failure does not tell whether it was made before or refused, so the
 * record is looked for; and where a permission is missing the engine gives no id and no error.
 */
async function made(making: Promise<string>, what: string, look: () => Promise<unknown>): Promise<void> {
  let id: string;
  try {
    id = await making;
  } catch (error) {
    if (await look()) return;
    throw error;
  }
  if (!id || id === 'null' || id === 'undefined')
    throw new Error(`the workspace does not let the App create ${what}`);
}
