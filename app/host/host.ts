/** What the core may ask for, done. An error's message is the reason the core is given. */

import { randomBytes } from 'node:crypto';

import { type Log, reason } from '../log.ts';
import type { Answer, Effect, Input, Key, Loaded, Runtime, Tag } from '../protocol.ts';
import { within } from '../within.ts';
import type { Pictures } from './pictures.ts';
import type { RocketChat } from './rocketchat.ts';
import type { Site } from './site.ts';
import type { Store } from './store.ts';
import { Alarms } from './timer.ts';
import { largestLookup, type Transport } from './transport.ts';
import { Typing } from './typing.ts';

/** As the WebAssembly module knows it. */
export interface Host {
  /** In the order of the keys. */
  load(keys: Key[]): Promise<Loaded[]>;
  perform(effect: Effect): Promise<void>;
  now(): number;
  /** 32 random bytes. */
  entropy(): Uint8Array;
  /** Told before and after a step of an entry is decided. */
  deciding(tag: Tag | undefined): void;
  /** The entry being decided: if the core stopped just now, over this one. */
  readonly doing: Tag | undefined;
}

/** The workspace answers within this many milliseconds, or the read or write has failed. */
const patience = 60_000;

export class WorkspaceHost implements Host {
  private readonly alarms = new Alarms((scope) => {
    this.submit({ kind: 'wake', scope });
  });
  private readonly typing = new Typing((room, username) => this.rocketchat.typing(room, username));
  private closed = false;
  doing: Tag | undefined;

  constructor(
    private readonly store: Store,
    private readonly rocketchat: RocketChat,
    private readonly transport: () => Transport,
    private readonly submit: (input: Input) => void,
    private readonly log: Log,
    private readonly runtime: () => Runtime,
    private readonly setting: (id: string) => Promise<unknown>,
    private readonly site: Site,
    private readonly pictures: Pictures,
  ) {}

  async load(keys: Key[]): Promise<Loaded[]> {
    this.refuseIfClosed();
    return Promise.all(keys.map((key) => this.loadOne(key)));
  }

  async perform(effect: Effect): Promise<void> {
    this.refuseIfClosed();
    await within(patience, 'writing to the workspace', this.performOne(effect));
  }

  now(): number {
    return Date.now();
  }

  entropy(): Uint8Array {
    return new Uint8Array(randomBytes(32));
  }

  deciding(tag: Tag | undefined): void {
    this.doing = tag;
  }

  /** Before the core is started. */
  open(): void {
    this.closed = false;
  }

  /** Forgets all alarms and does nothing more: the tasks of a dropped core cannot be ended otherwise. */
  close(): void {
    this.closed = true;
    this.alarms.clear();
    this.typing.clear();
  }

  private refuseIfClosed(): void {
    if (this.closed) throw new Error('the App is switched off');
  }

  private async loadOne(key: Key): Promise<Loaded> {
    // It has a patience of its own, and no answer is an answer.
    if (key.kind === 'fetch') {
      return {
        kind: 'answer',
        answer: await this.transport().call(key.request, largestLookup),
      };
    }
    return within(patience, 'reading from the workspace', this.read(key));
  }

  private async read(key: Exclude<Key, { kind: 'fetch' }>): Promise<Loaded> {
    switch (key.kind) {
      case 'documents':
        return {
          kind: 'documents',
          bodies: await this.store.bodies(key.association),
        };
      case 'userByName':
        return {
          kind: 'user',
          user: await this.rocketchat.userByName(key.username),
        };
      case 'message':
        return {
          kind: 'message',
          message: await this.rocketchat.message(key.id),
        };
      case 'recent':
        return {
          kind: 'messages',
          messages: await this.rocketchat.recent(key.room, key.skip, key.limit),
        };
      case 'runtime':
        return { kind: 'runtime', runtime: this.runtime() };
      case 'setting':
        return {
          kind: 'setting',
          value: plain(await this.setting(key.id).catch(() => null)),
        };
      case 'direct':
        return {
          kind: 'room',
          room: await this.rocketchat.direct(key.members),
        };
      case 'members':
        return {
          kind: 'users',
          users: await this.rocketchat.members(key.room),
        };
      case 'room':
        return { kind: 'room', room: await this.rocketchat.room(key.id) };
      case 'roomByName':
        return { kind: 'room', room: await this.rocketchat.roomByName(key.name) };
      case 'postedFile':
        return {
          kind: 'file',
          text: await this.rocketchat.files.posted(key.room, key.user),
        };
      case 'userById':
        return { kind: 'user', user: await this.rocketchat.userById(key.id) };
      case 'avatar':
        return {
          kind: 'avatar',
          avatar: await this.site.avatar(key.username, key.known),
        };
    }
  }

