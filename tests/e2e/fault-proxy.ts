/**
 * A proxy that stands between two servers as administrators put them there, and can be as wrong as theirs: too
 * narrow, at the wrong place, with a clock of its own. Its faults can be changed while it runs.
 */

import { once } from 'node:events';
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Certificate } from './homeserver/certificates.ts';

export interface Faults {
  /** Bodies of more bytes are refused with 413, as nginx does it. */
  readonly limit?: number;
  /** It answers by itself, with a web page. */
  readonly status?: number;
  /** Where it sends everybody, with `status`. */
  readonly location?: string;
  /** How far its clock is ahead, in milliseconds. */
  readonly ahead?: number;
  /** It keeps the Authorization header to itself. */
  readonly forgetful?: boolean;
  /** It puts this before every path. */
  readonly prefix?: string;
  /** It takes requests and never answers. */
  readonly silent?: boolean;
}

export class FaultProxy {
  faults: Faults = {};
  /** The port on this machine that it hands on to. */
  target: number;
  readonly #server: Server;
  readonly #secure: boolean;

  /** With a certificate it ends TLS. */
  static async start(target: number, port = 0, certificate?: Certificate): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, certificate);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    // A test that forgot to close it ends all the same.
    proxy.#server.unref();
    return proxy;
  }

  private constructor(target: number, certificate: Certificate | undefined) {
    this.target = target;
    this.#secure = certificate !== undefined;
    const listener: RequestListener = (request, response) => {
      void this.#hand(request, response);
    };
    this.#server =
      certificate === undefined ? createServer(listener) : createSecureServer(certificate, listener);
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return `${this.#secure ? 'https://localhost' : 'http://127.0.0.1'}:${String(port)}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #hand(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { limit = Infinity, status, location, ahead, forgetful, prefix = '', silent } = this.faults;
    if (silent === true) return;
    // Read as a whole, so that a refusal does not break the connection off.
    const body = Buffer.concat(await request.toArray());
    const refused = status ?? (body.length > limit ? 413 : undefined);
    if (refused !== undefined) {
      response.writeHead(refused, {
        'Content-Type': 'text/html',
        ...(location === undefined ? {} : { Location: location + (request.url ?? '') }),
      });
      response.end('<html><body>nginx</body></html>');
      return;
    }
    const headers = request.rawHeaders.filter(
      (_, at) =>
        !(forgetful === true && request.rawHeaders[at - (at % 2)]?.toLowerCase() === 'authorization'),
    );
    const { method, url = '' } = request;
    const options = { host: '127.0.0.1', port: this.target, method, path: prefix + url, headers };
    const onward = forward(options, (answer) => {
      const given = { ...answer.headers };
      if (ahead !== undefined) given.date = new Date(Date.now() + ahead).toUTCString();
      response.writeHead(answer.statusCode ?? 502, given);
      answer.pipe(response);
    });
    onward.on('error', () => {
      if (!response.headersSent) response.writeHead(502, { 'Content-Type': 'text/html' });
      response.end('<html><body>nginx</body></html>');
    });
    onward.end(body);
  }
}
