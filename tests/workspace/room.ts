/** A room in a test's hands. */
import type { Waiting } from './changes.ts';
import { MeteorError } from './failure.ts';
import type { RoomDoc } from './records.ts';
import { line, viewMessage, type Message } from './view.ts';
import type { Workspace } from './workspace.ts';

export class Room {
  constructor(
    private readonly ws: Workspace,
    readonly id: string,
  ) {}

  doc(): RoomDoc {
    const room = this.ws.database.rooms.docs.get(this.id);
    if (room === undefined) throw new MeteorError('error-invalid-room', `Room ${this.id} is gone`);
    return structuredClone(room);
  }

  get exists(): boolean {
    return this.ws.database.rooms.docs.has(this.id);
  }

  get name(): string {
    return this.doc().name ?? this.id;
  }

  /** What people and Apps wrote, oldest first. */
  messages(): Message[] {
    return this.timeline().filter(({ type }) => type === undefined);
  }

  /** What the workspace itself wrote. */
  systemMessages(): Message[] {
    return this.timeline().filter(({ type }) => type !== undefined);
  }

  timeline(): Message[] {
    return this.ws.database.messages
      .find(({ rid }) => rid === this.id)
      .sort((one, other) => one.ts.getTime() - other.ts.getTime())
      .map(viewMessage);
  }

  message(id: string): Message | undefined {
    return this.timeline().find((message) => message.id === id);
  }

  /** Usernames, sorted. */
  members(): string[] {
    return this.ws.database.subscriptions
      .find(({ rid }) => rid === this.id)
      .map(({ u }) => u.username)
      .sort();
  }

  rolesOf(username: string): string[] {
    const [subscription] = this.ws.database.subscriptions.find(
      ({ rid, u }) => rid === this.id && u.username === username,
    );
    return subscription?.roles ?? [];
  }

  expectMessage(wanted: (message: Message) => boolean, waiting?: Waiting): Promise<Message> {
    return this.expect('a message', () => this.messages().find(wanted), waiting);
  }

  expectSystemMessage(wanted: (message: Message) => boolean, waiting?: Waiting): Promise<Message> {
    return this.expect('a system message', () => this.systemMessages().find(wanted), waiting);
  }

  expectMember(username: string, waiting?: Waiting): Promise<true> {
    return this.expect(
      `member ${username}`,
      () => this.members().includes(username),
      waiting,
      () => this.members().join(', '),
    );
  }

  expectNoMember(username: string, waiting?: Waiting): Promise<true> {
    return this.expect(
      `no member ${username}`,
      () => !this.members().includes(username),
      waiting,
      () => this.members().join(', '),
    );
  }

  /** Waits for anything about the room. */
  expect<Found>(
    what: string,
    look: () => Found | undefined | false,
    waiting?: Waiting,
    seen?: () => string,
  ): Promise<Found> {
    const shown =
      seen ??
      (() =>
        this.timeline()
          .map((message) => `\n  ${line(message)}`)
          .join('') || 'nothing');
    return this.ws.until(`${what} in ${this.exists ? this.name : this.id}`, look, waiting, shown);
  }
}
