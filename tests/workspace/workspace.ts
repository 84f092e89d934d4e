/**
 * A Rocket.Chat workspace in a box: its database, its people and rooms, and the server instances over it.
 */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Changes, type Waiting } from './changes.ts';
import { userToApp } from './convert/users.ts';
import { Connection, Database, nearby } from './database.ts';
import { TARGET } from './engine/paths.ts';
import { Hooks } from './hooks.ts';
import { randomId } from './ids.ts';
import { Instance, type InstanceOptions } from './instance.ts';
import { Notices, type Typing } from './notices.ts';
import { DEFAULT_PERMISSIONS } from './permissions.ts';
import { Person, type PersonOptions } from './person.ts';
import type { MessageDoc, RoomDoc } from './records.ts';
import { removedWithUs } from './processes.ts';
import { Room } from './room.ts';
import { createDirect, createRoom } from './rooms.ts';
import { SERVER_TIMES, type SchedulerTimes } from './scheduler.ts';
import { WorkspaceSettings } from './settings.ts';
import type { Site } from './site.ts';
import type { AppShelf } from './storage.ts';

export interface WorkspaceOptions {
  siteUrl?: string;
  /** Workspace settings by their Rocket.Chat id. */
  settings?: Record<string, unknown>;
  /** The environment of the server processes. */
  environment?: Record<string, string>;
  /** Shortened in tests, where nobody wants to wait five seconds. */
  scheduler?: Partial<SchedulerTimes>;
  /** One database round trip. */
  latency?: () => Promise<void>;
}

export interface RoomOptions {
  members?: Person[];
  /** The first member unless told. */
  owner?: Person;
  type?: 'c' | 'p' | 'd';
  /** Under Rocket.Chat's own encryption. */
  encrypted?: boolean;
  /** Further fields of the document, laid over it without hook or system message. */
  fields?: Record<string, unknown>;
  on?: Instance;
}

/** One line of an App's log. */
export interface LogLine {
  method: string;
  severity: string;
  args: unknown[];
}

export class Workspace {
  readonly changes = new Changes();
  readonly database = new Database(this.changes);
  readonly notices = new Notices(this.changes);
  readonly settings: WorkspaceSettings;
  readonly environment: Record<string, string>;
  readonly permissions = structuredClone(DEFAULT_PERMISSIONS);
  readonly times: SchedulerTimes;
  readonly latency: () => Promise<void>;
  /** The Apps' packages, data and logs. */
  readonly shelf: AppShelf = { items: new Map(), zips: new Map(), logs: [] };
  /** The bytes of uploads, and of avatars by username. */
  readonly files = new Map<string, Buffer>();
  readonly avatars = new Map<string, { type: string; bytes: Buffer; uploadedAt: Date }>();
  /** Who a personal token belongs to. */
  readonly tokens = new Map<string, string>();
  /** Errors of un-awaited hooks: on a server they end in its log. */
  readonly faults: { event: string; error: unknown }[] = [];
  readonly instances: Instance[] = [];
  readonly temp: string;
  private readonly nowhere: Site;

  private constructor({ siteUrl, settings, environment, scheduler, latency }: WorkspaceOptions) {
    this.settings = new WorkspaceSettings({
      ...(siteUrl !== undefined && { Site_Url: siteUrl }),
      ...settings,
    });
    this.environment = { ROOT_URL: this.settings.string('Site_Url'), NODE_ENV: 'production', ...environment };
    this.times = { ...SERVER_TIMES, ...scheduler };
    this.latency = latency ?? nearby;
    this.temp = path.join(TARGET, 'temp', randomId());
    mkdirSync(this.temp, { recursive: true });
    removedWithUs(this.temp);
    const hooks: Hooks = new Hooks(
      () => this.nowhere,
      () => undefined,
      () => undefined,
    );
    this.nowhere = { ws: this, db: new Connection(this.database, this.latency), hooks, temp: this.temp };
  }

  static async create(options: WorkspaceOptions = {}): Promise<Workspace> {
    const ws = new Workspace(options);
    await ws.createUser('rocket.cat', { name: 'Rocket.Cat', roles: ['bot'], type: 'bot' });
    await ws.createUser('admin', { roles: ['admin'] });
    return ws;
  }

  /** A further server over the same database; Apps installed already are started there too. */
  startInstance(options: InstanceOptions = {}): Promise<Instance> {
    return Instance.start(this, options);
  }

