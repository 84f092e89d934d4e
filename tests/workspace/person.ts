/** A user in a test's hands: what a person can do in the client. */
import type { Waiting } from './changes.ts';
import { roomById } from './convert/rooms.ts';
import { messageToApp } from './convert/messages.ts';
import { userById } from './convert/users.ts';
import { splitArguments } from './commands.ts';
import { deleteMessage, mayChange, pin, react, star, updateMessage } from './edits.ts';
import { MeteorError } from './failure.ts';
import { randomId } from './ids.ts';
import type { Instance } from './instance.ts';
import { addUserToRoom, removeUserFromRoom, setMuted, setRole } from './membership.ts';
import { sendMessage } from './messages.ts';
import type { Interaction, Notice } from './notices.ts';
import { hasPermission } from './permissions.ts';
import type { MessageDoc, UploadDoc, UserDoc, UserType } from './records.ts';
import type { Room } from './room.ts';
import { changeRoom, type RoomChange } from './rooms.ts';
import { type Caption, post, store } from './uploads.ts';
import { changeProfile, deleteUser, keepAvatar, resetAvatar, setActive, setPresence } from './users.ts';
import { viewMessage, type Message } from './view.ts';
import type { Workspace } from './workspace.ts';

export interface PersonOptions {
  name?: string;
  roles?: string[];
  type?: UserType;
  on?: Instance;
}

/** At which instance; the first that runs unless told. */
export interface At {
  on?: Instance;
}

/** A file as somebody posts it. */
interface PostedFile {
  name: string;
  bytes: Buffer;
  type?: string;
  /** The smaller picture that a server would make of it. */
  thumbnail?: Buffer;
}

export class Person {
  constructor(
    private readonly ws: Workspace,
    readonly id: string,
  ) {}

  doc(): UserDoc {
    const user = this.ws.database.users.docs.get(this.id);
    if (user === undefined) throw new MeteorError('error-invalid-user', `User ${this.id} is gone`);
    return structuredClone(user);
  }

  get username(): string {
    return this.doc().username;
  }

  /** A personal access token, for requests with `X-User-Id` and `X-Auth-Token`. */
  get token(): string {
    return [...this.ws.tokens].find(([, uid]) => uid === this.id)?.[0] ?? '';
  }

  async say(
    room: Room,
    text: string,
    { tmid, on, ...fields }: At & Partial<MessageDoc> = {},
  ): Promise<Message> {
    const given = {
      ...(fields as Partial<MessageDoc>),
      _id: fields._id ?? randomId(),
      rid: room.id,
      msg: text,
      ...(tmid !== undefined && { tmid }),
    };
    const sent = await sendMessage(this.ws.site(on), this.id, given);
    if (sent === undefined)
      throw new MeteorError(
        'error-message-not-sent',
        'The message was prevented by an App, or its id is taken',
      );
    return viewMessage(sent);
  }

  async edit({ id }: Pick<Message, 'id'>, text: string, { on }: At = {}): Promise<void> {
    const site = this.ws.site(on);
    const message = await this.existing(id, on);
    await mayChange(site, this.id, message, 'edit-message');
    await updateMessage(site, { _id: id, msg: text }, this.doc());
  }

  async delete({ id }: Pick<Message, 'id'>, { on }: At = {}): Promise<void> {
    await mayChange(this.ws.site(on), this.id, await this.existing(id, on), 'delete-message');
    await deleteMessage(this.ws.site(on), id, this.doc());
  }

  /** Toggles, as a click does. */
  react({ id }: Pick<Message, 'id'>, emoji: string, { on }: At = {}): Promise<void> {
    return react(this.ws.site(on), this.id, emoji, id);
  }

  pin({ id }: Pick<Message, 'id'>, pinned = true, { on }: At = {}): Promise<void> {
    return pin(this.ws.site(on), id, this.doc(), pinned);
  }

  star({ id }: Pick<Message, 'id'>, starred = true, { on }: At = {}): Promise<void> {
    return star(this.ws.site(on), id, this.doc(), starred);
  }

  /** Posts a file; answers its message. */
  upload(room: Room, file: PostedFile, at: At = {}): Promise<Message> {
    return this.uploadAll(room, [file], {}, at);
  }

