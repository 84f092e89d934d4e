// A server of ours in the federation, as little of one as there can be: a name, a key, a door, and what it asks others.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:https';
import type { CertificateAuthority } from '../homeserver/certificates.ts';
import { freePort } from '../homeserver/ports.ts';
import type { Kernel, Signer } from './kernel.ts';

/** Milliseconds. */
const PATIENCE = 30_000;
const DAY = 24 * 60 * 60 * 1000;

export interface PeerAnswer {
  readonly status: number;
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly uri: string;
  readonly content?: string;
  readonly authorization?: string;
}

export class Peer {
  readonly signer: Signer;
  /** The id of its key. */
  readonly key: string;
  /** How often others fetched the key document. */
  fetched = 0;
  readonly #server: Server;
  readonly #kernel: Kernel;
  readonly #authority: string;

  static async open(certificates: CertificateAuthority, kernel: Kernel): Promise<Peer> {
    const port = await freePort();
    const { cert, key: tls } = await certificates.issue('localhost');
    const signer = { server: `localhost:${port}`, seed: randomBytes(32).toString('base64') };
    const { document, key } = await kernel.keyDocument(signer, Date.now() + DAY);
    await kernel.keys(signer.server, document);
    const server = createServer({ cert, key: tls });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new Peer(server, signer, kernel, { document, key, authority: certificates.certificate });
  }

  private constructor(
    server: Server,
    signer: Signer,
    kernel: Kernel,
    own: { document: string; key: string; authority: string },
  ) {
    this.#server = server;
    this.signer = signer;
    this.#kernel = kernel;
    this.key = own.key;
    this.#authority = own.authority;
    server.on('request', (incoming, response) => {
      incoming.resume();
      incoming.once('end', () => {
        const path = incoming.url ?? '';
        const isKeys = path === '/_matrix/key/v2/server';
        const isSend = path.startsWith('/_matrix/federation/v1/send/');
        if (isKeys) this.fetched += 1;
        response.writeHead(isKeys || isSend ? 200 : 404, { 'content-type': 'application/json' });
        response.end(isKeys ? own.document : isSend ? '{"pdus":{}}' : '{"errcode":"M_UNRECOGNIZED"}');
      });
    });
  }

  get name(): string {
    return this.signer.server;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Asks another server what takes a signature, and takes no refusal. */
  async ask<T>(destination: string, uri: string, put?: string): Promise<T> {
    const answer = await this.send(destination, await this.sign(destination, uri, put));
    if (answer.status !== 200) throw new Error(`${uri} was answered by ${answer.status}: ${answer.text}`);
    return JSON.parse(answer.text) as T;
  }

  /** A request, signed and not yet sent. */
  async sign(destination: string, uri: string, put?: string): Promise<Asked> {
    const method = put === undefined ? 'GET' : 'PUT';
    const details = { destination, method, uri, ...(put === undefined ? {} : { content: put }) };
    const { authorization, content } = await this.#kernel.signRequest(this.signer, details);
    return { method, uri, authorization, ...(content === null ? {} : { content }) };
  }

  /** Over TLS, trusting nobody but the authority of the tests. */
  async send(
    destination: string,
    { method = 'GET', uri, content, authorization }: Asked,
  ): Promise<PeerAnswer> {
    const outgoing = request({
      host: '127.0.0.1',
      port: Number(destination.split(':')[1]),
      servername: 'localhost',
      ca: this.#authority,
      agent: false,
      method,
      path: uri,
      headers: {
        host: destination,
        ...(authorization === undefined ? {} : { authorization }),
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
      },
    });
    outgoing.setTimeout(PATIENCE, () => outgoing.destroy(new Error(`${destination} does not answer ${uri}`)));
    outgoing.end(content);
    const [response] = (await once(outgoing, 'response')) as [
      AsyncIterable<Buffer> & { statusCode?: number },
    ];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
  }

  /** Sends events of ours, as text, to another server; what it says of each. */
  async deliver(destination: string, ...pdus: string[]): Promise<Record<string, { error?: string }>> {
    const uri = `/_matrix/federation/v1/send/${randomBytes(8).toString('hex')}`;
    const body = `{"origin":"${this.name}","origin_server_ts":${Date.now()},"pdus":[${pdus.join(',')}]}`;
    return (await this.ask<{ pdus: Record<string, { error?: string }> }>(destination, uri, body)).pdus;
  }
}
