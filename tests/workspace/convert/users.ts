/** Users between Rocket.Chat's documents and the Apps' objects. */
import type { IUser } from '@rocket.chat/apps-engine/definition/users/index.js';
import type { Site } from '../site.ts';
import type { UserDoc } from '../records.ts';
import { withoutEmpty } from './mapped.ts';

export function userToApp(user: UserDoc | undefined): IUser | undefined {
  if (user === undefined) return undefined;
  return {
    id: user._id,
    username: user.username,
    emails: user['emails'],
    type: user.type,
    isEnabled: user.active,
    name: user.name,
    roles: user.roles,
    bio: user.bio,
    status: user.status,
    statusText: user.statusText,
    statusConnection: user.statusConnection ?? 'undefined',
    utcOffset: user['utcOffset'],
    createdAt: user.createdAt,
    updatedAt: user._updatedAt,
    lastLoginAt: user['lastLogin'],
    appId: user.appId,
    customFields: user.customFields,
    settings: { preferences: { ...(user['language'] !== undefined && { language: user['language'] }) } },
  } as unknown as IUser;
}

/** Custom fields have no place here: those given at creation are dropped. */
export function userFromApp(user: Partial<IUser>): Partial<UserDoc> {
  return withoutEmpty({
    _id: user.id,
    username: user.username,
    emails: user.emails,
    type: user.type,
    active: user.isEnabled,
    name: user.name,
    roles: user.roles,
    bio: user.bio,
    status: user.status,
    statusConnection: user.statusConnection,
    utcOffset: user.utcOffset,
    createdAt: user.createdAt,
    _updatedAt: user.updatedAt,
    lastLogin: user.lastLoginAt,
    appId: user.appId,
  });
}

export async function userById({ db }: Site, id: string | undefined): Promise<IUser | undefined> {
  return userToApp(await db.users.byId(id));
}