  /** Posts several files in one message, with a caption; answers the message. */
  async uploadAll(
    room: Room,
    files: readonly PostedFile[],
    caption: Caption = {},
    { on }: At = {},
  ): Promise<Message> {
    const site = this.ws.site(on);
    const storing = files.map(({ name, bytes, type }) =>
      store(site, { name, rid: room.id, userId: this.id, ...(type !== undefined && { type }) }, bytes),
    );
    const stored = await Promise.all(storing);
    const thumbnails = new Map<UploadDoc, UploadDoc>();
    for (const [at, { name, thumbnail }] of files.entries()) {
      const of = stored[at];
      if (of === undefined || thumbnail === undefined) continue;
      const given = { name: `thumb-${name}`, rid: room.id, userId: this.id };
      thumbnails.set(of, await store(site, given, thumbnail));
    }
    await post(site, stored, caption, thumbnails);
    return room.expectMessage(({ fileId }) => fileId === stored[0]?._id);
  }

  async join(room: Room, { on }: At = {}): Promise<void> {
    await addUserToRoom(this.ws.site(on), room.id, this.doc());
  }

  leave(room: Room, { on }: At = {}): Promise<void> {
    return removeUserFromRoom(this.ws.site(on), room.id, this.doc());
  }

  async invite(room: Room, other: Person, { on }: At = {}): Promise<void> {
    await addUserToRoom(this.ws.site(on), room.id, other.doc(), this.doc());
  }

  async kick(room: Room, other: Person, { on }: At = {}): Promise<void> {
    if (!(await hasPermission(this.ws.site(on), this.id, 'remove-user', room.id)))
      throw new MeteorError('error-not-allowed', 'Not allowed');
    await removeUserFromRoom(this.ws.site(on), room.id, other.doc(), this.doc());
  }

  change(room: Room, change: RoomChange, { on }: At = {}): Promise<void> {
    return changeRoom(this.ws.site(on), room.id, this.doc(), change);
  }

  role(
    room: Room,
    other: Person,
    role: 'owner' | 'moderator' | 'leader',
    given = true,
    { on }: At = {},
  ): Promise<void> {
    return setRole(this.ws.site(on), room.doc(), other.doc(), role, this.doc(), given);
  }

  mute(room: Room, other: Person, muted = true, { on }: At = {}): Promise<void> {
    return setMuted(this.ws.site(on), room.doc(), other.doc(), this.doc(), muted);
  }

  /** Name, bio and the like: the one change of a user Apps hear of. */
  changeProfile(fields: Partial<UserDoc>, { on }: At = {}): Promise<void> {
    return changeProfile(this.ws.site(on), this.id, fields);
  }

  /** Another picture. Apps are not told. */
  setAvatar(picture: { type: string; bytes: Buffer }, { on }: At = {}): void {
    keepAvatar(this.ws.site(on), this.username, picture);
  }

  /** Back to the initials. */
  resetAvatar({ on }: At = {}): void {
    resetAvatar(this.ws.site(on), this.username);
  }

  /** An administrator deactivates or reactivates the account. Apps are not told. */
  setActive(active: boolean, { on }: At = {}): Promise<void> {
    return setActive(this.ws.site(on), this.id, active);
  }

  setPresence(
    status: 'online' | 'away' | 'busy' | 'offline',
    statusText?: string,
    { on }: At = {},
  ): Promise<void> {
    return setPresence(this.ws.site(on), this.id, status, statusText);
  }

  remove({ on }: At = {}): Promise<void> {
    return deleteUser(this.ws.site(on), this.id);
  }

  /** Runs `/name arguments` as typed into the room; resolves when the App is done. */
  async command(room: Room, typed: string, { tmid, on }: At & { tmid?: string } = {}): Promise<void> {
    const instance = this.server(on);
    const [, name = '', rest = ''] = /^\/(\S+)\s*(.*)$/s.exec(typed) ?? [];
    if (!instance.commands.runs(name))
      throw new MeteorError('error-invalid-command', `No such command: ${typed}`);
    const [user, where] = await Promise.all([
      userById(instance.site, this.id),
      roomById(instance.site, room.id),
    ]);
    const context = new instance.engine.SlashCommandContext(
      user as never,
      where as never,
      splitArguments(rest),
      tmid,
      randomId(),
    );
    await instance.manager.getCommandManager().executeCommand(name, context);
  }

