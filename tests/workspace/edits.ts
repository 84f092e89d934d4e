/** Changing a message that is there: edit, deletion, reactions, pins, stars. */
import { MeteorError } from './failure.ts';
import { readText } from './markdown.ts';
import { userToApp } from './convert/users.ts';
import { canAccessRoom, hasPermission } from './permissions.ts';
import { addQuotes } from './quotes.ts';
import type { MessageDoc, UserDoc } from './records.ts';
import type { Site } from './site.ts';
import { saveSystemMessage } from './system-messages.ts';

export async function updateMessage(site: Site, given: Partial<MessageDoc>, editor: UserDoc): Promise<void> {
  const original = await site.db.messages.byId(given._id);
  if (original === undefined) throw new Error('Invalid message ID.');
  const message: MessageDoc = { ...original, ...given };
  if ((await site.hooks.askMessage('IPreMessageUpdatedPrevent', message)) === true)
    throw new MeteorError(
      'error-app-prevented-updating',
      'A Rocket.Chat App prevented the message updating.',
    );
  for (const event of ['IPreMessageUpdatedExtend', 'IPreMessageUpdatedModify']) {
    const changed = await site.hooks.askMessage(event, message);
    if (typeof changed === 'object') Object.assign(message, changed);
  }
  const now = new Date();
  Object.assign(message, {
    editedAt: now,
    editedBy: { _id: editor._id, username: editor.username },
    _updatedAt: now,
  });
  await readText(site, message);
  await addQuotes(site, message, editor._id);
  if (message.msg === '') message.md = undefined;
  await site.db.messages.set(message._id, message);
  site.hooks.tellMessage('IPostMessageUpdated', message);
}

export async function deleteMessage(site: Site, id: string, user: UserDoc): Promise<void> {
  const message = await site.db.messages.byId(id);
  if (message === undefined) return;
  if ((await site.hooks.askMessage('IPreMessageDeletePrevent', message)) === true)
    throw new MeteorError(
      'error-app-prevented-deleting',
      'A Rocket.Chat App prevented the message deleting.',
    );
  if (message.tmid !== undefined)
    await site.db.messages.change(message.tmid, ({ tcount }) => ({ tcount: (tcount ?? 1) - 1 }));
  if ((message.tcount ?? 0) > 0 || site.ws.settings.boolean('Message_ShowDeletedStatus'))
    await blank(site, message, user);
  else await site.db.messages.remove(({ _id }) => _id === id);
  for (const { _id } of message.files ?? []) await site.db.uploads.remove((upload) => upload._id === _id);
  await site.db.rooms.change(message.rid, ({ msgs }) => ({ msgs: msgs - 1 }));
  site.hooks.tellMessage('IPostMessageDeleted', message, { user: userToApp(user) });
}

/** The root of a thread stays, emptied, so that its answers keep their place. */
function blank({ db }: Site, { _id }: MessageDoc, { _id: uid, username }: UserDoc): Promise<boolean> {
  const nothing = {
    urls: [],
    mentions: [],
    attachments: [],
    reactions: undefined as never,
    md: undefined,
    files: [],
  };
  return db.messages.set(_id, {
    msg: '',
    t: 'rm',
    ...nothing,
    editedAt: new Date(),
    editedBy: { _id: uid, username },
  });
}

