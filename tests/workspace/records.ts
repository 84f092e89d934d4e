/** Documents as Rocket.Chat keeps them in MongoDB: the fields the workspace itself reads, and any others. */

export interface Doc {
  _id: string;
  [field: string]: unknown;
}

export type UserType = 'user' | 'bot' | 'app';
export type RoomType = 'c' | 'p' | 'd' | 'l';

export interface UserDoc extends Doc {
  username: string;
  name?: string;
  type: UserType;
  roles: string[];
  active: boolean;
  status?: string;
  statusText?: string;
  statusConnection?: string;
  bio?: string;
  appId?: string;
  customFields?: Record<string, unknown>;
  createdAt: Date;
  _updatedAt: Date;
}

/** A user as messages and rooms name one. */
export interface UserRef {
  _id: string;
  username: string;
  name?: string | undefined;
}

export interface RoomDoc extends Doc {
  t: RoomType;
  name?: string;
  fname?: string;
  u?: UserRef;
  uids?: string[];
  usernames?: string[];
  prid?: string;
  msgs: number;
  usersCount: number;
  ro?: boolean;
  encrypted?: boolean;
  archived?: boolean;
  muted?: string[];
  unmuted?: string[];
  ts: Date;
  lm?: Date;
  _updatedAt: Date;
}

export interface MessageDoc extends Doc {
  rid: string;
  msg: string;
  ts: Date;
  u: UserRef;
  /** The kind of a system message. */
  t?: string;
  tmid?: string;
  tcount?: number;
  mentions?: { _id: string; username?: string; name?: string; type?: string }[];
  reactions?: Record<string, { usernames: string[] }>;
  attachments?: Record<string, unknown>[];
  file?: FileRef;
  files?: FileRef[];
  editedAt?: Date;
  editedBy?: { _id: string; username: string };
  md?: unknown;
  _updatedAt: Date;
}

export interface FileRef {
  _id: string;
  name: string;
  type: string;
}

export interface SubscriptionDoc extends Doc {
  rid: string;
  u: UserRef;
  roles?: string[];
  ts: Date;
  ls?: Date;
  unread: number;
}

export interface UploadDoc extends Doc {
  name: string;
  size: number;
  type: string;
  rid: string;
  userId: string;
  uploadedAt: Date;
  /** Until then it waits to be said. */
  expiresAt?: Date | undefined;
}

/** One record of an App's persistence. */
export interface PersistenceDoc extends Doc {
  appId: string;
  associations?: { model: string; id: string }[];
  data: object;
}

/** A scheduled job, as Agenda keeps it. */
export interface JobDoc extends Doc {
  name: string;
  /** `normal` is one-off, `single` is recurring. */
  type: 'normal' | 'single';
  data: Record<string, unknown>;
  nextRunAt: Date | null;
  lockedAt: Date | null;
  repeatInterval?: string | number;
  lastRunAt?: Date;
  lastFinishedAt?: Date;
  failedAt?: Date;
  failReason?: string;
  failCount?: number;
}
