/** What flits by and is kept nowhere on a real server: ephemeral messages, typing, opened views. Recorded here. */
import type { Changes } from './changes.ts';
import type { MessageDoc } from './records.ts';

/** A message only one person sees, until they reload. */
export interface Notice {
  uid: string;
  rid: string;
  text: string;
  message?: Partial<MessageDoc>;
}

export interface Typing {
  rid: string;
  username: string;
  typing: boolean;
}

/** A modal, contextual bar or error the App sent to a person. */
export interface Interaction {
  uid: string;
  interaction: Record<string, unknown>;
}

export class Notices {
  readonly ephemeral: Notice[] = [];
  readonly typing: Typing[] = [];
  readonly interactions: Interaction[] = [];

  constructor(private readonly changes: Changes) {}

  add(uid: string, rid: string, text: string, message?: Partial<MessageDoc>): void {
    this.ephemeral.push({ uid, rid, text, ...(message && { message }) });
    this.changes.touch();
  }

  types(typing: Typing): void {
    this.typing.push(typing);
    this.changes.touch();
  }

  shows(interaction: Interaction): void {
    this.interactions.push(interaction);
    this.changes.touch();
  }
}
