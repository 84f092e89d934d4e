/**
 * The proxy that an administrator puts before the App's listener, in small: it ends TLS and hands requests on
 * as they are, with the raw path and all headers. What it saw is there to be looked at.
 */

import { EventEmitter, once } from 'node:events';
import { request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { until, type UntilOptions } from './homeserver/waiting.ts';

export interface Exchange {
  readonly method: string;
  /** As it was sent. */
  readonly path: string;
  /** What the App answered; 502 where it did not. */
  readonly status: number;
}

export interface TlsProxyOptions {
  readonly port: number;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** The port of the App's listener, on this machine. */
  readonly target: number;
}

export class TlsProxy {
  /** In the order of the answers. */
  readonly exchanges: Exchange[] = [];
  readonly #server: Server;
  readonly #answered = new EventEmitter();

  static async start({ port, cert, key, target }: TlsProxyOptions): Promise<TlsProxy> {
    const proxy = new TlsProxy(createServer({ cert, key }), target);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    // A test that forgot to close it ends all the same.
    proxy.#server.unref();
    return proxy;
  }

  private constructor(server: Server, target: number) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#hand(request, response, target);
    });
  }

  /** The first exchange that fits, past or to come. */
  async expect(
    what: string,
    fits: (exchange: Exchange) => boolean,
    options: Partial<UntilOptions> = {},
  ): Promise<Exchange> {
    const subscribe = (changed: () => void): (() => void) => {
      this.#answered.on('one', changed);
      return () => this.#answered.off('one', changed);
    };
    const found = (): string =>
      this.exchanges.map(({ method, path, status }) => `${method} ${path}: ${status}`).join('\n') ||
      'nothing';
    return await until(() => this.exchanges.find(fits), subscribe, {
      timeout: 30_000,
      what: `${what} at the proxy`,
      found,
      ...options,
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #hand(request: IncomingMessage, response: ServerResponse, port: number): void {
    const { method = '', url: path = '', rawHeaders: headers } = request;
    response.once('finish', () => {
      this.exchanges.push({ method, path, status: response.statusCode });
      this.#answered.emit('one');
    });
    const onward = forward({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
    request.pipe(onward);
  }
}
