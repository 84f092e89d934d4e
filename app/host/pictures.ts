/** Pictures on their way: for browsers, with a small memory, and from one side to the other. */

import type { Answer, Call, FilePlace } from '../protocol.ts';
import { type Image, imageOf, largestImage } from './image.ts';
import type { Site } from './site.ts';
import { answered, type Bytes, largestLookup, type Transport } from './transport.ts';

/** What is kept in memory at most, and how many are fetched at once for browsers. */
export const pictureLimits = { keptBytes: 8 * 1024 * 1024, atOnce: 32 };

const images = { Accept: 'image/*' };

export class Pictures {
  /** The one that was wanted last is last. */
  private readonly kept = new Map<string, Image>();
  private keptBytes = 0;
  private readonly coming = new Map<string, Promise<Image | undefined>>();

  constructor(
    private readonly transport: () => Transport,
    private readonly site: Site,
    private readonly allowed: typeof pictureLimits = pictureLimits,
  ) {}

  /** What a request brings, if it is a picture. Many who ask at once have it fetched once. */
  async get(request: Call): Promise<Image | undefined> {
    const { url } = request;
    const kept = this.kept.get(url);
    if (kept !== undefined) {
      this.kept.delete(url);
      this.kept.set(url, kept);
      return kept;
    }
    const coming = this.coming.get(url);
    if (coming !== undefined) return coming;
    if (this.coming.size >= this.allowed.atOnce) throw new Error('too many pictures at a time');
    const fetching = this.fetch(request).finally(() => this.coming.delete(url));
    this.coming.set(url, fetching);
    return fetching;
  }

  /** Carries a picture from one place to another; gives the answer of the second, or why there is none. */
  carry(from: FilePlace, to: FilePlace): Promise<Answer> {
    return answered(this.carried(from, to));
  }

  private async carried(from: FilePlace, to: FilePlace): Promise<Bytes> {
    const image =
      from.kind === 'user'
        ? await this.site.picture(from.username)
        : from.kind === 'server'
          ? await this.bring(from.request)
          : undefined;
    if (image === undefined || (to.kind !== 'user' && to.kind !== 'server')) return noPicture;
    if (to.kind === 'user') return this.site.setPicture(to.username, image);
    const more = { headers: { 'Content-Type': image.type }, body: image.bytes };
    return this.transport().carry(to.request, more, largestLookup);
  }

  private async fetch(request: Call): Promise<Image | undefined> {
    const image = await this.bring(request);
    if (image !== undefined) this.keep(request.url, image);
    return image;
  }

  private async bring(request: Call): Promise<Image | undefined> {
    const answer = await this.transport().carry(request, { headers: images }, largestImage);
    // What may be different tomorrow is no answer.
    if (answer.status >= 500 || answer.status === 429) throw new Error(`it answered ${answer.status}`);
    return imageOf(answer);
  }

  private keep(url: string, image: Image): void {
    this.kept.set(url, image);
    this.keptBytes += image.bytes.length;
    for (const [oldest, { bytes }] of this.kept) {
      if (this.keptBytes <= this.allowed.keptBytes) return;
      this.kept.delete(oldest);
      this.keptBytes -= bytes.length;
    }
  }
}

const noPicture: Bytes = {
  status: 415,
  headers: {},
  bytes: new TextEncoder().encode(
    JSON.stringify({ errcode: 'M_UNKNOWN', error: 'it is no PNG, JPEG, GIF or WebP' }),
  ),
};