  /** Where something happens when a test does not say: the first instance that runs, or none. */
  site(on?: Instance): Site {
    return on?.site ?? this.instances.find(({ running }) => running)?.site ?? this.nowhere;
  }

  get admin(): Person {
    const [admin] = this.database.users.find(({ username }) => username === 'admin');
    return new Person(this, admin?._id ?? '');
  }

  async createUser(
    username: string,
    { name, roles = ['user'], type = 'user', on }: PersonOptions = {},
  ): Promise<Person> {
    const now = new Date();
    const { db, hooks } = this.site(on);
    const user = await db.users.insert({
      username,
      name: name ?? username,
      type,
      roles,
      active: true,
      status: 'online',
      statusConnection: 'online',
      emails: [{ address: `${username}@example.org`, verified: true }],
      createdAt: now,
      _updatedAt: now,
    });
    this.tokens.set(randomId(), user._id);
    hooks.tell('IPostUserCreated', () => Promise.resolve({ user: userToApp(user) }));
    return new Person(this, user._id);
  }

  async createChannel(
    name: string,
    { members = [], owner, type = 'c', encrypted, fields, on }: RoomOptions = {},
  ): Promise<Room> {
    const site = this.site(on);
    const creator = (owner ?? members[0] ?? this.admin).doc();
    const names = members.map(({ username }) => username);
    const extra = { ...(encrypted === true && { encrypted }), ...fields };
    const made: RoomDoc =
      type === 'd'
        ? await createDirect(site, creator, names)
        : await createRoom(site, { t: type, name, owner: creator, members: names, extra });
    return new Room(this, made._id);
  }

  /** The handle of a room which is there already, by name or id. */
  room(nameOrId: string): Room | undefined {
    const [room] = this.database.rooms.find(
      ({ _id, name, fname }) => _id === nameOrId || name === nameOrId || fname === nameOrId,
    );
    return room && new Room(this, room._id);
  }

  rooms(): Room[] {
    return this.database.rooms.find(() => true).map(({ _id }) => new Room(this, _id));
  }

  user(nameOrId: string): Person | undefined {
    const [user] = this.database.users.find(({ _id, username }) => _id === nameOrId || username === nameOrId);
    return user && new Person(this, user._id);
  }

  users(): Person[] {
    return this.database.users.find(() => true).map(({ _id }) => new Person(this, _id));
  }

  /** Waits until `look` finds something; it is asked again after every change. */
  until<Found>(
    what: string,
    look: () => Found | undefined | false,
    waiting?: Waiting,
    seen?: () => string,
  ): Promise<Found> {
    return this.changes.until(what, look, waiting, seen);
  }

  expectRoom(what: string, look: (room: Room) => boolean, waiting?: Waiting): Promise<Room> {
    return this.until(
      `room: ${what}`,
      () => this.rooms().find(look),
      waiting,
      () => JSON.stringify(this.rooms().map(({ name }) => name)),
    );
  }

  expectUser(username: string, waiting?: Waiting): Promise<Person> {
    return this.until(
      `user ${username}`,
      () => this.user(username),
      waiting,
      () => JSON.stringify(this.users().map((user) => user.username)),
    );
  }

  /** What an App wrote into its log, oldest first. */
  logs(appId: string): LogLine[] {
    return this.shelf.logs
      .filter((entry) => entry.appId === appId)
      .flatMap(({ method, entries }) => entries.map(({ severity, args }) => ({ method, severity, args })));
  }

  /** Everything typed in a room, as clients were told. */
  typing(room: Room): Typing[] {
    return this.notices.typing.filter(({ rid }) => rid === room.id);
  }

  persistence(appId: string) {
    return this.database.persistence.find((record) => record.appId === appId);
  }

  jobs() {
    return this.database.jobs.find(() => true);
  }

  emoji(reaction: string): boolean {
    return /^:[a-z0-9_+-]+:$/i.test(reaction);
  }

  messageLink({ _id, rid }: MessageDoc): string {
    const room = this.database.rooms.docs.get(rid);
    const kind = { c: 'channel', p: 'group', d: 'direct', l: 'live' }[room?.t ?? 'c'];
    return `${this.settings.string('Site_Url')}/${kind}/${room?.name ?? rid}?msg=${_id}`;
  }

  /** Stops every instance and every process any of them ever started. */
  async close(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
    await rm(this.temp, { recursive: true, force: true });
  }
}
