/**
 * Tells the Apps of one instance what happened there, as Rocket.Chat does: 'pre' hooks are waited for,
 * 'post' hooks are not, so they may overtake each other and may be lost.
 *
 * A test can hold, reorder, delay or drop the 'post' ones on purpose.
 */
import type { AppListenerManager } from '@rocket.chat/apps-engine/server/managers/index.js';
import type { IMessage } from '@rocket.chat/apps-engine/definition/messages/index.js';
import type { IRoom } from '@rocket.chat/apps-engine/definition/rooms/index.js';
import { messageFromApp, messageToApp } from './convert/messages.ts';
import { roomFromApp, roomToApp } from './convert/rooms.ts';
import { userToApp } from './convert/users.ts';
import type { MessageDoc, RoomDoc, UserDoc } from './records.ts';
import type { Site } from './site.ts';

/** What an App's hook gets, named as the engine names it. */
export interface Hook {
  /** `IPostMessageSent` and its like. */
  event: string;
  /** What the hook is handed: a message, a room, or a context around them. */
  data: unknown;
}

type Pick = (hook: Hook) => boolean;
type Outcome = (event: string, error: unknown) => void;

const ALWAYS: Pick = () => true;

export class Hooks {
  private held: Hook[] | undefined;
  private holds: Pick = ALWAYS;
  private drops: Pick | undefined;
  private waits: ((hook: Hook) => number) | undefined;
  /** Every 'post' hook handed to the engine or dropped, in order. */
  readonly told: (Hook & { lost: boolean })[] = [];

  constructor(
    private readonly site: () => Site,
    private readonly listeners: () => AppListenerManager | undefined,
    private readonly failed: Outcome,
  ) {}

  /** Keeps the hooks back from now on; those `pick` does not want go through. */
  hold(pick: Pick = ALWAYS): void {
    this.held ??= [];
    this.holds = pick;
  }

  /** Lets the held ones go, in their order, and holds no more. */
  release(): void {
    this.reorder((hooks) => hooks);
  }

  /** Lets the held ones go in another order; what `order` leaves out is lost. */
  reorder(order: (hooks: Hook[]) => Hook[]): void {
    const held = this.held ?? [];
    this.held = undefined;
    const kept = order([...held]);
    for (const hook of held) if (!kept.includes(hook)) this.told.push({ ...hook, lost: true });
    for (const hook of kept) this.deliver(hook);
  }

  /** Hooks that have happened and are kept back. */
  waiting(): readonly Hook[] {
    return this.held ?? [];
  }

  /** Each hook comes so many milliseconds late; without an argument no more. */
  delay(milliseconds?: (hook: Hook) => number): void {
    this.waits = milliseconds;
  }

  /** Loses the hooks `pick` names; without an argument no more. */
  drop(pick?: Pick): void {
    this.drops = pick;
  }

  /** Whether an App of this instance listens. */
  heard(event: string): boolean {
    const listeners = this.listeners();
    return listeners !== undefined && listeners.getListeners(event as never).length > 0;
  }

  /** A hook that is waited for. Answers `undefined` where no App listens. */
  async ask(event: string, data: unknown): Promise<unknown> {
    return this.heard(event) ? this.listeners()?.executeListener(event as never, data as never) : undefined;
  }

  async askMessage(event: string, message: MessageDoc): Promise<boolean | Partial<MessageDoc> | undefined> {
    if (!this.heard(event)) return undefined;
    const answer = await this.ask(event, await messageToApp(this.site(), message));
    return typeof answer === 'object' && answer !== null
      ? messageFromApp(this.site(), answer as IMessage)
      : (answer as boolean | undefined);
  }

  async askRoom(
    event: string,
    room: RoomDoc,
    also?: Record<string, UserDoc | undefined>,
  ): Promise<boolean | Partial<RoomDoc> | undefined> {
    if (!this.heard(event)) return undefined;
    const converted = await roomToApp(this.site(), room);
    const answer = await this.ask(
      event,
      also === undefined ? converted : { room: converted, ...people(also) },
    );
    return typeof answer === 'object' && answer !== null
      ? roomFromApp(this.site(), answer as IRoom)
      : (answer as boolean | undefined);
  }

  /** A hook nobody waits for. */
  tell(event: string, data: () => Promise<unknown>): void {
    if (this.listeners() === undefined) return;
    data().then(
      (converted) => {
        this.pass({ event, data: converted });
      },
      (error: unknown) => {
        this.failed(event, error);
      },
    );
  }

  tellMessage(event: string, message: MessageDoc, also?: Record<string, unknown>): void {
    // Copied at once: what the hook shows is the message as it was when it happened.
    const then = structuredClone(message);
    this.tell(event, async () => {
      const converted = await messageToApp(this.site(), then);
      return also === undefined ? converted : { message: converted, ...also };
    });
  }

  tellRoom(event: string, room: RoomDoc, also?: Record<string, UserDoc | undefined>): void {
    const then = structuredClone(room);
    this.tell(event, async () => {
      const converted = await roomToApp(this.site(), then);
      return also === undefined ? converted : { room: converted, ...people(also) };
    });
  }

  private pass(hook: Hook): void {
    if (this.drops?.(hook) === true) this.told.push({ ...hook, lost: true });
    else if (this.held !== undefined && this.holds(hook)) {
      this.held.push(hook);
      this.site().ws.changes.touch();
    } else {
      const wait = this.waits?.(hook) ?? 0;
      if (wait === 0) this.deliver(hook);
      else
        setTimeout(() => {
          this.deliver(hook);
        }, wait).unref();
    }
  }

  private deliver(hook: Hook): void {
    this.told.push({ ...hook, lost: false });
    this.site().ws.changes.touch();
    this.listeners()
      ?.executeListener(hook.event as never, hook.data as never)
      .catch((error: unknown) => {
        this.failed(hook.event, error);
      });
  }
}

function people(users: Record<string, UserDoc | undefined>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(users).map(([role, user]) => [role, userToApp(user)]));
}
