/** A message as a test wants to see it. */
import type { MessageDoc } from './records.ts';

export interface Message {
  id: string;
  rid: string;
  text: string;
  /** The sender's username. */
  sender: string;
  at: Date;
  /** Set on system messages: `uj`, `r`, `room_changed_topic` … */
  type?: string;
  threadId?: string;
  alias?: string;
  avatar?: string;
  editedBy?: string;
  /** Usernames by reaction. */
  reactions: Record<string, string[]>;
  attachments: Record<string, unknown>[];
  fileId?: string;
  /** The document itself. */
  raw: MessageDoc;
}

export function viewMessage(raw: MessageDoc): Message {
  return {
    id: raw._id,
    rid: raw.rid,
    text: raw.msg,
    sender: raw.u.username,
    at: raw.ts,
    ...(raw.t !== undefined && { type: raw.t }),
    ...(raw.tmid !== undefined && { threadId: raw.tmid }),
    ...(typeof raw['alias'] === 'string' && { alias: raw['alias'] }),
    ...(typeof raw['avatar'] === 'string' && { avatar: raw['avatar'] }),
    ...(raw.editedBy && { editedBy: raw.editedBy.username }),
    reactions: Object.fromEntries(
      Object.entries(raw.reactions ?? {}).map(([emoji, { usernames }]) => [emoji, usernames]),
    ),
    attachments: raw.attachments ?? [],
    ...(raw.file && { fileId: raw.file._id }),
    raw,
  };
}

/** One line, for what a time-out shows. */
export function line({ sender, type, text, threadId }: Message): string {
  return `${threadId === undefined ? '' : '> '}${sender}${type === undefined ? '' : ` (${type})`}: ${text}`;
}
