/** Files: stored under an id, and told to the room by a message of their own. */
import { randomUUID } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomId } from './ids.ts';
import { sendMessage } from './messages.ts';
import { canAccessRoom } from './permissions.ts';
import type { MessageDoc, UploadDoc } from './records.ts';
import type { Site } from './site.ts';

export interface NewUpload {
  name: string;
  type?: string;
  rid: string;
  userId: string;
  expiresAt?: Date;
}

/** What people say of the files that they post. */
export interface Caption {
  /** Newer servers keep it as the message's text, */
  msg?: string;
  /** older ones with the file. */
  description?: string;
  /** The thread that they post it in. */
  tmid?: string;
}

/** Stores the file and posts its message; the message's id is told to nobody. */
export async function upload(site: Site, given: NewUpload, bytes: Buffer): Promise<UploadDoc> {
  const stored = await store(site, given, bytes);
  await post(site, [stored], {});
  return stored;
}

/** One message of several files, some of them with the smaller picture that the server makes. */
export async function post(
  site: Site,
  stored: readonly UploadDoc[],
  { msg = '', description = '', tmid }: Caption,
  thumbnails: ReadonlyMap<UploadDoc, UploadDoc> = new Map(),
): Promise<MessageDoc | undefined> {
  const [first] = stored;
  if (first === undefined) throw new Error('error-invalid-file');
  const told = ({ _id, name, type, size }: UploadDoc) => {
    const format = path.extname(name).slice(1);
    return { _id, name, type, size, format, typeGroup: type.split('/')[0] };
  };
  return sendMessage(site, first.userId, {
    _id: randomId(),
    rid: first.rid,
    msg,
    groupable: false,
    file: told(first),
    files: stored.flatMap((one) => {
      const thumbnail = thumbnails.get(one);
      return thumbnail === undefined ? [told(one)] : [told(one), { ...told(thumbnail), typeGroup: 'thumb' }];
    }),
    ...(tmid !== undefined && { tmid }),
    attachments: stored.map((one) => attachment(one, description)),
  });
}

/** Keeps a file, if the settings and the room let its sender do so. */
export async function store(
  site: Site,
  { name, type, rid, userId, expiresAt }: NewUpload,
  bytes: Buffer,
): Promise<UploadDoc> {
  const { settings } = site.ws;
  const user = await site.db.users.byId(userId);
  const room = await site.db.rooms.byId(rid);
  if (room === undefined || (user?.type !== 'app' && !(await canAccessRoom(site, room, userId))))
    throw new Error('File does not match filter');
  if (!settings.boolean('FileUpload_Enabled')) throw new Error('error-file-upload-disabled');
  if (bytes.length > settings.number('FileUpload_MaxFileSize')) throw new Error('error-file-too-large');
  const details = { name, type: type ?? guessType(bytes, name), rid, userId, size: bytes.length };
  if (isBlocked(details.type, settings.string('FileUpload_MediaTypeBlackList')))
    throw new Error('error-invalid-file-type');
  await askAboutFile(site, details, bytes);
  const stored = await site.db.uploads.insert({
    ...details,
    _id: randomId(),
    uploadedAt: new Date(),
    store: 'GridFS:Uploads',
    complete: true,
    ...(expiresAt !== undefined && { expiresAt }),
  });
  site.ws.files.set(stored._id, bytes);
  return stored;
}

/** A list of types, or of kinds of types such as `image/*`. */
function isBlocked(type: string, list: string): boolean {
  const blocked = list.split(',').map((one) => one.trim());
  return blocked.includes(type) || blocked.includes(`${type.split('/')[0] ?? ''}/*`);
}

async function askAboutFile(
  site: Site,
  { name, size, type, rid, userId }: Omit<UploadDoc, '_id' | 'uploadedAt'> & { name: string },
  bytes: Buffer,
): Promise<void> {
  if (!site.hooks.heard('IPreFileUpload')) return;
  const copy = path.join(site.temp, randomUUID());
  await writeFile(copy, bytes);
  await site.hooks
    .ask('IPreFileUpload', { file: { name, size, type, rid, userId }, path: copy })
    .finally(() => unlink(copy));
}

function attachment({ _id, name, type, size }: UploadDoc, description: string): Record<string, unknown> {
  const link = `/file-upload/${_id}/${encodeURI(name)}`;
  const [kind] = type.split('/');
  const media =
    kind === 'image' || kind === 'audio' || kind === 'video'
      ? { [`${kind}_url`]: link, [`${kind}_type`]: type, [`${kind}_size`]: size }
      : { size, format: path.extname(name).slice(1) };
  return {
    title: name,
    type: 'file',
    description,
    title_link: link,
    title_link_download: true,
    fileId: _id,
    ...media,
  };
}

const TYPES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  mp4: 'video/mp4',
  webm: 'video/webm',
  svg: 'image/svg+xml',
  pdf: 'application/pdf',
  txt: 'text/plain',
  json: 'application/json',
};

/** The server looks at the bytes first and at the name second. */
function guessType(bytes: Buffer, name: string): string {
  if (bytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47]))) return 'image/png';
  if (bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return 'image/jpeg';
  return TYPES[path.extname(name).slice(1).toLowerCase()] ?? 'application/octet-stream';
}
