/**
 * The workspace's MongoDB: one set of collections, shared by every server instance.
 *
 * Documents are copied in and out, and every operation takes real (small) time, so that what races on
 * a server races here. An instance reaches it through a connection of its own; when the instance
 * crashes its connection goes dead, and what it had under way is never answered: as with a killed process.
 */
import { randomId } from './ids.ts';
import type { Changes } from './changes.ts';
import type {
  Doc,
  JobDoc,
  MessageDoc,
  PersistenceDoc,
  RoomDoc,
  SubscriptionDoc,
  UploadDoc,
  UserDoc,
} from './records.ts';

type Match<D> = (doc: D) => boolean;

export class Collection<D extends Doc> {
  /** Insertion order is kept, as a small MongoDB collection does in practice. */
  readonly docs = new Map<string, D>();
  /** Why nothing more is taken: a full disk, a quota. */
  full: string | undefined;
  /** What each insert waits for: a slow disk. */
  slow: (() => Promise<void>) | undefined;

  constructor(
    readonly name: string,
    private readonly changes: Changes,
    private readonly unique: (keyof D & string)[] = ['_id'],
  ) {}

  insert(doc: Omit<D, '_id'> & { _id?: string }): D {
    if (this.full !== undefined) throw new Error(this.full);
    const kept = structuredClone({ ...doc, _id: doc._id ?? randomId() }) as D;
    for (const field of this.unique) {
      const value = kept[field];
      const taken =
        field === '_id'
          ? this.docs.has(kept._id)
          : [...this.docs.values()].some((doc) => doc[field] === value);
      if (taken)
        throw Object.assign(
          new Error(
            `E11000 duplicate key error collection: rocketchat.${this.name} index: ${field} dup key: { ${field}: "${String(value)}" }`,
          ),
          {
            code: 11000,
          },
        );
    }
    this.docs.set(kept._id, kept);
    this.changes.touch();
    return structuredClone(kept);
  }

  find(match: Match<D>): D[] {
    return [...this.docs.values()].filter(match).map((doc) => structuredClone(doc));
  }

  /** `$set`, with `undefined` as `$unset`. Says whether there was one. */
  set(id: string, fields: Partial<D>): boolean {
    const doc = this.docs.get(id);
    if (doc === undefined) return false;
    for (const [field, value] of Object.entries<unknown>(structuredClone(fields))) {
      if (value === undefined) Reflect.deleteProperty(doc, field);
      else Object.assign(doc, { [field]: value });
    }
    this.changes.touch();
    return true;
  }

  remove(match: Match<D>): number {
    const gone = [...this.docs.values()].filter(match);
    for (const { _id } of gone) this.docs.delete(_id);
    if (gone.length > 0) this.changes.touch();
    return gone.length;
  }
}

export class Database {
  readonly users: Collection<UserDoc>;
  readonly rooms: Collection<RoomDoc>;
  readonly messages: Collection<MessageDoc>;
  readonly subscriptions: Collection<SubscriptionDoc>;
  readonly uploads: Collection<UploadDoc>;
  readonly persistence: Collection<PersistenceDoc>;
  readonly jobs: Collection<JobDoc>;
  readonly teams: Collection<Doc & { name: string }>;

  constructor(changes: Changes) {
    this.users = new Collection('users', changes, ['_id', 'username']);
    this.rooms = new Collection('rocketchat_room', changes);
    this.messages = new Collection('rocketchat_message', changes);
    this.subscriptions = new Collection('rocketchat_subscription', changes);
    this.uploads = new Collection('rocketchat_uploads', changes);
    this.persistence = new Collection('rocketchat_apps_persistence', changes);
    this.jobs = new Collection('rocketchat_apps_scheduler', changes);
    this.teams = new Collection('rocketchat_team', changes, ['_id', 'name']);
  }
}

/** One collection through one connection: the same, but asynchronous. */
export class Table<D extends Doc> {
  constructor(
    private readonly collection: Collection<D>,
    private readonly turn: () => Promise<void>,
  ) {}

  async byId(id: string | undefined): Promise<D | undefined> {
    await this.turn();
    const doc = id === undefined ? undefined : this.collection.docs.get(id);
    return doc && structuredClone(doc);
  }

  async find(match: Match<D>): Promise<D[]> {
    await this.turn();
    return this.collection.find(match);
  }

  async one(match: Match<D>): Promise<D | undefined> {
    return (await this.find(match))[0];
  }

  async insert(doc: Omit<D, '_id'> & { _id?: string }): Promise<D> {
    await this.turn();
    await this.collection.slow?.();
    return this.collection.insert(doc);
  }

  async set(id: string, fields: Partial<D>): Promise<boolean> {
    await this.turn();
    return this.collection.set(id, fields);
  }

  /** One atomic change of one document, as `$inc` and `$push` are. */
  async change(id: string, change: (doc: D) => Partial<D>): Promise<boolean> {
    await this.turn();
    const doc = this.collection.docs.get(id);
    return doc !== undefined && this.collection.set(id, change(structuredClone(doc)));
  }

  async remove(match: Match<D>): Promise<number> {
    await this.turn();
    return this.collection.remove(match);
  }
}

export class Connection {
  private alive = true;
  private readonly turn: () => Promise<void>;
  readonly users: Table<UserDoc>;
  readonly rooms: Table<RoomDoc>;
  readonly messages: Table<MessageDoc>;
  readonly subscriptions: Table<SubscriptionDoc>;
  readonly uploads: Table<UploadDoc>;
  readonly persistence: Table<PersistenceDoc>;
  readonly jobs: Table<JobDoc>;
  readonly teams: Table<Doc & { name: string }>;

  /** `latency` is the round trip of one operation. */
  constructor(database: Database, latency: () => Promise<void>) {
    this.turn = async () => {
      await latency();
      if (!this.alive) await new Promise<never>(() => undefined);
    };
    this.users = new Table(database.users, this.turn);
    this.rooms = new Table(database.rooms, this.turn);
    this.messages = new Table(database.messages, this.turn);
    this.subscriptions = new Table(database.subscriptions, this.turn);
    this.uploads = new Table(database.uploads, this.turn);
    this.persistence = new Table(database.persistence, this.turn);
    this.jobs = new Table(database.jobs, this.turn);
    this.teams = new Table(database.teams, this.turn);
  }

  /** From now on nothing is answered. */
  cut(): void {
    this.alive = false;
  }
}

/** A good millisecond, as measured: long enough for what is not guarded to race. */
export function nearby(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
