// A Matrix user at a real client library, matrix-js-sdk: what this class sees, a person's client sees.

import {
  ClientEvent,
  createClient,
  Direction,
  KnownMembership,
  Method,
  SyncState,
  type ICreateRoomOpts,
  type IRequestOpts,
  type MatrixClient,
  type MatrixEvent,
  type Room,
} from 'matrix-js-sdk';
import { randomUUID } from 'node:crypto';
import { roomEvent, summary, type RoomEvent } from './room-event.ts';
import { silence, silentLogger } from './silence.ts';
import { until } from './waiting.ts';

// What `createRoom` takes, so that tests need not know the library.
export { Preset, Visibility } from 'matrix-js-sdk';

silence();

// As the library's rooms give it: any text may be a membership.
const INVITED: string = KnownMembership.Invite;

export interface LoginOptions {
  readonly baseUrl: string;
  /** Local part or full id. */
  readonly user: string;
  readonly password: string;
}

export interface WaitOptions {
  /** Milliseconds. Default: 30 seconds. */
  readonly timeout?: number;
}

export interface Invite {
  readonly roomId: string;
  readonly inviter: string;
  /** As the invitation shows it. */
  readonly name: string;
  readonly isDirect: boolean;
  readonly reason?: string;
}

export interface Member {
  readonly membership: string;
  readonly displayName?: string;
  readonly avatarUrl?: string;
  readonly reason?: string;
}

export type EventPredicate = string | RegExp | ((event: RoomEvent) => boolean);

const PATIENCE = 30_000;

export class MatrixUser {
  /** The client library itself, for everything this class has no word for. */
  readonly client: MatrixClient;
  readonly userId: string;
  /** What sync has brought, by room and in its order, each event once. */
  readonly #seen = new Map<string, Map<string, RoomEvent>>();

