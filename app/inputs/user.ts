/** A Rocket.Chat user as a fact. */

import type { IUser } from '@rocket.chat/apps-engine/definition/users';

import manifest from '../app.json' with { type: 'json' };
import type { User, UserKind } from '../protocol.ts';

/** Older records lack fields which the definitions promise. */
type KnownUser = Pick<IUser, 'id'> & {
  [Field in 'username' | 'name' | 'type' | 'roles' | 'isEnabled' | 'appId']?: IUser[Field] | undefined;
};

export function userFact(user: KnownUser): User {
  return {
    id: user.id,
    username: user.username ?? '',
    name: user.name ?? '',
    kind: userKind(user.type ?? ''),
    roles: user.roles ?? [],
    active: user.isEnabled ?? true,
    madeByUs: user.appId === manifest.id,
  };
}

/** What is known of a user from an id and a name only. */
export function unknownUser(id: string, username: string, name: string): User {
  return {
    id,
    username,
    name,
    kind: 'other',
    roles: [],
    active: true,
    madeByUs: false,
  };
}

function userKind(type: string): UserKind {
  return type === 'user' || type === 'bot' || type === 'app' ? type : 'other';
}