  /** Presses a button or picks from a list in a message, or in an opened view; answers what the App answered. */
  async pressButton(
    where: Message | { view: Record<string, unknown>; appId: string },
    actionId: string,
    { value, blockId, appId, on }: At & { value?: unknown; blockId?: string; appId?: string } = {},
  ): Promise<unknown> {
    const instance = this.server(on);
    const message =
      'view' in where
        ? undefined
        : await messageToApp(instance.site, await instance.site.db.messages.byId(where.id));
    const owner = 'view' in where ? where.appId : (appId ?? blockOwner(where, actionId));
    return this.interact(instance, {
      type: 'blockAction',
      appId: owner,
      actionId,
      payload: { value, blockId },
      ...(message !== undefined && {
        message,
        room: message.room,
        container: { type: 'message', id: message.id },
      }),
      ...('view' in where && { container: { type: 'view', id: where.view['id'] } }),
    });
  }

  /** Submits an opened view with what was filled in: `state[blockId][actionId]`. */
  submitView(
    view: Record<string, unknown>,
    appId: string,
    state: object = {},
    { on }: At = {},
  ): Promise<unknown> {
    return this.interact(this.server(on), {
      type: 'viewSubmit',
      appId,
      payload: { view: { ...view, state } },
    });
  }

  closeView(view: Record<string, unknown>, appId: string, { on }: At = {}): Promise<unknown> {
    return this.interact(this.server(on), { type: 'viewClosed', appId, payload: { view, isCleared: true } });
  }

  /** Uses one of the App's own buttons of the client: of a room, a message, the message box, the user's own menu. */
  async actionButton(
    appId: string,
    actionId: string,
    room: Room | undefined,
    { context = 'roomAction', message, on }: At & { context?: string; message?: Message } = {},
  ): Promise<unknown> {
    const instance = this.server(on);
    const about =
      message && (await messageToApp(instance.site, await instance.site.db.messages.byId(message.id)));
    const where = room && (await roomById(instance.site, room.id));
    return this.interact(instance, {
      type: 'actionButton',
      appId,
      actionId,
      payload: { context },
      ...(where && { room: where }),
      ...(about && { message: about }),
    });
  }

  private async interact(instance: Instance, interaction: Record<string, unknown>): Promise<unknown> {
    const user = await userById(instance.site, this.id);
    return instance.manager
      .getListenerManager()
      .executeListener(
        'IUIKitInteractionHandler' as never,
        { triggerId: randomId(), user, ...interaction } as never,
      );
  }

  /** Ephemeral messages only this person saw. */
  notices(room?: Room): Notice[] {
    return this.ws.notices.ephemeral.filter(
      ({ uid, rid }) => uid === this.id && (room === undefined || rid === room.id),
    );
  }

  expectNotice(wanted: (notice: Notice) => boolean, waiting?: Waiting): Promise<Notice> {
    const seen = (): string =>
      this.notices()
        .map(({ text }) => `\n  ${text}`)
        .join('') || 'nothing';
    return this.ws.until(`a notice to ${this.username}`, () => this.notices().find(wanted), waiting, seen);
  }

  /** Views and errors the App opened at this person's client. */
  interactions(): Interaction['interaction'][] {
    return this.ws.notices.interactions
      .filter(({ uid }) => uid === this.id)
      .map(({ interaction }) => interaction);
  }

  private server(on?: Instance): Instance {
    const instance = on ?? this.ws.instances.find(({ running }) => running);
    if (instance === undefined) throw new Error('no instance runs');
    return instance;
  }

  private async existing(id: string, on?: Instance): Promise<MessageDoc> {
    const message = await this.ws.site(on).db.messages.byId(id);
    if (message === undefined) throw new MeteorError('error-invalid-message', 'Invalid message');
    return message;
  }
}

/** Blocks carry the id of the App that made them. */
function blockOwner({ raw }: Message, actionId: string): string {
  const blocks = JSON.stringify(raw['blocks'] ?? []);
  const [, appId = ''] = /"appId":"([^"]+)"/.exec(blocks) ?? [];
  if (appId === '') throw new Error(`no block of the message belongs to an App; looked for ${actionId}`);
  return appId;
}
