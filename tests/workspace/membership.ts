/** Who is in a room: joining, being added, leaving, being removed, roles, mutes. */
import { MeteorError } from './failure.ts';
import { hasPermission } from './permissions.ts';
import type { RoomDoc, UserDoc } from './records.ts';
import type { Site } from './site.ts';
import { saveSystemMessage } from './system-messages.ts';

/** Subscribes without a word, as the making of a room does. */
export async function subscribe(
  { db }: Site,
  rid: string,
  { _id, username, name }: UserDoc,
  roles?: string[],
): Promise<void> {
  const now = new Date();
  await db.subscriptions.insert({
    rid,
    u: { _id, username, name },
    ts: now,
    ls: now,
    unread: 0,
    open: true,
    ...(roles && { roles }),
  });
  await db.rooms.change(rid, (room) => ({
    usersCount: room.usersCount + 1,
    ...(room.t === 'd' && {
      uids: [...new Set([...(room.uids ?? []), _id])],
      usernames: [...new Set([...(room.usernames ?? []), username])],
    }),
  }));
}

/** `au` with an inviter, `uj` without, `ut` in a discussion. Answers whether anything was done. */
export async function addUserToRoom(
  site: Site,
  rid: string,
  user: UserDoc,
  inviter?: UserDoc,
): Promise<boolean> {
  const room = await site.db.rooms.byId(rid);
  if (room === undefined)
    throw new MeteorError('error-invalid-room', 'Invalid room', { method: 'addUserToRoom' });
  // Nobody joins a direct message between others.
  if (room.t === 'd') return false;
  if (await site.db.subscriptions.one((sub) => sub.rid === rid && sub.u._id === user._id)) return false;
  await site.hooks.askRoom('IPreRoomUserJoined', room, { joiningUser: user, inviter }).catch(prevented);
  await subscribe(site, rid, user);
  const by = inviter && { u: { _id: inviter._id, username: inviter.username, name: inviter.name } };
  await saveSystemMessage(
    site,
    inviter ? 'au' : room.prid !== undefined ? 'ut' : 'uj',
    rid,
    user.username,
    user,
    by,
  );
  site.hooks.tellRoom('IPostRoomUserJoined', room, { joiningUser: user, inviter });
  return true;
}

/** `ru` when another does it, `ul` otherwise. */
export async function removeUserFromRoom(
  site: Site,
  rid: string,
  user: UserDoc,
  by?: UserDoc,
): Promise<void> {
  const room = await site.db.rooms.byId(rid);
  if (room === undefined) return;
  await site.hooks.askRoom('IPreRoomUserLeave', room, { leavingUser: user, removedBy: by }).catch(prevented);
  if (await site.db.subscriptions.one((sub) => sub.rid === rid && sub.u._id === user._id)) {
    const u = by && { u: { _id: by._id, username: by.username, name: by.name } };
    await saveSystemMessage(site, by ? 'ru' : 'ul', rid, user.username, user, u);
    await site.db.subscriptions.remove((sub) => sub.rid === rid && sub.u._id === user._id);
    await site.db.rooms.change(rid, ({ usersCount }) => ({ usersCount: usersCount - 1 }));
  }
  site.hooks.tellRoom('IPostRoomUserLeave', room, { leavingUser: user, removedBy: by });
}

function prevented(error: unknown): never {
  if ((error as Error).name === 'AppsEngineException')
    throw new MeteorError('error-app-prevented', (error as Error).message);
  throw error;
}

export async function setRole(
  site: Site,
  room: RoomDoc,
  user: UserDoc,
  role: string,
  by: UserDoc,
  given: boolean,
): Promise<void> {
  if (!(await hasPermission(site, by._id, `set-${role === 'owner' ? 'owner' : 'moderator'}`, room._id)))
    throw new MeteorError('error-not-allowed', 'Not allowed');
  const subscription = await site.db.subscriptions.one(
    (sub) => sub.rid === room._id && sub.u._id === user._id,
  );
  if (subscription === undefined) throw new MeteorError('error-user-not-in-room', 'User is not in this room');
  const roles = (subscription.roles ?? []).filter((name) => name !== role);
  await site.db.subscriptions.set(subscription._id, { roles: given ? [...roles, role] : roles });
  await saveSystemMessage(
    site,
    given ? 'subscription-role-added' : 'subscription-role-removed',
    room._id,
    user.username,
    user,
    {
      u: { _id: by._id, username: by.username, name: by.name },
      role,
    },
  );
}

export async function setMuted(
  site: Site,
  room: RoomDoc,
  user: UserDoc,
  by: UserDoc,
  muted: boolean,
): Promise<void> {
  if (!(await hasPermission(site, by._id, 'mute-user', room._id)))
    throw new MeteorError('error-not-allowed', 'Not allowed');
  await site.db.rooms.change(room._id, ({ muted: names }) => ({
    muted: [...(names ?? []).filter((name) => name !== user.username), ...(muted ? [user.username] : [])],
  }));
  await saveSystemMessage(site, muted ? 'user-muted' : 'user-unmuted', room._id, user.username, by);
}
