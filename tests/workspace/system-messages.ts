/** What Rocket.Chat writes into a room by itself: joins, topics, roles. Apps see most changes only so. */
import type { MessageDoc, UserRef } from './records.ts';
import type { Site } from './site.ts';

export async function saveSystemMessage(
  { db, hooks }: Site,
  type: string,
  rid: string,
  text: string,
  { _id, username, name }: UserRef,
  more: Partial<MessageDoc> = {},
): Promise<MessageDoc> {
  const now = new Date();
  const saved = await db.messages.insert({
    t: type,
    rid,
    ts: now,
    msg: text,
    u: { _id, username, name },
    groupable: false,
    _updatedAt: now,
    ...more,
  });
  await db.rooms.change(rid, (room) => ({ msgs: room.msgs + 1 }));
  hooks.tellMessage('IPostSystemMessageSent', saved);
  return saved;
}
