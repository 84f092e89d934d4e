/**
 * The REST API, so far as Apps use it: whoever shows a personal access token acts, ten times a minute and route.
 *
 * Kept from the server: refusals in its own words, and no `Retry-After` for who is too fast.
 */
import express, { type Request, type Response, type Router } from 'express';
import { pin } from './edits.ts';
import { MeteorError } from './failure.ts';
import { canAccessRoom, hasPermission } from './permissions.ts';
import type { UserDoc } from './records.ts';
import type { Site } from './site.ts';
import { type Caption, post, store } from './uploads.ts';
import { changeProfile, keepAvatar, resetAvatar } from './users.ts';

interface Route {
  /** Nothing where the method itself judges. */
  permission?: string;
  /** May give more for the answer. */
  answer: (site: Site, request: Request, by: UserDoc) => Promise<object | undefined>;
}

interface Counted {
  began: number;
  calls: number;
}

const routes: Readonly<Record<string, Route>> = {
  'users.update': {
    permission: 'edit-other-user-info',
    answer: async (site, { body }) => {
      const { userId, data } = body as { userId: string; data: Partial<UserDoc> };
      await changeProfile(site, (await named(site, userId))._id, data);
      return undefined;
    },
  },
  'users.setAvatar': {
    permission: 'edit-other-user-avatar',
    answer: async (site, request) => {
      const form = await formOf(request);
      const image = form.get('image');
      const { username } = await named(site, form.get('userId'), form.get('username'));
      if (!(image instanceof File)) throw new Error("The 'image' param is required");
      keepAvatar(site, username, { type: image.type, bytes: Buffer.from(await image.arrayBuffer()) });
      return undefined;
    },
  },
  'chat.pinMessage': {
    answer: async (site, { body }, by) => {
      await pin(site, messageIn(body), by, true);
      return undefined;
    },
  },
  'chat.unPinMessage': {
    answer: async (site, { body }, by) => {
      await pin(site, messageIn(body), by, false);
      return undefined;
    },
  },
  'users.resetAvatar': {
    permission: 'edit-other-user-avatar',
    answer: async (site, { body }) => {
      const { userId, username } = body as { userId?: string; username?: string };
      resetAvatar(site, (await named(site, userId, username)).username);
      return undefined;
    },
  },
  'rooms.media/:rid': {
    answer: async (site, request, { _id: userId }) => {
      const rid = await accessible(site, request, userId);
      const file = (await formOf(request)).get('file');
      if (!(file instanceof File)) throw new Error('[No file uploaded]');
      const given = { name: file.name, type: file.type, rid, userId, expiresAt: tomorrow() };
      const { _id, name } = await store(site, given, Buffer.from(await file.arrayBuffer()));
      return { file: { _id, url: `/file-upload/${_id}/${encodeURIComponent(name)}` } };
    },
  },
  'rooms.mediaConfirm/:rid/:fileId': {
    answer: async (site, request, { _id: userId }) => {
      const rid = await accessible(site, request, userId);
      const file = await site.db.uploads.byId(request.params['fileId'] ?? '');
      if (file === undefined || (file.expiresAt && file.expiresAt < new Date()))
        throw new Error('invalid-file');
      const message = await post(site, [{ ...file, rid, userId }], request.body as Caption);
      await site.db.uploads.change(file._id, () => ({ expiresAt: undefined }));
      return { message };
    },
  },
};

/** A file that nothing is said of by then is removed. */
const tomorrow = (): Date => new Date(Date.now() + 24 * 60 * 60 * 1000);

class Forbidden extends Error {}

async function accessible(site: Site, { params }: Request, user: string): Promise<string> {
  const room = await site.db.rooms.byId(params['rid'] ?? '');
  if (room === undefined || !(await canAccessRoom(site, room, user))) throw new Forbidden('unauthorized');
  return room._id;
}

export function restApi(site: Site): Router {
  const router = express.Router();
  const counted = new Map<string, Counted>();
  for (const [name, route] of Object.entries(routes))
    router.post(`/${name}`, (request, response) => {
      const wait = waitFor(site, counted, name);
      void respond(site, route, wait, request, response);
    });
  return router;
}

/** Who a request is by, as its headers, its query or its cookies say. */
export function callerOf({ ws }: Site, request: Request): UserDoc | undefined {
  const cookies = new URLSearchParams((request.headers.cookie ?? '').replaceAll('; ', '&'));
  const one = (header: string, query: string): string | undefined =>
    (request.headers[header] as string | undefined) ??
    (request.query[query] as string | undefined) ??
    cookies.get(query) ??
    undefined;
  const uid = ws.tokens.get(one('x-auth-token', 'rc_token') ?? '');
  return uid !== undefined && uid === one('x-user-id', 'rc_uid')
    ? ws.database.users.docs.get(uid)
    : undefined;
}

async function respond(
  site: Site,
  { permission, answer }: Route,
  wait: number,
  request: Request,
  response: Response,
): Promise<void> {
  const fail = (status: number, error: string): void => {
    response.status(status).send({ success: false, error });
  };
  const by = callerOf(site, request);
  if (wait > 0)
    fail(
      429,
      `Error, too many requests. Please slow down. You must wait ${wait} seconds before trying this endpoint again. [error-too-many-requests]`,
    );
  else if (by === undefined)
    response.status(401).send({ status: 'error', message: 'You must be logged in to do this.' });
  else if (permission !== undefined && !(await hasPermission(site, by._id, permission)))
    fail(403, 'User does not have the permissions required for this action [error-unauthorized]');
  else
    try {
      response.send({ ...(await answer(site, request, by)), success: true });
    } catch (error) {
      fail(error instanceof Forbidden ? 403 : 400, (error as Error).message);
    }
}

function messageIn(body: unknown): string {
  const { messageId } = body as { messageId?: string };
  if (messageId === undefined)
    throw new MeteorError('error-messageid-param-not-provided', 'The required "messageId" param is missing.');
  return messageId;
}

/** Seconds until the route may be called again; a call that may be now is counted. */
function waitFor({ ws }: Site, counted: Map<string, Counted>, name: string): number {
  const time = ws.settings.number('API_Enable_Rate_Limiter_Limit_Time_Default');
  const now = Date.now();
  const before = counted.get(name);
  if (before === undefined || now - before.began >= time) {
    counted.set(name, { began: now, calls: 1 });
    return 0;
  }
  if (before.calls >= ws.settings.number('API_Enable_Rate_Limiter_Limit_Calls_Default'))
    return Math.ceil((before.began + time - now) / 1000);
  before.calls++;
  return 0;
}

async function named({ db }: Site, id: unknown, username?: unknown): Promise<UserDoc> {
  const user = await db.users.one((it) => it._id === id || it.username === username);
  if (user === undefined)
    throw new Error(
      'The required "userId" or "username" param provided does not match any users [error-invalid-user]',
    );
  return user;
}

async function formOf(request: Request): Promise<FormData> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  return new globalThis.Response(Buffer.concat(parts), { headers }).formData();
}
