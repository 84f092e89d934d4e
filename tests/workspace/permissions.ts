/** Which role may do what: Rocket.Chat's defaults, for the permissions the workspace asks about. */
import type { Site } from './site.ts';

export const DEFAULT_PERMISSIONS: Record<string, string[]> = {
  'mention-all': ['admin', 'owner', 'moderator', 'user'],
  'mention-here': ['admin', 'owner', 'moderator', 'user'],
  'message-impersonate': ['bot', 'app'],
  'post-readonly': ['admin', 'owner', 'moderator'],
  'create-d': ['admin', 'user', 'bot', 'app'],
  'view-joined-room': ['guest', 'bot', 'app', 'anonymous', 'user', 'admin'],
  'view-c-room': ['admin', 'user', 'app', 'anonymous'],
  'delete-message': ['admin', 'owner', 'moderator'],
  'edit-message': ['admin', 'owner', 'moderator'],
  'edit-other-user-info': ['admin'],
  'edit-other-user-avatar': ['admin'],
  'edit-room': ['admin', 'owner', 'moderator'],
  'remove-user': ['admin', 'owner', 'moderator'],
  'set-owner': ['admin', 'owner'],
  'set-moderator': ['admin', 'owner'],
  'mute-user': ['admin', 'owner', 'moderator'],
  'pin-message': ['owner', 'moderator', 'admin'],
};

/** Roles count workspace-wide, and in a room those of the membership too. */
export async function hasPermission(
  { ws, db }: Site,
  uid: string,
  permission: string,
  rid?: string,
): Promise<boolean> {
  const allowed = ws.permissions[permission] ?? [];
  const user = await db.users.byId(uid);
  if (user?.roles.some((role) => allowed.includes(role)) === true) return true;
  if (rid === undefined) return false;
  const subscription = await db.subscriptions.one((sub) => sub.rid === rid && sub.u._id === uid);
  return subscription?.roles?.some((role) => allowed.includes(role)) === true;
}

/** Membership, or a public channel for whoever may look into those. */
export async function canAccessRoom(
  site: Site,
  room: { _id: string; t: string },
  uid: string,
): Promise<boolean> {
  if (room.t === 'c' && (await hasPermission(site, uid, 'view-c-room'))) return true;
  const joined = await site.db.subscriptions.one((sub) => sub.rid === room._id && sub.u._id === uid);
  return joined !== undefined && (await hasPermission(site, uid, 'view-joined-room'));
}
