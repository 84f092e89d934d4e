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

/** Width and height in pixels of a PNG, GIF, JPEG or WebP, as far as its first bytes tell. */
export function sizeOf(bytes: Uint8Array): { w: number; h: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number, length: number): string =>
    String.fromCharCode(...bytes.subarray(at, at + length));
  try {
    if (word(1, 3) === 'PNG') return known(view.getUint32(16), view.getUint32(20));
    if (word(0, 3) === 'GIF') return known(view.getUint16(6, true), view.getUint16(8, true));
    if (word(0, 4) === 'RIFF' && word(8, 4) === 'WEBP') return webpSize(view, word(12, 4));
    if (view.getUint16(0) === 0xffd8) return jpegSize(view);
  } catch {
    // It ends before it says.
  }
  return undefined;
}

function webpSize(view: DataView, kind: string): { w: number; h: number } | undefined {
  const three = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
  if (kind === 'VP8X') return known(three(24) + 1, three(27) + 1);
  if (kind === 'VP8 ') return known(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
  const bits = view.getUint32(21, true);
  return kind === 'VP8L' ? known((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1) : undefined;
}

/** The size stands in the first segment that describes a frame. */
function jpegSize(view: DataView): { w: number; h: number } | undefined {
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const kind = view.getUint8(at + 1);
    const isFrame = kind >= 0xc0 && kind <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(kind);
    if (isFrame) return known(view.getUint16(at + 7), view.getUint16(at + 5));
  }
  return undefined;
}

function known(w: number, h: number): { w: number; h: number } | undefined {
  return w > 0 && h > 0 ? { w, h } : undefined;
}
