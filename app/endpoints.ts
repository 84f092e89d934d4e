/** The engine's endpoints: the way in where the App cannot listen by itself, and for people's browsers. */

import { Buffer } from 'node:buffer';

import { ApiSecurity, ApiVisibility } from '@rocket.chat/apps-engine/definition/api/IApi.js';
import type { IApi, IApiEndpoint, IApiRequest, IApiResponse } from '@rocket.chat/apps-engine/definition/api';
import type {
  HttpStatusCode,
  IHttp,
  IModify,
  IPersistence,
  IRead,
} from '@rocket.chat/apps-engine/definition/accessors';

import type { Image } from './host/image.ts';
import { Passage } from './passage.ts';
import { type Arrived, endpointRequest } from './inputs/request.ts';
import type { Reply } from './protocol.ts';
import { written } from './written.ts';

/** Homeservers ask again. */
const unavailable: Reply = {
  status: 503,
  body: JSON.stringify({
    errcode: 'M_UNKNOWN',
    error: 'The App is starting; ask again in a moment.',
  }),
};

/** The addresses of the application service API, of pictures and of files. */
const paths = {
  put: ['_matrix/app/v1/transactions/:txnId'],
  post: ['_matrix/app/v1/ping'],
  get: [
    '_matrix/app/v1/users/:userId',
    '_matrix/app/v1/rooms/:roomAlias',
    'avatar/:server/:media/:mark',
    'file/:server/:media/:until/:name/:mark',
  ],
} as const;

/** What an administrator's browser downloads. */
const download = 'download/:ticket/:name';

export interface EndpointCalls {
  answer(request: Arrived): Promise<Reply | Image | Passage>;
  /** The file for a ticket. */
  download(ticket: string): Promise<Reply>;
  /** Endpoint calls bring the accessors for writing. */
  take(persistence: IPersistence, modify: IModify): void;
}

/** Plain objects: the engine sends them to its own process, so they must lead to nothing of ours. */
export function api(calls: EndpointCalls): IApi {
  const endpoints = Object.entries(paths).flatMap(([method, ways]) =>
    ways.map((path): IApiEndpoint => ({
      path,
      [method]: endpoint(path, calls),
    })),
  );
  endpoints.push({ path: download, get: fileEndpoint(calls) });
  return {
    visibility: ApiVisibility.PUBLIC,
    security: ApiSecurity.UNSECURE,
    endpoints,
  };
}

function endpoint(path: string, calls: EndpointCalls) {
  return async (
    request: IApiRequest,
    _endpoint: unknown,
    _read: IRead,
    modify: IModify,
    _http: IHttp,
    persistence: IPersistence,
  ): Promise<IApiResponse> => {
    calls.take(persistence, modify);
    const answer = await calls.answer(endpointRequest(path, request)).catch(() => unavailable);
    const whole = answer instanceof Passage ? await answer.whole().catch(() => undefined) : written(answer);
    const { status, headers, bytes } = whole ?? written(unavailable);
    const content = 'body' in answer ? answer.body : Buffer.from(bytes);
    return { status: status as unknown as HttpStatusCode, headers, content };
  };
}

/** A file is saved, never shown: nothing in it runs under the workspace's address. */
function fileEndpoint(calls: EndpointCalls) {
  return async (
    request: IApiRequest,
    _endpoint: unknown,
    _read: IRead,
    modify: IModify,
    _http: IHttp,
    persistence: IPersistence,
  ): Promise<IApiResponse> => {
    calls.take(persistence, modify);
    const { ticket = '', name = '' } = request.params;
    const { status, body } = await calls.download(ticket).catch(() => unavailable);
    const file = `attachment; filename="${name.replace(/[^\w.-]/g, '_')}"`;
    return {
      status: status as unknown as HttpStatusCode,
      headers: {
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        ...(status === 200
          ? {
              'content-type': 'application/octet-stream',
              'content-disposition': file,
            }
          : { 'content-type': 'text/plain; charset=utf-8' }),
      },
      content: body,
    };
  };
}
