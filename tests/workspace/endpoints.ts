/**
 * The HTTP side of one instance: the Apps' endpoints, and the files and avatars people's clients load.
 *
 * Express 4 with its JSON parser's defaults, as on a server: over 100 KB the sender gets 413 before the App
 * sees it, what is not JSON arrives as `{}`, and what is broken JSON gets an HTML page with 400.
 */
import express, { type Express, type Request, type Response, type Router } from 'express';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IApiRequest, IApiResponse } from '@rocket.chat/apps-engine/definition/api/index.js';
import type { AppApi } from '@rocket.chat/apps-engine/server/managers/AppApi.js';
import { userToApp } from './convert/users.ts';
import { callerOf, restApi } from './rest.ts';
import type { Site } from './site.ts';

type Answer = Omit<IApiResponse, 'content'> & { content?: unknown };
type Execute = (appId: string, path: string, request: IApiRequest) => Promise<Answer>;

export class Endpoints {
  private readonly routers = new Map<string, Router>();
  private readonly server: http.Server;

  constructor(
    private readonly site: Site,
    private readonly execute: Execute,
  ) {
    this.server = http.createServer(this.routes());
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  add(api: AppApi, appId: string): void {
    const router = this.routers.get(appId) ?? express.Router();
    this.routers.set(appId, router);
    const { endpoint } = api;
    const path = endpoint.path.trim();
    router.all(path.startsWith('/') ? path : `/${path}`, (request, response) => {
      void this.answer(appId, endpoint.path, endpoint.authRequired === true, request, response);
    });
  }

  remove(appId: string): void {
    this.routers.delete(appId);
  }

  private routes(): Express {
    const app = express();
    app.disable('x-powered-by');
    // Without this Express shows its errors' stacks.
    app.set('env', 'production');
    app.use(express.json());
    const serve = (request: Request, response: Response): void => {
      const nothing = (): void => void response.sendStatus(404);
      const router = this.routers.get(request.params['appId'] ?? '');
      if (router === undefined) nothing();
      else router(Object.assign(request, { privateHash: request.params['hash'] }), response, nothing);
    };
    app.use('/api/apps/private/:appId/:hash', serve);
    app.use('/api/apps/public/:appId', serve);
    app.use('/api/v1', restApi(this.site));
    app.get('/file-upload/:id/:name?', (request, response) => {
      this.file(request, response);
    });
    app.get('/avatar/:username', (request, response) => {
      this.avatar(request, response);
    });
    return app;
  }

  private async answer(
    appId: string,
    path: string,
    authRequired: boolean,
    request: Request & { privateHash?: string },
    response: Response,
  ): Promise<void> {
    const user = callerOf(this.site, request);
    if (authRequired && user === undefined) {
      response.sendStatus(401);
      return;
    }
    try {
      const {
        status,
        headers = {},
        content,
      } = await this.execute(appId, path, {
        method: request.method.toLowerCase(),
        headers: request.headers,
        query: request.query,
        params: request.params,
        content: request.body as unknown,
        privateHash: request.privateHash,
        user: userToApp(user),
      } as unknown as IApiRequest);
      response.set(headers).status(status).send(content);
    } catch (error) {
      response.status(500).send((error as Error).message);
    }
  }

  /** Files are for those who are signed in. */
  private file(request: Request, response: Response): void {
    const bytes = this.site.ws.files.get(request.params['id'] ?? '');
    const upload = this.site.ws.database.uploads.docs.get(request.params['id'] ?? '');
    if (bytes === undefined || upload === undefined) response.sendStatus(404);
    else if (callerOf(this.site, request) === undefined) response.sendStatus(403);
    else response.type(upload.type).send(bytes);
  }

  /** Initials for those without a picture, for whoever asks with an `@`, and for strangers where they may not look. */
  private avatar(request: Request, response: Response): void {
    const { settings, avatars } = this.site.ws;
    const mayLook =
      !settings.boolean('Accounts_AvatarBlockUnauthenticatedAccess') ||
      callerOf(this.site, request) !== undefined;
    const avatar = mayLook ? avatars.get(request.params['username'] ?? '') : undefined;
    if (avatar === undefined) {
      response
        .type('image/svg+xml')
        .send(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200"></svg>`);
      return;
    }
    const modified = avatar.uploadedAt.toUTCString();
    response.set('Last-Modified', modified);
    if (request.headers['if-modified-since'] === modified) response.status(304).end();
    else response.type(avatar.type).send(avatar.bytes);
  }
}