  private async performOne(effect: Effect): Promise<void> {
    switch (effect.kind) {
      case 'insert':
        return this.store.insert(effect.document);
      case 'remove':
        return this.store.remove(effect.id);
      case 'call':
        this.later(effect.tag, this.transport().call(effect.request));
        return;
      case 'rest':
        this.later(effect.tag, this.site.rest(effect.path, effect.body));
        return;
      case 'carry':
        this.later(effect.tag, this.carry(effect));
        return;
      case 'wake':
        this.alarms.set(effect.scope, effect.at);
        return;
      case 'createUser':
        return this.rocketchat.createUser(effect.username, effect.name);
      case 'createMessage':
        this.typing.stop(effect.room, effect.sender);
        return this.rocketchat.createMessage(effect);
      case 'editMessage':
        return this.rocketchat.editMessage(effect.id, effect.editor, effect.text);
      case 'deleteMessage':
        return this.rocketchat.deleteMessage(effect.id, effect.by);
      case 'addMember':
        return this.rocketchat.addMember(effect.room, effect.username);
      case 'removeMember':
        this.typing.stop(effect.room, effect.username);
        return this.rocketchat.removeMember(effect.room, effect.username);
      case 'notify':
        return this.rocketchat.notify(effect.room, effect.user, effect.text);
      case 'log':
        this.log.say(effect.level, effect.text);
        return;
      case 'react':
        return this.rocketchat.react(effect.message, await this.rocketchat.user(effect.by), effect);
      case 'mark':
        return this.rocketchat.mark(effect.message, effect.reaction, effect.on);
      case 'typing':
        this.typing.show(effect.room, effect.who);
        return;
      case 'openDirect':
        return this.rocketchat.openDirect(effect.creator, effect.members);
      case 'tellRoom':
        return this.rocketchat.tellRoom(effect.id, effect.room, effect.text);
      case 'tellUser':
        return this.rocketchat.tellUser(effect.id, effect.username, effect.text);
      case 'show':
        return this.rocketchat.windows.show(effect.user, effect.place, effect.window);
      case 'next':
      case 'reconcile':
      case 'reply':
      case 'check':
      case 'serve':
        throw new Error(`the core keeps '${effect.kind}' to itself`);
    }
  }

  private async carry({ tag, from, to }: Extract<Effect, { kind: 'carry' }>): Promise<Answer> {
    const { files } = this.rocketchat;
    if (from.kind === 'upload' && to.kind === 'server')
      return from.streamed === null
        ? files.bring(from, to.request, this.transport())
        : files.stream(
            JSON.stringify(tag),
            { kept: from, name: from.streamed },
            to.request,
            this.site,
            this.transport(),
          );
    if (from.kind === 'server' && to.kind === 'room')
      return files.take(JSON.stringify(tag), from.request, to, this.transport());
    if (from.kind === 'server' && to.kind === 'media')
      return files.hand(JSON.stringify(tag), from.request, to, this.site, this.transport());
    return this.pictures.carry(from, to);
  }

  /** Not waited for: the answer is an input of its own. */
  private later(tag: Tag, coming: Promise<Answer>): void {
    coming
      .then((answer) => {
        if (!this.closed) this.submit({ kind: 'outcome', tag, answer });
      })
      .catch((error: unknown) => {
        this.log.error(`a call's answer could not be handed over: ${reason(error)}`);
      });
  }
}

/** As text, where it is one value. */
function plain(value: unknown): string | null {
  const isOne = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isOne ? String(value) : null;
}
