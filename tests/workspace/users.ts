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
export function setAvatar({ ws }: Site, { username }: Pick<UserDoc, 'username'>, dataUri: string): void {
  const [type, image] = dataUri.split(';base64,');
  if (image === undefined)
    throw new TypeError('The "string" argument must be of type string. Received undefined');
  ws.avatars.set(username, { type: (type ?? '').replace('data:', ''), bytes: Buffer.from(image, 'base64') });
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

/** A person changes their own profile: the one way a name changes while Apps look on. */
export async function changeProfile(site: Site, id: string, fields: Partial<UserDoc>): Promise<void> {
  const previous = await site.db.users.byId(id);
  await site.db.users.set(id, { ...fields, _updatedAt: new Date() });
  const user = await site.db.users.byId(id);
  site.hooks.tell('IPostUserUpdated', () =>
    Promise.resolve({ user: userToApp(user), previousUser: userToApp(previous) }),
  );
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
