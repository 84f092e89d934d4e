/** `UserBridge`: what an App does to users. */
import type {
  IUser,
  IUserCreationOptions,
  UserType,
} from '@rocket.chat/apps-engine/definition/users/index.js';
import { userById, userFromApp, userToApp } from '../convert/users.ts';
import { randomId } from '../ids.ts';
import type { UserDoc } from '../records.ts';
import { deleteUser, setActive, setAvatar, setPresence, usernameAvailable } from '../users.ts';
import type { Seat } from './seat.ts';

export function userBridge({ engine, site }: Seat) {
  const { db } = site;
  return new (class extends engine.bridges.UserBridge {
    // Public, for the engine itself makes its Apps' users through it.
    override async create(
      given: Partial<IUser>,
      appId: string,
      options?: IUserCreationOptions,
    ): Promise<string> {
      const user = userFromApp(given);
      if (user.type !== 'bot' && user.type !== 'app')
        throw new Error('Creating normal users is currently not supported');
      if (!(await usernameAvailable(site, user.username ?? '')))
        throw new Error(
          `The username "${user.username ?? ''}" is already being used. Rename or remove the user using it to install this App`,
        );
      const now = new Date();
      const created = await db.users.insert({
        roles: [],
        active: true,
        createdAt: now,
        _updatedAt: now,
        appId,
        ...user,
        _id: user._id ?? randomId(),
      });
      if (options?.avatarUrl) setAvatar(site, created, options.avatarUrl);
      return created._id;
    }
    protected async getById(id: string): Promise<IUser> {
      return (await userById(site, id)) as IUser;
    }
    protected async getByUsername(username: string): Promise<IUser> {
      return userToApp(await db.users.one((user) => user.username === username)) as IUser;
    }
    override async getAppUser(appId?: string): Promise<IUser | undefined> {
      return userToApp(await db.users.one((user) => user.type === 'app' && user.appId === appId));
    }
    override async getActiveUserCount(): Promise<number> {
      return (await db.users.find(({ active, type }) => active && type === 'user')).length;
    }
    protected async getUserUnreadMessageCount(uid: string): Promise<number> {
      return (await db.subscriptions.find(({ u }) => u._id === uid)).reduce(
        (sum, { unread }) => sum + unread,
        0,
      );
    }
    protected async getUserRoomIds(uid: string): Promise<string[]> {
      return (await db.subscriptions.find(({ u }) => u._id === uid)).map(({ rid }) => rid);
    }
    override async remove(user: IUser): Promise<boolean> {
      await deleteUser(site, user.id);
      return true;
    }
    /** What is given is written as it is: the names are the Apps', not the document's. */
    protected async update(user: IUser, given: Partial<IUser>): Promise<boolean> {
      const { status, ...fields } = given;
      if (status) await setPresence(site, user.id, status, given.statusText);
      await db.users.set(user.id, fields as Partial<UserDoc>);
      return true;
    }
    protected async deleteUsersCreatedByApp(
      appId: string,
      type: UserType.APP | UserType.BOT,
    ): Promise<boolean> {
      const users = await db.users.find((user) => user.appId === appId && user.type === (type as string));
      await Promise.all(users.map(({ _id }) => deleteUser(site, _id)));
      return users.length > 0;
    }
    protected async deactivate(uid: string): Promise<boolean> {
      if (!uid) throw new Error('Invalid user id');
      await setActive(site, uid, false);
      return true;
    }
  })();
}