  /** Logs in and resolves after the first sync. */
  static async login(options: LoginOptions): Promise<MatrixUser> {
    const door = createClient({ baseUrl: options.baseUrl, logger: silentLogger });
    const session = await door.loginRequest({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: options.user },
      password: options.password,
    });
    const client = createClient({
      baseUrl: options.baseUrl,
      userId: session.user_id,
      accessToken: session.access_token,
      deviceId: session.device_id,
      logger: silentLogger,
    });
    const user = new MatrixUser(client, session.user_id);
    await user.#start();
    return user;
  }

  private constructor(client: MatrixClient, userId: string) {
    this.client = client;
    this.userId = userId;
    holdNoTimers(client);
    client.on(ClientEvent.Event, (event) => {
      this.#note(event);
    });
  }

  /** Stops syncing. The account stays. */
  stop(): void {
    this.client.stopClient();
    this.client.removeAllListeners();
  }

  /** Resolves with the room id once the room has come in through sync. */
  async createRoom(options: ICreateRoomOpts = {}): Promise<string> {
    const { room_id: roomId } = await this.client.createRoom(options);
    await this.#joined(roomId);
    return roomId;
  }

  /** Joins by id or alias, `via` other servers where ours does not know the room. */
  async join(room: string, options: { readonly via?: string[] } = {}): Promise<string> {
    const joined = await this.client.joinRoom(room, { viaServers: options.via ?? [] });
    await this.#joined(joined.roomId);
    return joined.roomId;
  }

  async leave(room: string): Promise<void> {
    await this.client.leave(room);
    await this.until(`${this.userId} to have left ${room}`, () => {
      const membership = this.client.getRoom(room)?.getMyMembership();
      return membership === KnownMembership.Join ? undefined : true;
    });
  }

  async invite(room: string, userId: string, reason?: string): Promise<void> {
    await this.client.invite(room, userId, reason);
  }

  /** Sends a text message and resolves with its event id. */
  async say(room: string, text: string, options: { readonly html?: string } = {}): Promise<string> {
    const { html } = options;
    const formatted = html === undefined ? {} : { format: 'org.matrix.custom.html', formatted_body: html };
    return await this.sendRaw(room, 'm.room.message', {
      msgtype: 'm.text',
      body: text,
      ...formatted,
    });
  }

  /** Sends any event, well-formed or not, and resolves with its id. */
  async sendRaw(room: string, type: string, content: Readonly<Record<string, unknown>>): Promise<string> {
    // Past the library's typed `sendEvent`, which rewrites relations and refuses unknown types.
    const path = `/rooms/${encodeURIComponent(room)}/send/${encodeURIComponent(type)}/${randomUUID()}`;
    return await this.#put(path, content);
  }

  async sendState(
    room: string,
    type: string,
    content: Readonly<Record<string, unknown>>,
    stateKey = '',
  ): Promise<string> {
    const path = `/rooms/${encodeURIComponent(room)}/state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`;
    return await this.#put(path, content);
  }

  /** The room's first message that fits, already here or still to come. */
  async expectMessage(
    room: string,
    predicate: EventPredicate,
    options: WaitOptions = {},
  ): Promise<RoomEvent> {
    const fits = asFunction(predicate);
    const isFitting = (event: RoomEvent): boolean => event.type === 'm.room.message' && fits(event);
    return await this.#expect(room, `a message ${String(predicate)}`, isFitting, options);
  }

  /** The same for events of every type, state and redactions included. */
  async expectEvent(
    room: string,
    predicate: (event: RoomEvent) => boolean,
    options: WaitOptions = {},
  ): Promise<RoomEvent> {
    return await this.#expect(room, `an event ${String(predicate)}`, predicate, options);
  }

  async expectInvite(
    predicate: (invite: Invite) => boolean = () => true,
    options: WaitOptions = {},
  ): Promise<Invite> {
    return await this.until(`an invitation of ${this.userId}`, () => this.invites().find(predicate), options);
  }

  /** The invitations that stand open. */
  invites(): Invite[] {
    return this.client
      .getRooms()
      .filter((room) => room.getMyMembership() === INVITED)
      .map((room) => this.#asInvite(room));
  }

  /**
   * Waits until `check`, asked after every sync, finds something. For what has no event: typing,
   * receipts, presence, membership. Read the state of the world from `client`.
   */
  async until<T>(what: string, check: () => T | undefined, options: WaitOptions = {}): Promise<T> {
    return await this.#until(what, check, options);
  }

  /**
   * The room's whole timeline as the server tells it, oldest first, paginated to its beginning:
   * the judge of what was lost, doubled or put out of order.
   */
  async timeline(room: string): Promise<RoomEvent[]> {
    const backwards: RoomEvent[] = [];
    let from: string | null = null;
    do {
      const page = await this.client.createMessagesRequest(room, from, 100, Direction.Backward);
      backwards.push(...page.chunk.map(roomEvent));
      from = page.end ?? null;
    } while (from !== null);
    return backwards.reverse();
  }

  /** The messages of `timeline`. */
  async messages(room: string): Promise<RoomEvent[]> {
    return (await this.timeline(room)).filter((event) => event.type === 'm.room.message');
  }

  /** Everybody with a membership, the left and banned included, as the server has it now. */
  async members(room: string): Promise<Map<string, Member>> {
    const answer = await this.client.members(room);
    return new Map((answer['chunk'] ?? []).map((event) => [event.state_key, asMember(event.content)]));
  }

  /** The content of one state event; undefined when there is none. */
  async state(room: string, type: string, key = ''): Promise<Record<string, unknown> | undefined> {
    return await this.client.getStateEvent(room, type, key).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  /** A user's global profile, asked of the server now. */
  async profile(userId: string): Promise<{ readonly displayName?: string; readonly avatarUrl?: string }> {
    const { displayname, avatar_url: avatarUrl } = await this.client.getProfileInfo(userId);
    return {
      ...(displayname === undefined ? {} : { displayName: displayname }),
      ...(avatarUrl === undefined ? {} : { avatarUrl }),
    };
  }

  /** Uploads a file and resolves with its mxc address. */
  async upload(bytes: Uint8Array, name: string, type: string): Promise<string> {
    const file = new Blob([new Uint8Array(bytes)], { type });
    const { content_uri: uri } = await this.client.uploadContent(file, { name, type });
    return uri;
  }

  async download(mxc: string): Promise<{ readonly bytes: Buffer; readonly type: string }> {
    const url = this.client.mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true);
    if (url === null) throw new Error(`${mxc} is no media address`);
    const headers = { authorization: `Bearer ${this.client.getAccessToken() ?? ''}` };
    const answer = await fetch(url, { headers });
    if (!answer.ok) throw new Error(`The download of ${mxc} was answered by ${answer.status}`);
    const type = answer.headers.get('content-type') ?? '';
    return { bytes: Buffer.from(await answer.arrayBuffer()), type };
  }

  async #start(): Promise<void> {
    await this.client.startClient({ initialSyncLimit: 1000 });
    await this.#until('the first sync', () => {
      const state = this.client.getSyncState();
      return state === SyncState.Prepared || state === SyncState.Syncing ? true : undefined;
    });
  }

  #note(event: MatrixEvent): void {
    const room = event.getRoomId();
    const wire = event.event;
    // Typing and receipts have no id, nor has the stripped state of an invitation.
    if (room === undefined || wire.event_id === undefined) return;
    const seen = this.#seen.get(room) ?? new Map<string, RoomEvent>();
    this.#seen.set(room, seen);
    if (!seen.has(wire.event_id)) seen.set(wire.event_id, roomEvent(wire));
  }

  async #expect(
    room: string,
    what: string,
    fits: (event: RoomEvent) => boolean,
    options: WaitOptions,
  ): Promise<RoomEvent> {
    let asked = 0;
    // Each event is shown to the predicate once, so that long timelines stay cheap.
    const check = (): RoomEvent | undefined => {
      const fresh = [...(this.#seen.get(room)?.values() ?? [])].slice(asked);
      asked += fresh.length;
      return fresh.find(fits);
    };
    const found = (): string => {
      const events = [...(this.#seen.get(room)?.values() ?? [])].slice(-25);
      return events.map(summary).join('\n') || `nothing, ${this.userId} has never seen the room`;
    };
    return await this.#until(`${what} in ${room}`, check, options, found);
  }

  #until<T>(
    what: string,
    check: () => T | undefined,
    options: WaitOptions = {},
    found?: () => string,
  ): Promise<T> {
    const subscribe = (changed: () => void): (() => void) => {
      // Emitted after every answer to sync, when all of it has been taken in.
      this.client.on(ClientEvent.Sync, changed);
      return () => this.client.off(ClientEvent.Sync, changed);
    };
    // After an outage the library lets up to ten seconds pass before it looks again.
    this.client.retryImmediately();
    const timeout = options.timeout ?? PATIENCE;
    return until(check, subscribe, { timeout, what, ...(found === undefined ? {} : { found }) });
  }

  async #joined(roomId: string): Promise<void> {
    await this.#until(`${this.userId} to be in ${roomId}`, () => {
      // The library makes a room up when it asks to join; only sync brings its state.
      const room = this.client.getRoom(roomId);
      const create = room?.getLiveTimeline().getState(Direction.Forward)?.getStateEvents('m.room.create', '');
      const isIn = room?.getMyMembership() === KnownMembership.Join;
      return isIn && create ? true : undefined;
    });
  }

  async #put(path: string, content: Readonly<Record<string, unknown>>): Promise<string> {
    const answer = await this.client.http.authedRequest<{ event_id: string }>(
      Method.Put,
      path,
      undefined,
      content,
    );
    return answer.event_id;
  }

  #asInvite(room: Room): Invite {
    const own = room.getMember(this.userId)?.events.member;
    const content = own?.getContent() ?? {};
    const reason: unknown = content['reason'];
    return {
      roomId: room.roomId,
      inviter: own?.getSender() ?? '',
      name: room.name,
      isDirect: content['is_direct'] === true,
      ...(typeof reason === 'string' ? { reason } : {}),
    };
  }
}

