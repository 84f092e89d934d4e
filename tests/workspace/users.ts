/** People, bots and the Apps' own users. */
import { userToApp } from './convert/users.ts';
import type { UserDoc } from './records.ts';
import type { Site } from './site.ts';

/** Free among users and teams, whatever its case; there is no rule about characters. */
export async function usernameAvailable({ db, ws }: Site, username: string): Promise<boolean> {
  const same = (name: string | undefined): boolean => name?.toLowerCase() === username.toLowerCase();
  const blocked = ws.settings
    .string('Accounts_BlockedUsernameList')
    .split(',')
    .map((name) => name.trim());
  if (blocked.some(same)) return false;
  if (await db.users.one((user) => same(user.username))) return false;
  return (await db.teams.one(({ name }) => same(name))) === undefined;
}

/** The picture arrives as a data URI; anything else is not understood, and the user stands without one. */
export function setAvatar(site: Site, { username }: Pick<UserDoc, 'username'>, dataUri: string): void {
  const [type, image] = dataUri.split(';base64,');
  if (image === undefined)
    throw new TypeError('The "string" argument must be of type string. Received undefined');
  const bytes = Buffer.from(image, 'base64');
  keepAvatar(site, username, { type: (type ?? '').replace('data:', ''), bytes });
}

/** Pictures are told apart by when they came, to the second. */
export function keepAvatar({ ws }: Site, username: string, picture: { type: string; bytes: Buffer }): void {
  const before = ws.avatars.get(username)?.uploadedAt.getTime() ?? 0;
  ws.avatars.set(username, { ...picture, uploadedAt: new Date(Math.max(Date.now(), before + 1000)) });
  ws.changes.touch();
}

export function resetAvatar({ ws }: Site, username: string): void {
  ws.avatars.delete(username);
  ws.changes.touch();
}

export async function deleteUser(site: Site, id: string): Promise<void> {
  const user = await site.db.users.byId(id);
  if (user === undefined) return;
  await site.db.subscriptions.remove(({ u }) => u._id === id);
  if (user.type === 'user') await site.db.messages.remove(({ u }) => u._id === id);
  await site.db.users.remove(({ _id }) => _id === id);
  site.ws.avatars.delete(user.username);
  site.hooks.tell('IPostUserDeleted', () => Promise.resolve({ user: userToApp(user) }));
}

/** Deactivating takes a user out of nothing: only direct messages become read-only. */
export async function setActive(site: Site, id: string, active: boolean): Promise<void> {
  await site.db.users.set(id, { active });
}

/** A person changes their own profile, or an administrator somebody's: the one change of a user that Apps hear of. */
export async function changeProfile(site: Site, id: string, fields: Partial<UserDoc>): Promise<void> {
  const previous = await site.db.users.byId(id);
  await site.db.users.set(id, { ...fields, _updatedAt: new Date() });
  const user = await site.db.users.byId(id);
  if (previous && user && previous.username !== user.username) await follow(site, previous.username, user);
  site.hooks.tell('IPostUserUpdated', () =>
    Promise.resolve({ user: userToApp(user), previousUser: userToApp(previous) }),
  );
}

/** What names a user elsewhere follows the username, the picture too. */
async function follow({ ws, db }: Site, before: string, { _id, username }: UserDoc): Promise<void> {
  const picture = ws.avatars.get(before);
  ws.avatars.delete(before);
  if (picture) ws.avatars.set(username, picture);
  for (const sub of await db.subscriptions.find(({ u }) => u._id === _id))
    await db.subscriptions.set(sub._id, { u: { ...sub.u, username } });
  for (const message of await db.messages.find(({ u }) => u._id === _id))
    await db.messages.set(message._id, { u: { ...message.u, username } });
}

export async function setPresence(
  site: Site,
  id: string,
  status: string,
  statusText?: string,
): Promise<void> {
  const previous = await site.db.users.byId(id);
  await site.db.users.set(id, {
    status,
    statusConnection: status,
    ...(statusText !== undefined && { statusText }),
  });
  const user = await site.db.users.byId(id);
  if (previous?.status === status) return;
  site.hooks.tell('IPostUserStatusChanged', () =>
    Promise.resolve({
      user: userToApp(user),
      currentStatus: status,
      previousStatus: previous?.status ?? 'offline',
    }),
  );
}
