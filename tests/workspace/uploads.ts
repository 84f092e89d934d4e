/** Files: stored under an id, and told to the room by a message of their own. */
import { randomUUID } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomId } from './ids.ts';
import { sendMessage } from './messages.ts';
import type { UploadDoc } from './records.ts';
import type { Site } from './site.ts';

export interface NewUpload {
  name: string;
  type?: string;
  rid: string;
  userId: string;
}

/** Stores the file and posts its message; the message's id is told to nobody. */
export async function upload(
  site: Site,
  { name, type, rid, userId }: NewUpload,
  bytes: Buffer,
): Promise<UploadDoc> {
  if (bytes.length > site.ws.settings.number('FileUpload_MaxFileSize'))
    throw new Error('error-file-too-large');
  const details = { name, type: type ?? guessType(bytes, name), rid, userId, size: bytes.length };
  await askAboutFile(site, details, bytes);
  const stored = await site.db.uploads.insert({
    ...details,
    _id: randomId(),
    uploadedAt: new Date(),
    store: 'GridFS:Uploads',
    complete: true,
  });
  site.ws.files.set(stored._id, bytes);
  const file = { _id: stored._id, name, type: details.type };
  await sendMessage(site, userId, {
    _id: randomId(),
    rid,
    msg: '',
    groupable: false,
    file,
    files: [file],
    attachments: [attachment(stored)],
  });
  return stored;
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

function attachment({ _id, name, type, size }: UploadDoc): Record<string, unknown> {
  const link = `/file-upload/${_id}/${encodeURI(name)}`;
  const [kind] = type.split('/');
  const media =
    kind === 'image' || kind === 'audio' || kind === 'video'
      ? { [`${kind}_url`]: link, [`${kind}_type`]: type, [`${kind}_size`]: size }
      : {};
  return {
    title: name,
    type: 'file',
    description: '',
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