/** Without `wanted` the reaction is toggled. */
export async function react(
  site: Site,
  uid: string,
  emoji: string,
  id: string,
  wanted?: boolean,
): Promise<void> {
  const reaction = `:${emoji.replaceAll(':', '')}:`;
  if (!site.ws.emoji(reaction))
    throw new MeteorError('error-not-allowed', 'Invalid emoji provided.', { method: 'setReaction' });
  const user = await site.db.users.byId(uid);
  if (user === undefined)
    throw new MeteorError('error-invalid-user', 'Invalid user', { method: 'setReaction' });
  const message = await site.db.messages.byId(id);
  const room = message && (await site.db.rooms.byId(message.rid));
  if (message === undefined || room === undefined)
    throw new MeteorError('error-not-allowed', 'Not allowed', { method: 'setReaction' });
  const there = message.reactions?.[reaction]?.usernames.includes(user.username) === true;
  // Where nobody reacted at all, the server does not see that there is nothing to take away: it adds.
  const seen = message.reactions === undefined ? undefined : there;
  if (seen === (wanted ?? !there)) return;
  if (!(await canAccessRoom(site, room, uid)))
    throw new MeteorError('not-authorized', 'Not Authorized', { method: 'setReaction' });
  if (room.muted?.includes(user.username) === true)
    throw new MeteorError('error-not-allowed', 'You have been muted', { rid: room._id });
  const names = (message.reactions?.[reaction]?.usernames ?? []).filter((name) => name !== user.username);
  const reactions = {
    ...message.reactions,
    [reaction]: { usernames: there ? names : [...names, user.username] },
  };
  if (reactions[reaction]?.usernames.length === 0) Reflect.deleteProperty(reactions, reaction);
  // Read and then written, as the server does: two at once can lose one.
  const field = { reactions: Object.keys(reactions).length === 0 ? (undefined as never) : reactions };
  await site.db.messages.set(id, field);
  site.hooks.tellMessage(
    'IPostMessageReacted',
    { ...message, ...field },
    { user: userToApp(user), reaction, isReacted: !there },
  );
}

/** What is pinned already is not pinned again; what is not pinned can be unpinned, by members only. */
export async function pin(site: Site, id: string, user: UserDoc, pinned: boolean): Promise<void> {
  const message = await site.db.messages.byId(id);
  if (message === undefined)
    throw new MeteorError('error-invalid-message', 'Message you are pinning was not found');
  if (!site.ws.settings.boolean('Message_AllowPinning'))
    throw new MeteorError('error-action-not-allowed', 'Message pinning not allowed');
  const { rid } = message;
  const isMember = await site.db.subscriptions.one((it) => it.rid === rid && it.u._id === user._id);
  if (!pinned && isMember === undefined)
    throw new MeteorError('error-invalid-message', 'Message you are unpinning was not found');
  const room = await site.db.rooms.byId(rid);
  if (
    room === undefined ||
    !(await hasPermission(site, user._id, 'pin-message', rid)) ||
    !(await canAccessRoom(site, room, user._id))
  )
    throw new MeteorError('not-authorized', 'Not Authorized');
  if (pinned && message['pinned'] === true) return;
  const changed = {
    pinned,
    ...(pinned && { pinnedAt: new Date() }),
    pinnedBy: { _id: user._id, username: user.username },
  };
  const tell = (): void => {
    site.hooks.tellMessage(
      'IPostMessagePinned',
      { ...message, ...changed },
      { user: userToApp(user), isPinned: pinned },
    );
  };
  // The hook of an unpinned message comes before the change of the record.
  if (!pinned) tell();
  await site.db.messages.set(id, changed);
  if (!pinned) return;
  tell();
  await saveSystemMessage(site, 'message_pinned', rid, '', user, {
    attachments: [{ text: message.msg, author_name: message.u.username, ts: message.ts.toJSON() }],
  });
}

export async function star(site: Site, id: string, user: UserDoc, starred: boolean): Promise<void> {
  const message = await site.db.messages.byId(id);
  if (message === undefined) throw new MeteorError('error-invalid-message', 'Invalid message');
  const others = ((message['starred'] as { _id: string }[] | undefined) ?? []).filter(
    ({ _id }) => _id !== user._id,
  );
  await site.db.messages.set(id, { starred: starred ? [...others, { _id: user._id }] : others });
  site.hooks.tellMessage('IPostMessageStarred', message, { user: userToApp(user), isStarred: starred });
}

/** Who may change another's message: its author, and whoever has the permission there. */
export async function mayChange(
  site: Site,
  uid: string,
  { u, rid }: MessageDoc,
  permission: 'edit-message' | 'delete-message',
): Promise<void> {
  if (u._id !== uid && !(await hasPermission(site, uid, permission, rid)))
    throw new MeteorError(
      'error-action-not-allowed',
      permission === 'edit-message' ? 'Message editing not allowed' : 'Not allowed',
    );
}
