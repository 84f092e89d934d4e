/** Sending a message, whoever sends it: a person, the App, or the workspace for an upload. */
import { MeteorError } from './failure.ts';
import { readText } from './markdown.ts';
import { canAccessRoom, hasPermission } from './permissions.ts';
import { addQuotes } from './quotes.ts';
import type { MessageDoc, RoomDoc, UserDoc } from './records.ts';
import type { Site } from './site.ts';
import { validateMessage } from './message-rules.ts';

/** Further off than this a time is refused, */
const REFUSED = 60_000;
/** and further than this it is replaced by now. */
const REPLACED = 10_000;

/** What a sender gives: at least a room. */
export type NewMessage = Partial<MessageDoc> & { rid: string };

/** Answers the saved message, or `undefined` where an App prevented it or the id is taken. */
export async function sendMessage(
  site: Site,
  uid: string,
  given: NewMessage,
): Promise<MessageDoc | undefined> {
  const message: NewMessage = { ...given, ts: checkedTime(given.ts) };
  if (message.msg !== undefined && message.msg.length > site.ws.settings.number('Message_MaxAllowedSize'))
    throw new MeteorError('error-message-size-exceeded', 'Message size exceeds Message_MaxAllowedSize', {
      method: 'sendMessage',
    });
  const user = await site.db.users.byId(uid);
  if (user === undefined) throw new MeteorError('error-invalid-user', 'Invalid user');
  if (message.tmid !== undefined && !site.ws.settings.boolean('Threads_enabled'))
    throw new MeteorError('error-not-allowed', 'not-allowed', { method: 'sendMessage' });
  if (message.tmid !== undefined) {
    // Threads are flat: an answer to an answer goes to the root, and into the root's room.
    const parent = await site.db.messages.byId(message.tmid);
    if (parent !== undefined) Object.assign(message, { tmid: parent.tmid ?? message.tmid, rid: parent.rid });
  }
  try {
    const room = await roomToPostIn(site, message.rid, user);
    if (
      room.encrypted === true &&
      site.ws.settings.boolean('E2E_Enable') &&
      !site.ws.settings.boolean('E2E_Allow_Unencrypted_Messages') &&
      message.t !== 'e2e'
    )
      throw new MeteorError(
        'error-not-allowed',
        'Not allowed to send un-encrypted messages in an encrypted room',
        { method: 'sendMessage' },
      );
    return await save(site, user, message, room);
  } catch (error) {
    site.ws.notices.add(uid, message.rid, (error as MeteorError).error || (error as Error).message);
    throw error;
  }
}

function checkedTime(given: Date | undefined): Date {
  const now = new Date();
  if (given === undefined) return now;
  const off = Math.abs(given.getTime() - now.getTime());
  if (off > REFUSED)
    throw new MeteorError('error-message-ts-out-of-sync', 'Message timestamp is out of sync', {
      method: 'sendMessage',
      message_ts: given,
      server_ts: now.getTime(),
    });
  return off > REPLACED ? now : given;
}

async function roomToPostIn(site: Site, rid: string, { _id, username, type }: UserDoc): Promise<RoomDoc> {
  const room = await site.db.rooms.byId(rid);
  if (room === undefined) throw new Error('error-invalid-room');
  if (type !== 'app' && !(await canAccessRoom(site, room, _id))) throw new Error('error-not-allowed');
  if (
    room.ro === true &&
    !(await hasPermission(site, _id, 'post-readonly', rid)) &&
    room.unmuted?.includes(username) !== true
  )
    throw new Error("You can't send messages because the room is readonly.");
  if (room.muted?.includes(username) === true) throw new Error('You_have_been_muted');
  return room;
}

async function save(
  site: Site,
  user: UserDoc,
  given: NewMessage,
  room: RoomDoc,
): Promise<MessageDoc | undefined> {
  await validateMessage(site, given, user, room);
  const message: MessageDoc = {
    ...(given as MessageDoc),
    u: { _id: user._id, username: user.username, name: user.name },
    rid: room._id,
    msg: typeof given.msg === 'string' ? given.msg : '',
    _updatedAt: new Date(),
  };
  if ((await site.hooks.askMessage('IPreMessageSentPrevent', message)) === true) return undefined;
  for (const event of ['IPreMessageSentExtend', 'IPreMessageSentModify']) {
    const changed = await site.hooks.askMessage(event, message);
    if (typeof changed === 'object') Object.assign(message, changed);
  }
  await validateMessage(site, message, user, room);
  await readText(site, message);
  await addQuotes(site, message, user._id);
  if ((await site.db.messages.byId(message._id)) !== undefined) return undefined;
  const saved = await site.db.messages.insert(message);
  site.hooks.tellMessage(saved.t === undefined ? 'IPostMessageSent' : 'IPostSystemMessageSent', saved);
  await afterSave(site, saved);
  return saved;
}

async function afterSave({ db }: Site, message: MessageDoc): Promise<void> {
  await db.rooms.change(message.rid, ({ msgs }) => ({
    msgs: msgs + 1,
    lm: message.ts,
    lastMessage: message,
  }));
  for (const { _id, u } of await db.subscriptions.find(({ rid }) => rid === message.rid))
    if (u._id !== message.u._id)
      await db.subscriptions.change(_id, ({ unread }) => ({ unread: unread + 1, alert: true }));
  if (message.tmid !== undefined)
    await db.messages.change(message.tmid, (root) => ({
      tcount: (root.tcount ?? 0) + 1,
      tlm: message.ts,
      replies: [
        ...new Set([...((root['replies'] as string[] | undefined) ?? []), root.u._id, message.u._id]),
      ],
    }));
}
