/**
 * The workspace's own web server, as anybody meets it: people's pictures, and the REST API by the account that an
 * administrator gave the App.
 */

import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';

import { joined } from '../bytes.ts';
import { type Log, reason } from '../log.ts';
import type { Answer, Avatar, Call } from '../protocol.ts';
import { type Image, imageOf, largestImage, mediaType } from './image.ts';
import {
  answered,
  type Bytes,
  largestLookup,
  type More,
  notStreamed,
  type Opened,
  type Source,
  type Transport,
} from './transport.ts';

export interface Access {
  /** Where the workspace answers, without a slash at the end. */
  address: string;
  /** Empty where there is no account. */
  user: string;
  token: string;
}

const patience = 20_000;

/** Rocket.Chat keeps a large file a while after it has come. */
const patienceForFiles = 120_000;

export class Site {
  access: Access = { address: '', user: '', token: '' };

  /** What was said of the workspace's pictures last, so that it is said once. */
  private said: string | undefined;

  constructor(
    private readonly transport: () => Transport,
    private readonly log: Log,
  ) {}

  /** What Rocket.Chat shows of somebody, of whom a version is known or none. */
  async avatar(username: string, known: string | null): Promise<Avatar> {
    // Versions are dates, or digests where the server gave none.
    const unchanged =
      known !== null && !Number.isNaN(Date.parse(known)) ? { 'If-Modified-Since': known } : {};
    try {
      const { status, headers, bytes } = await this.look(username, unchanged);
      this.said = undefined;
      if (status === 304 && known !== null) return { kind: 'picture', version: known };
      if (status !== 200) return { kind: 'unknown' };
      // Drawn by Rocket.Chat: a picture of one's own is never of this kind.
      if (mediaType(headers) === 'image/svg+xml') return { kind: 'initials' };
      if (imageOf({ status, headers, bytes }) === undefined) return { kind: 'unknown' };
      const date = headers['last-modified'];
      const version =
        typeof date === 'string' ? date : createHash('sha256').update(bytes).digest('base64url');
      return { kind: 'picture', version };
    } catch (error) {
      this.complain(reason(error));
      return { kind: 'unknown' };
    }
  }

  /** Somebody's own picture, if there is one; an error if that cannot be seen just now. */
  async picture(username: string): Promise<Image | undefined> {
    const answer = await this.look(username, {});
    if (answer.status >= 500) throw new Error(`the workspace answered ${answer.status}`);
    return imageOf(answer);
  }

  /** Gives an account a picture. */
  async setPicture(username: string, { type, bytes }: Image): Promise<Bytes> {
    const { boundary, part, end } = form();
    const file = `; filename="avatar"\r\nContent-Type: ${type}`;
    const text = new TextEncoder();
    const parts = [
      text.encode(`${part('username', '')}${username}\r\n${part('image', file)}`),
      bytes,
      text.encode(end),
    ];
    const body = joined(
      parts,
      parts.reduce((size, { length }) => size + length, 0),
    );
    const headers = {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
    };
    return this.ask('users.setAvatar', { headers, body });
  }

  /** A file that somebody posted, as it comes; a `Refusal` says in plain words why it is not to be had. */
  async file(id: string, name: string): Promise<Source> {
    const { address, user, token } = this.access;
    const path = [id, name].map(encodeURIComponent).join('/');
    const account = { 'X-User-Id': user, 'X-Auth-Token': token };
    let answer = await this.opened(`${address}/file-upload/${path}`, account);
    const { location } = answer.headers;
    if (answer.status >= 300 && answer.status < 400 && typeof location === 'string') {
      // It is kept elsewhere, where the account means nothing.
      answer.body.destroy();
      answer = await this.opened(location, {});
    }
    const { status, headers, body } = answer;
    const length = Number(headers['content-length']);
    if (status === 200 && length > 0) return { length, body };
    body.destroy();
    if (status === 200) throw new Refusal('the workspace does not say how large it is');
    if (status === 401 || status === 403)
      throw new Refusal('the account for the REST API may not read it; let that account join the room');
    const why = `the workspace answered ${status}`;
    throw status === 429 || status >= 500 ? new Error(why) : new Refusal(why);
  }

  /** Gives a room a file, as it comes; nothing is said of it yet. */
  async media(room: string, name: string, source: () => Promise<Source & { type: string }>): Promise<Bytes> {
    const { address, user, token } = this.access;
    const { boundary, part, end } = form();
    const multipart = async (): Promise<Source> => {
      const { length, body, type } = await source();
      const kind = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type) ? type : 'application/octet-stream';
      const file = `; filename="${name.replaceAll('"', '%22')}"\r\nContent-Type: ${kind}`;
      const [before, after] = [part('file', file), end].map((one) => new TextEncoder().encode(one)) as [
        Uint8Array,
        Uint8Array,
      ];
      const parts = async function* () {
        yield before;
        yield* body as AsyncIterable<Uint8Array>;
        yield after;
      };
      const whole = Readable.from(parts(), { objectMode: false });
      // Broken off before its turn, the file would stay open.
      whole.once('close', () => body.destroy());
      return { length: before.length + length + after.length, body: whole };
    };
    const headers = {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      'X-User-Id': user,
      'X-Auth-Token': token,
    };
    const url = `${address}/api/v1/rooms.media/${encodeURIComponent(room)}`;
    const request = { ...call('POST', url), timeout: patienceForFiles };
    return this.transport().carry(request, { headers, source: multipart }, largestLookup);
  }

  /** Asks something of the REST API; the body is JSON. */
  async rest(path: string, body: string): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' };
    return answered(this.ask(path, { headers, body: new TextEncoder().encode(body) }));
  }

  private async opened(url: string, headers: Record<string, string>): Promise<Opened> {
    const transport = this.transport();
    if (transport.open === undefined) throw new Refusal(notStreamed);
    return transport.open(call('GET', url), { ...headers, Accept: '*/*' });
  }

  private complain(why: string): void {
    if (why === this.said) return;
    this.said = why;
    this.log.warn(
      `people's pictures do not reach Matrix: ${why}. Change the setting 'Where the App reaches this workspace'.`,
    );
  }

  private async ask(
    path: string,
    { headers, body }: Required<Pick<More, 'headers' | 'body'>>,
  ): Promise<Bytes> {
    const { address, user, token } = this.access;
    const more = { headers: { ...headers, 'X-User-Id': user, 'X-Auth-Token': token }, body };
    return this.transport().carry(call('POST', `${address}/api/v1/${path}`), more, largestLookup);
  }

  private async look(username: string, headers: Record<string, string>) {
    const { address, user, token } = this.access;
    // Where pictures are not for strangers, they are for the account.
    const account = token === '' ? {} : { Cookie: `rc_uid=${user}; rc_token=${token}` };
    const request = call('GET', `${address}/avatar/${encodeURIComponent(username)}`);
    const more = { headers: { ...headers, ...account, Accept: 'image/*' } };
    return this.transport().carry(request, more, largestImage);
  }
}

/** What the workspace does not hand out, however often it is asked; any other error may pass. */
export class Refusal extends Error {}

/** What a form is made of: how a part of it begins, and how it ends. */
function form() {
  const boundary = randomBytes(16).toString('hex');
  return {
    boundary,
    part: (name: string, more: string): string =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`,
    end: `\r\n--${boundary}--\r\n`,
  };
}

function call(method: string, url: string): Call {
  return {
    method,
    url,
    authorization: null,
    peer: null,
    guarded: false,
    body: null,
    timeout: patience,
  };
}
