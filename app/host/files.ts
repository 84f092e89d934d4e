/** Files that people posted. */

import { fields, text, unmapped } from '../inputs/unmapped.ts';
import type { Accessors } from './accessors.ts';

/** Among so many of a room's latest messages a file is looked for. */
const latest = 100;

/** Files cross to the App whole: larger ones are not read, in bytes. */
const largest = 16 * 1024 * 1024;

export class Files {
  constructor(private readonly accessors: Accessors) {}

  /** The last file that somebody posted in a room, as text; nothing where it is too large. */
  async posted(room: string, user: string): Promise<string | null> {
    const options = { limit: latest, sort: { createdAt: 'desc' } } as const;
    const messages = await this.accessors.read.getRoomReader().getMessages(room, options);
    const theirs = messages
      .filter(({ sender }) => sender._id === user)
      .sort((one, other) => new Date(other.createdAt).getTime() - new Date(one.createdAt).getTime());
    const id = theirs.map(fileId).find((found) => found !== null);
    if (id === undefined) return null;
    const uploads = this.accessors.read.getUploadReader();
    const { size } = await uploads.getById(id);
    // Promised to be a text, but it is a number.
    if (Number(size) > largest) return null;
    return new TextDecoder().decode(await uploads.getBufferById(id));
  }
}

function fileId(message: object): string | null {
  return text(fields(fields(message).file ?? unmapped(message).file)._id);
}
