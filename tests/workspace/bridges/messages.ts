/** `MessageBridge`: what an App does to messages. */
import type { IMessage, Reaction } from '@rocket.chat/apps-engine/definition/messages/index.js';
import type { IRoom } from '@rocket.chat/apps-engine/definition/rooms/index.js';
import type { IUser } from '@rocket.chat/apps-engine/definition/users/index.js';
import type { ITypingDescriptor } from '@rocket.chat/apps-engine/server/bridges/MessageBridge.js';
import { messageFromApp, messageToApp } from '../convert/messages.ts';
import { userFromApp } from '../convert/users.ts';
import { deleteMessage, react, updateMessage } from '../edits.ts';
import { sendMessage, type NewMessage } from '../messages.ts';
import type { MessageDoc, UserDoc } from '../records.ts';
import type { Seat } from './seat.ts';

export function messageBridge({ engine, site }: Seat) {
  const { ws, db } = site;
  return new (class extends engine.bridges.MessageBridge {
    protected async create(message: IMessage): Promise<string> {
      const given = (await messageFromApp(site, message)) as NewMessage & { u: { _id: string } };
      const sent = await sendMessage(site, given.u._id, given);
      // Prevented or doubled: the same missing answer, and so the same error, as on a server.
      return (sent as MessageDoc)._id;
    }
    protected async update(message: IMessage): Promise<void> {
      const editor = await db.users.byId(message.editor?.id);
      if (editor === undefined) throw new Error('Invalid editor assigned to the message for the update.');
      await updateMessage(site, await messageFromApp(site, message, true), editor);
    }
    protected async getById(id: string): Promise<IMessage> {
      return (await messageToApp(site, await db.messages.byId(id))) as IMessage;
    }
    protected async delete(message: IMessage, user: IUser): Promise<void> {
      if (!message.id) throw new Error('Invalid message id');
      await deleteMessage(site, message.id, (await db.users.byId(user.id)) ?? (userFromApp(user) as UserDoc));
    }
    protected async notifyUser(user: IUser, message: IMessage): Promise<void> {
      const doc = await messageFromApp(site, message);
      ws.notices.add(user.id, doc.rid ?? '', doc.msg ?? '', doc);
    }
    protected async notifyRoom(room: IRoom, message: IMessage): Promise<void> {
      const doc = await messageFromApp(site, message);
      for (const { u } of await db.subscriptions.find(({ rid }) => rid === room.id))
        ws.notices.add(u._id, room.id, doc.msg ?? '', doc);
    }
    protected typing({ scope, id, username, isTyping }: ITypingDescriptor): Promise<void> {
      if ((scope as string) !== 'room')
        return Promise.reject(new Error('Unrecognized typing scope provided'));
      if (!username) return Promise.reject(new Error('Invalid username'));
      ws.notices.types({ rid: id, username, typing: isTyping });
      return Promise.resolve();
    }
    protected addReaction(id: string, uid: string, reaction: Reaction): Promise<void> {
      return reacting(id, uid, reaction, true);
    }
    protected removeReaction(id: string, uid: string, reaction: Reaction): Promise<void> {
      return reacting(id, uid, reaction, false);
    }
  })();

  async function reacting(id: string, uid: string, reaction: string, wanted: boolean): Promise<void> {
    if (!/^:.*:$/.test(reaction)) throw new Error('Invalid reaction');
    await react(site, uid, reaction, id, wanted);
  }
}

/** `ThreadBridge`: a thread as one list, root first. */
export function threadBridge({ engine, site }: Seat) {
  return new (class extends engine.bridges.ThreadBridge {
    protected async getById(id: string): Promise<IMessage[]> {
      const root = await site.db.messages.byId(id);
      if (root === undefined) return [];
      const answers = await site.db.messages.find(({ tmid }) => tmid === id);
      return Promise.all(
        [root, ...answers].map(async (message) => (await messageToApp(site, message)) as IMessage),
      );
    }
  })();
}
