/** An answer as it is written to whoever asked. */

import type { Image } from './host/image.ts';
import type { Reply } from './protocol.ts';

export interface Written {
  status: number;
  headers: Record<string, string>;
  bytes: Uint8Array;
}

/** What an address of a picture stands for never changes. */
const image = {
  'Cache-Control': 'public, max-age=31536000, immutable',
  'Content-Security-Policy': "default-src 'none'",
  'X-Content-Type-Options': 'nosniff',
};

export function written(answer: Reply | Image): Written {
  if ('type' in answer)
    return {
      status: 200,
      headers: { 'Content-Type': answer.type, ...image },
      bytes: answer.bytes,
    };
  const headers = { 'Content-Type': 'application/json' };
  return {
    status: answer.status,
    headers,
    bytes: new TextEncoder().encode(answer.body),
  };
}