/**
 * The library never clears the timers of its request time-outs: those of /sync would keep a
 * finished test's process alive for 110 seconds. On loopback a dead server closes its connections,
 * so the requests go without; `stop` aborts them.
 */
function holdNoTimers(client: MatrixClient): void {
  const { http } = client;
  const authedRequest = http.authedRequest.bind(http);
  const request = http.request.bind(http);
  http.authedRequest = (method, path, query, body, options) =>
    authedRequest(method, path, query, body, untimed(options));
  http.request = (method, path, query, body, options) => request(method, path, query, body, untimed(options));
}

function untimed(options: IRequestOpts | undefined): IRequestOpts {
  const { localTimeoutMs: _, ...rest } = options ?? {};
  return rest;
}

function asFunction(predicate: EventPredicate): (event: RoomEvent) => boolean {
  if (typeof predicate === 'function') return predicate;
  return ({ content }) => {
    const body = content['body'];
    if (typeof body !== 'string') return false;
    return typeof predicate === 'string' ? body === predicate : predicate.test(body);
  };
}

function asMember(content: object): Member {
  const fields = content as Record<string, unknown>;
  const text = (name: string): string | undefined =>
    typeof fields[name] === 'string' ? fields[name] : undefined;
  const displayName = text('displayname');
  const avatarUrl = text('avatar_url');
  const reason = text('reason');
  return {
    membership: text('membership') ?? '',
    ...(displayName === undefined ? {} : { displayName }),
    ...(avatarUrl === undefined ? {} : { avatarUrl }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 'M_NOT_FOUND';
}
