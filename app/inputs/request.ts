/** Requests of other servers, as they reach the listener or the engine's endpoints. */

import type { IApiRequest } from '@rocket.chat/apps-engine/definition/api';

/** A request whose body the core does not hold yet. */
export interface Arrived {
  method: string;
  /** The path with its query, percent-encoded. */
  uri: string;
  /** One for each such header, in order. */
  authorization: string[];
  body: Uint8Array;
}

/**
 * What the engine's endpoint got. The engine keeps neither the raw address nor the raw body: both are
 * written anew, which is why this is only the second-best way in.
 */
export function endpointRequest(path: string, request: IApiRequest): Arrived {
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(request.params[name] ?? ''));
  const query = new URLSearchParams(request.query).toString();
  const method = request.method.toUpperCase();
  const { authorization } = request.headers;
  return {
    method,
    uri: `/${filled}${query === '' ? '' : `?${query}`}`,
    authorization: authorization === undefined ? [] : [authorization],
    body: new TextEncoder().encode(method === 'GET' ? '' : JSON.stringify(request.content ?? {})),
  };
}
