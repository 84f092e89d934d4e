/** Pictures as they may be handed on: of few kinds, and not large. */

import type { Bytes } from './transport.ts';

export interface Image {
  type: string;
  bytes: Uint8Array;
}

export const largestImage = 1024 * 1024;

/** None of them can carry a script. */
const types: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** The picture in an answer, if it is one. */
export function imageOf({ status, headers, bytes }: Bytes): Image | undefined {
  const type = mediaType(headers);
  return status === 200 && types.includes(type) && bytes.length > 0 ? { type, bytes } : undefined;
}

/** The `Content-Type` without its parameters. */
export function mediaType(headers: Bytes['headers']): string {
  const type = headers['content-type'];
  return typeof type === 'string' ? (type.split(';')[0] ?? '').trim().toLowerCase() : '';
}
