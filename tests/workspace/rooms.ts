/** Making, changing and removing rooms. */
import { MeteorError } from './failure.ts';
import { randomId } from './ids.ts';
import { subscribe } from './membership.ts';
import { hasPermission } from './permissions.ts';
import type { RoomDoc, UserDoc } from './records.ts';
import type { Site } from './site.ts';
import { saveSystemMessage } from './system-messages.ts';

export interface NewRoom {
  t: 'c' | 'p';
  name: string;
  owner: UserDoc;
  members: string[];
  readOnly?: boolean;
  /** Laid over the room: topic and announcement can be given so. */
  extra?: Record<string, unknown>;
}

export async function createRoom(
  site: Site,
  { t, name, owner, members, readOnly, extra = {} }: NewRoom,
): Promise<RoomDoc> {
  if (members.some((member) => member.includes(':') && member.includes('@')) && extra['federated'] !== true)
    throw new MeteorError(
      'error-federated-users-in-non-federated-rooms',
      'Cannot add federated users to non-federated rooms',
      { method: 'createRoom' },
    );
  if (name.trim() === '')
    throw new MeteorError('error-invalid-name', 'Invalid name', { function: 'RocketChat.createRoom' });
  const discussion = extra['prid'] !== undefined;
  const now = new Date();
  const draft: RoomDoc = {
    fname: name,
    ...extra,
    _id: randomId(),
    _updatedAt: now,
    name: discussion ? name : await validRoomName(site, name.trim()),
    t,
    msgs: 0,
    usersCount: 0,
    u: { _id: owner._id, username: owner.username, name: owner.name },
    ts: now,
    ro: readOnly === true,
  };
  const names = [...new Set([...members, owner.username])];
  const asked = { ...draft, _USERNAMES: names };
  if ((await site.hooks.askRoom('IPreRoomCreatePrevent', asked)) === true)
    throw new MeteorError('error-app-prevented', 'A Rocket.Chat App prevented the room creation.');
  for (const event of ['IPreRoomCreateExtend', 'IPreRoomCreateModify']) {
    const changed = await site.hooks.askRoom(event, asked);
    if (typeof changed === 'object') Object.assign(draft, { ...changed, _USERNAMES: undefined });
  }
  const room = await site.db.rooms.insert(draft);
  for (const user of await site.db.users.find(({ username }) => names.includes(username)))
    await subscribe(site, room._id, user, user._id === owner._id ? ['owner'] : undefined);
  site.hooks.tellRoom('IPostRoomCreate', room);
  return room;
}

async function validRoomName({ db, ws }: Site, name: string): Promise<string> {
  if (!new RegExp(`^${ws.settings.string('UTF8_Channel_Names_Validation')}$`).test(name))
    throw new MeteorError('error-invalid-room-name', `${name} is not a valid room name.`, {
      channel_name: name,
    });
  if (await db.rooms.one((room) => room.name === name))
    throw new MeteorError('error-duplicate-channel-name', `A channel with name '${name}' exists`, {
      channel_name: name,
    });
  return name;
}

/**
 * The one direct message of these people, made if there is none. That of a pair is called by their two ids, and is
 * found by them; whoever is not subscribed to it any more is again.
 */
export async function createDirect(site: Site, creator: UserDoc, usernames: string[]): Promise<RoomDoc> {
  const names = [...new Set([creator.username, ...usernames])];
  const users = await site.db.users.find(({ username }) => names.includes(username));
  if (users.length < names.length)
    throw new MeteorError('error-invalid-user', 'Invalid user', { method: 'createDirectMessage' });
  const uids = users.map(({ _id }) => _id).sort();
  const there = await site.db.rooms.one((room) =>
    uids.length === 2
      ? room._id === uids.join('')
      : room.t === 'd' && [...(room.uids ?? [])].sort().join() === uids.join(),
  );
  // Who may not open any may still use those there are.
  if (!(await hasPermission(site, creator._id, 'create-d')) && there === undefined)
    throw new MeteorError('error-not-allowed', 'Not allowed', { method: 'createDirectMessage' });
  if (users.length > site.ws.settings.number('DirectMesssage_maxUsers'))
    throw new Error('error-direct-message-max-user-exceeded');
  const room = there ?? (await insertDirect(site, creator, users, uids));
  for (const user of users)
    if (!(await site.db.subscriptions.one(({ rid, u }) => rid === room._id && u._id === user._id)))
      await subscribe(site, room._id, user);
  if (there === undefined) site.hooks.tellRoom('IPostRoomCreate', room);
  return room;
}

