/** A Rocket.Chat message as a fact. */

import type { IMessage, IMessageRaw } from '@rocket.chat/apps-engine/definition/messages';

import type { Message, User } from '../protocol.ts';
import { fields, milliseconds, text, unmapped } from './unmapped.ts';
import { userFact } from './user.ts';

/** A message as hooks and reads by id give it. */
export function messageFact(message: IMessage): Message {
  const direct = (message.room.type as string | undefined) === 'd';
  return fact(message, message.id ?? '', message.room.id, userFact(message.sender), direct);
}

/** A message as reads of a room give it: its sender must be looked up. */
export function rawMessageFact(message: IMessageRaw, sender: User): Message {
  return fact(message, message.id, message.roomId, sender);
}

function fact(
  message: IMessage | IMessageRaw,
  id: string,
  room: string,
  sender: User,
  direct = false,
): Message {
  const raw = unmapped(message);
  return {
    id,
    room,
    sender,
    text: message.text ?? '',
    md: raw.md === undefined || raw.md === null ? null : JSON.stringify(raw.md),
    at: milliseconds(message.createdAt) ?? 0,
    editedAt: milliseconds(message.editedAt),
    system: text(fields(message).type) ?? text(raw.t),
    files: fileNames(message, raw),
    direct,
  };
}

function fileNames(message: IMessage | IMessageRaw, raw: Record<string, unknown>): string[] {
  const { files = raw.files, file } = fields(message);
  const all: unknown[] = Array.isArray(files) ? [...(files as unknown[]), file] : [file];
  const names = all.map((one) => text(fields(one).name)).filter((name) => name !== null);
  return [...new Set(names)];
}
