/** Uploads as Apps see them. */
import type { IUpload } from '@rocket.chat/apps-engine/definition/uploads/index.js';
import type { UploadDoc } from '../records.ts';
import type { Site } from '../site.ts';
import { mapped, take } from './mapped.ts';
import { roomById } from './rooms.ts';
import { userById } from './users.ts';

export async function uploadToApp(site: Site, upload: UploadDoc | undefined): Promise<IUpload | undefined> {
  if (upload === undefined) return undefined;
  return (await mapped(upload, {
    id: '_id',
    name: 'name',
    size: 'size',
    type: 'type',
    store: 'store',
    complete: 'complete',
    uploadedAt: 'uploadedAt',
    room: (raw) => roomById(site, take(raw, 'rid')[0] as string),
    user: (raw) => userById(site, take(raw, 'userId')[0] as string),
  })) as unknown as IUpload;
}
