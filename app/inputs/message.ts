/** A Rocket.Chat message as a fact. */

import type { IMessage, IMessageAttachment, IMessageRaw } from '@rocket.chat/apps-engine/definition/messages';

import type { File, Message, Quote, User } from '../protocol.ts';
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
  const files = filesOf(message, raw);
  // Older servers keep a caption with the file.
  const described = shown(message).find(({ description }) => Boolean(text(description)));
  const caption = message.text || files.length === 0 || described === undefined ? undefined : described;
  const md = caption === undefined ? raw.md : unmapped(caption).descriptionMd;
  return {
    id,
    room,
    sender,
    text: text(caption?.description) ?? message.text ?? '',
    md: md === undefined || md === null ? null : JSON.stringify(md),
    at: milliseconds(message.createdAt) ?? 0,
    editedAt: milliseconds(message.editedAt),
    system: text(fields(message).type) ?? text(raw.t),
    files,
    direct,
    thread: message.threadId ?? null,
    quotes: (message.attachments ?? []).flatMap(quote),
    reactions: Object.entries(fields(message.reactions)).map(([emoji, reaction]) => {
      const { usernames } = fields(reaction);
      return { emoji, users: texts(usernames) };
    }),
    attachments: list(shown(message).filter((one) => !isQuote(one) && !isFile(one))),
    blocks: list(message.blocks),
  };
}

/** As JSON; nothing where there are none. */
function list(parts: unknown): string | null {
  return Array.isArray(parts) && parts.length > 0 ? JSON.stringify(parts) : null;
}

function isQuote({ timestampLink }: Record<string, unknown>): boolean {
  return text(timestampLink) !== null;
}

/** What shows one of the message's files. */
function isFile(attachment: Record<string, unknown>): boolean {
  return attachment.type === 'file' || text(unmapped(attachment).fileId) !== null;
}

/** Only a quote has the address of a message. */
function quote({ timestampLink, author, text: said }: IMessageAttachment): Quote[] {
  const link = text(timestampLink);
  return link === null ? [] : [{ link, author: author?.name ?? '', text: said ?? '' }];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** Rocket.Chat keeps a smaller picture beside a picture, under this name. */
const preview = 'thumb-';

function filesOf(message: IMessage | IMessageRaw, raw: Record<string, unknown>): File[] {
  const { files = raw.files, file } = fields(message);
  const all: unknown[] = Array.isArray(files) && files.length > 0 ? (files as unknown[]) : [file];
  const known = all.map(fields).filter(({ _id, name }) => text(_id) !== null && text(name) !== null);
  const names = new Set(known.map(({ name }) => text(name)));
  const told: File[] = [];
  for (const one of known) {
    const { _id, name, type, typeGroup, size } = one;
    const fact = {
      id: text(_id) ?? '',
      name: text(name) ?? '',
      mediaType: text(type) ?? '',
      size: Number(size ?? sizes(message).get(text(_id))) || 0,
      thumbnail: null,
    };
    const isThumbnail =
      typeGroup === 'thumb' || (fact.name.startsWith(preview) && names.has(fact.name.slice(preview.length)));
    if (!isThumbnail) told.push(fact);
    else {
      // It stands behind the picture that it was made of.
      const of = told.at(-1);
      if (of !== undefined) of.thumbnail ??= fact;
    }
  }
  return told;
}

/** Older servers tell the sizes of files only where they are shown. */
function sizes(message: IMessage | IMessageRaw): Map<unknown, unknown> {
  return new Map(
    shown(message).map((one) => [
      unmapped(one).fileId,
      one.imageSize ?? one.audioSize ?? one.videoSize ?? unmapped(one).size,
    ]),
  );
}

function shown(message: IMessage | IMessageRaw): Record<string, unknown>[] {
  return ((message.attachments ?? []) as unknown[]).map(fields);
}