function insertDirect(site: Site, creator: UserDoc, users: UserDoc[], uids: string[]): Promise<RoomDoc> {
  const now = new Date();
  return site.db.rooms.insert({
    ...(uids.length === 2 && { _id: uids.join('') }),
    t: 'd',
    uids,
    usernames: users.map(({ username }) => username),
    usersCount: 0,
    msgs: 0,
    ts: now,
    _updatedAt: now,
    u: { _id: creator._id, username: creator.username, name: creator.name },
  });
}

export async function createDiscussion(
  site: Site,
  creator: UserDoc,
  prid: string,
  name: string,
  members: string[],
): Promise<RoomDoc> {
  const parent = await site.db.rooms.byId(prid);
  if (parent === undefined) throw new Error('There must be a parent room to create a discussion.');
  // A discussion's slug is drawn, only its shown name is chosen.
  const room = await createRoom(site, {
    t: parent.t === 'c' ? 'c' : 'p',
    name: randomId(),
    owner: creator,
    members,
    extra: { prid, fname: name, encrypted: false },
  });
  await saveSystemMessage(site, 'discussion-created', prid, name, creator, { drid: room._id });
  return room;
}

/** What a person changes in a room's settings, each making its own system message. */
export interface RoomChange {
  name?: string;
  topic?: string;
  announcement?: string;
  description?: string;
  readOnly?: boolean;
  archived?: boolean;
  encrypted?: boolean;
  type?: 'c' | 'p';
  /** A data URI, or nothing to take it away. */
  avatar?: string;
}

export async function changeRoom(site: Site, rid: string, by: UserDoc, change: RoomChange): Promise<void> {
  const room = await site.db.rooms.byId(rid);
  if (room === undefined) throw new MeteorError('error-invalid-room', 'Invalid room');
  if (!(await hasPermission(site, by._id, 'edit-room', rid)))
    throw new MeteorError('error-action-not-allowed', 'Editing room is not allowed');
  const say = (type: string, text: string): Promise<unknown> => saveSystemMessage(site, type, rid, text, by);
  if (change.name !== undefined) {
    const name = change.name === room.name ? change.name : await validRoomName(site, change.name);
    await site.db.rooms.set(rid, { name, fname: change.name });
    await say('r', change.name);
  }
  for (const field of ['topic', 'announcement', 'description'] as const) {
    const text = change[field];
    if (text === undefined) continue;
    await site.db.rooms.set(rid, { [field]: text });
    await say(`room_changed_${field}`, text);
  }
  if (change.avatar !== undefined) {
    await site.db.rooms.set(rid, { avatarETag: change.avatar === '' ? undefined : randomId() });
    await say('room_changed_avatar', '');
  }
  if (change.type !== undefined) {
    await site.db.rooms.set(rid, { t: change.type });
    await say('room_changed_privacy', change.type === 'c' ? 'Public' : 'Private');
  }
  if (change.readOnly !== undefined) {
    await site.db.rooms.set(rid, { ro: change.readOnly });
    await say(change.readOnly ? 'room-set-read-only' : 'room-removed-read-only', '');
  }
  if (change.encrypted !== undefined) {
    await site.db.rooms.set(rid, { encrypted: change.encrypted });
    await say(`room_e2e_${change.encrypted ? 'enabled' : 'disabled'}`, by.username);
  }
  if (change.archived !== undefined) {
    await site.db.rooms.set(rid, { archived: change.archived });
    await say(change.archived ? 'room-archived' : 'room-unarchived', '');
  }
}

export async function deleteRoom(site: Site, rid: string): Promise<void> {
  const room = await site.db.rooms.byId(rid);
  if (room === undefined) return;
  if ((await site.hooks.askRoom('IPreRoomDeletePrevent', room)) === true)
    throw new MeteorError('error-app-prevented-deleting', 'A Rocket.Chat App prevented the room erasing.');
  await site.db.messages.remove((message) => message.rid === rid);
  await site.db.subscriptions.remove((subscription) => subscription.rid === rid);
  await site.db.rooms.remove(({ _id }) => _id === rid);
  site.hooks.tellRoom('IPostRoomDeleted', room);
}
