/** Files of other servers on their way to whoever asked: to be saved, never to be shown, and never held as a whole. */

import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

import type { Bytes, Transport } from './host/transport.ts';
import type { FileElsewhere } from './protocol.ts';
import type { Written } from './written.ts';

/** Where files come whole only, in bytes. */
const largestWhole = 16 * 1024 * 1024;

/** A connection that stands still for this long is given up. */
const idleMs = 120_000;

const range = /^bytes=(\d+-\d*|-\d+)$/;

/** A file as it comes. */
export class Passage {
  constructor(
    private readonly transport: Transport,
    private readonly elsewhere: FileElsewhere,
  ) {}

  /** Streams it, or the part of it that is wanted. */
  async to(response: ServerResponse, wanted?: string): Promise<void> {
    const { transport, elsewhere } = this;
    if (transport.open === undefined) {
      const { status, headers, bytes } = await this.whole();
      response.writeHead(status, { ...headers, 'Content-Length': bytes.length }).end(bytes);
      return;
    }
    const part = wanted !== undefined && range.test(wanted) ? { Range: wanted } : {};
    const { status, headers, body } = await transport.open(elsewhere.file, { Accept: '*/*', ...part });
    if (status !== 200 && status !== 206 && status !== 416) {
      body.destroy();
      response.writeHead(status === 404 ? 404 : 502, refused).end(gone);
      return;
    }
    response.writeHead(status, { ...fileHeaders(elsewhere.name), ...passed(headers) });
    response.setTimeout(idleMs, () => response.destroy());
    await new Promise<void>((resolve) => {
      // Whoever goes away ends the other side too.
      pipeline(body, response, () => {
        resolve();
      });
    });
  }

  /** All of it at once, where there is no other way. */
  async whole(): Promise<Written> {
    const { transport, elsewhere } = this;
    const answer = await transport.carry(elsewhere.file, { headers: { Accept: '*/*' } }, largestWhole);
    if (answer.status !== 200)
      return {
        status: answer.status === 404 ? 404 : 502,
        headers: refused,
        bytes: new TextEncoder().encode(gone),
      };
    return { status: 200, headers: fileHeaders(elsewhere.name), bytes: answer.bytes };
  }
}

const gone = 'The file cannot be had from the homeserver just now.';
const refused = { 'Content-Type': 'text/plain; charset=utf-8' };

/** The type is not told: nothing in the file is to run under our address. */
function fileHeaders(name: string): Record<string, string> {
  const plain = name.replace(/[^\w.-]/g, '_');
  const spelt = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${plain}"; filename*=UTF-8''${spelt}`,
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'private, max-age=86400',
  };
}

/** What says how much is to come, if it is what it should be. */
function passed(headers: Bytes['headers']): Record<string, string> {
  const forms: Readonly<Record<string, RegExp>> = {
    'content-length': /^\d+$/,
    'content-range': /^bytes (\d+-\d+|\*)\/(\d+|\*)$/,
    'accept-ranges': /^bytes$/,
  };
  return Object.fromEntries(
    Object.entries(forms).flatMap(([name, form]) => {
      const value = headers[name];
      return typeof value === 'string' && form.test(value) ? [[name, value]] : [];
    }),
  );
}
