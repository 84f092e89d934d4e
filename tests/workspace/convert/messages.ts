/** Messages between Rocket.Chat's documents and the Apps' objects. */
import type { IMessage } from '@rocket.chat/apps-engine/definition/messages/index.js';
import { randomId } from '../ids.ts';
import type { MessageDoc } from '../records.ts';
import type { Site } from '../site.ts';
import { attachmentFromApp, attachmentToApp } from './attachments.ts';
import { mapped, take, type Raw } from './mapped.ts';
import { roomById } from './rooms.ts';
import { userById } from './users.ts';

const NAMES = {
  id: '_id',
  threadId: 'tmid',
  reactions: 'reactions',
  parseUrls: 'parseUrls',
  text: 'msg',
  createdAt: 'ts',
  updatedAt: '_updatedAt',
  editedAt: 'editedAt',
  emoji: 'emoji',
  avatarUrl: 'avatar',
  alias: 'alias',
  file: 'file',
  customFields: 'customFields',
  groupable: 'groupable',
  token: 'token',
  blocks: 'blocks',
  type: 't',
};

export async function messageToApp(
  site: Site,
  message: MessageDoc | undefined,
): Promise<IMessage | undefined> {
  if (message === undefined) return undefined;
  return (await mapped(message, {
    ...NAMES,
    room: async (raw) => roomById(site, take(raw, 'rid')[0] as string),
    editor: async (raw) => {
      const [editor] = take(raw, 'editedBy') as [MessageDoc['editedBy']];
      return editor && userById(site, editor._id);
    },
    attachments: (raw) => attachments(raw),
    sender: async (raw) => userById(site, (take(raw, 'u')[0] as MessageDoc['u'] | undefined)?._id),
  })) as unknown as IMessage;
}

/** The flat form in which lists of messages reach an App. */
export async function messageToAppRaw(message: MessageDoc): Promise<Raw> {
  return mapped(message, {
    ...NAMES,
    roomId: 'rid',
    editor: 'editedBy',
    attachments: (raw) => attachments(raw),
    sender: 'u',
    threadMsgCount: 'tcount',
  });
}

function attachments(raw: Raw): Promise<Raw[]> | undefined {
  const [list] = take(raw, 'attachments');
  return Array.isArray(list) ? Promise.all((list as Raw[]).map(attachmentToApp)) : undefined;
}

type AppMessage = IMessage & { _unmappedProperties_?: Raw; token?: unknown };

/**
 * A whole message ends with the unmapped fields laid over it, `_id` among them if the App gave one;
 * a partial one (an edit) keeps to what has a name.
 */
export async function messageFromApp(
  { db }: Site,
  given: IMessage,
  partial = false,
): Promise<Partial<MessageDoc>> {
  const message = given as AppMessage;
  const room = await db.rooms.byId((message.room as { id?: string } | undefined)?.id);
  if (room === undefined && !partial) throw new Error('Invalid room provided on the message.');
  const doc: Raw = {
    _id: message.id ?? (partial ? undefined : randomId()),
    ...('threadId' in message && { tmid: message.threadId }),
    rid: room?._id,
    u: await sender(db, message),
    msg: message.text,
    ts: message.createdAt ?? (partial ? undefined : new Date()),
    _updatedAt: message.updatedAt,
    ...(await editor(db, message)),
    ...Object.fromEntries(
      ['editedAt', 'emoji', 'alias', 'customFields', 'groupable', 'reactions', 'parseUrls', 'blocks', 'token']
        .filter((field) => field in message)
        .map((field) => [field, (message as unknown as Raw)[field]]),
    ),
    ...('avatarUrl' in message && { avatar: message.avatarUrl }),
    ...(Array.isArray(message.attachments) && { attachments: message.attachments.map(attachmentFromApp) }),
  };
  if (!partial) Object.assign(doc, message._unmappedProperties_);
  return Object.fromEntries(Object.entries(doc).filter(([, value]) => value !== undefined));
}

async function sender(db: Site['db'], { sender }: AppMessage): Promise<MessageDoc['u'] | undefined> {
  const id = (sender as { id?: string } | undefined)?.id;
  if (id === undefined) return undefined;
  const user = await db.users.byId(id);
  return { _id: id, username: user?.username ?? sender.username, name: user ? user.name : sender.name };
}

async function editor(
  db: Site['db'],
  { editor }: AppMessage,
): Promise<Pick<MessageDoc, 'editedBy'> | undefined> {
  const user = editor && (await db.users.byId(editor.id));
  return user && { editedBy: { _id: user._id, username: user.username } };
}
