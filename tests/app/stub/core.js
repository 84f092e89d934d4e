/**
 * Stands in for the compiled core where the App itself is what is tested: it does what a command tells it
 * and keeps what it saw in documents, found under the association 'seen'.
 */

import { Buffer } from 'node:buffer';

let made = 0;

export function initSync() {
  made = 1;
}

export function __wbg_reset_state() {
  made += 1;
}

export class Core {
  bodies = [];

  constructor(host, instance) {
    this.host = host;
    this.instance = instance;
    this.count = made;
  }

  configure(config) {
    this.config = config;
  }

  put(body) {
    return this.bodies.push(body) - 1;
  }

  /** As if these addresses of our own machine were in somebody's network. */
  admits(address) {
    return !address.startsWith('127.9.');
  }

  async submit(input) {
    switch (input.kind) {
      case 'tick':
        return undefined;
      case 'command':
        return this.command(input);
      case 'request':
        return this.reply(input.request);
      case 'start':
        return this.see({ ...input, config: this.config, instance: this.instance, count: this.count });
      default:
        return this.see(input);
    }
  }

  async command(input) {
    const [verb, argument] = input.words;
    if (verb === 'trap') {
      this.host.deciding({ scope: 'remote:1', entry: 'poison', step: 'part-0' });
      queueMicrotask(() => {
        throw new WebAssembly.RuntimeError('unreachable');
      });
      return new Promise(() => undefined);
    }
    if (verb === 'perform') return this.perform(JSON.parse(decodeURIComponent(argument)));
    if (verb === 'load') {
      return this.see({
        kind: 'loaded',
        loaded: await this.host.load(JSON.parse(decodeURIComponent(argument))),
      });
    }
    return this.see(input);
  }

  async perform(effect) {
    try {
      await this.host.perform(effect);
      await this.see({ kind: 'performed', effect });
    } catch (error) {
      await this.see({ kind: 'refused', effect, why: error.message });
    }
  }

  /** A request may ask for an effect too: that way needs no hook. */
  async reply({ method, uri, authorization, body }) {
    // Here the media is the address itself.
    const [, media] = /^\/avatar\/[^/]+\/([^/]+)\//.exec(uri) ?? [];
    if (media !== undefined) return { picture: pictureAt(media) };
    const bytes = this.bodies[body];
    const asked = new URLSearchParams(uri.split('?')[1] ?? '').get('perform');
    if (asked !== null) await this.perform(JSON.parse(asked));
    const text = bytes.length > 1000 ? '' : new TextDecoder().decode(bytes);
    return { status: 200, body: JSON.stringify({ method, uri, authorization, size: bytes.length, text }) };
  }

  async see(thing) {
    const id = [...this.host.entropy()].join('');
    const document = { id, associations: ['seen'], body: JSON.stringify(thing) };
    await this.host.perform({ kind: 'insert', document });
  }
}

function pictureAt(media) {
  const url = Buffer.from(media, 'base64url').toString();
  return { method: 'GET', url, authorization: null, peer: null, guarded: false, body: null, timeout: 5000 };
}
