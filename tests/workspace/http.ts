/**
 * `IHttp`: requests made by the host process for an App.
 *
 * Kept from the server: redirects are followed, three minutes' patience, no limit of size, and TLS checking
 * goes off by `strictSSL: false` or, upside down, by `rejectUnauthorized: true`.
 */
import http from 'node:http';
import https from 'node:https';
import type { IHttpResponse } from '@rocket.chat/apps-engine/definition/accessors/index.js';
import type { IHttpBridgeRequestInfo } from '@rocket.chat/apps-engine/server/bridges/HttpBridge.js';

const PATIENCE = 3 * 60 * 1000;
const MOST_REDIRECTS = 20;
const JSON_TYPES = [
  'application/json',
  'text/javascript',
  'application/javascript',
  'application/x-javascript',
];

interface Outgoing {
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array | undefined;
  timeout: number;
  trusting: boolean;
}

export async function request({
  url: given,
  method,
  request,
}: IHttpBridgeRequestInfo): Promise<IHttpResponse> {
  const url = new URL(given);
  const headers: Record<string, string> = { ...request.headers };
  const bare = method.toUpperCase() === 'GET' || method.toUpperCase() === 'HEAD';
  let body: string | Uint8Array | undefined = request.content;
  if (!body && typeof request.data === 'object') {
    body = JSON.stringify(request.data);
    headers['Content-Type'] ??= 'application/json';
  }
  if (request.auth) {
    if (!request.auth.includes(':')) throw new Error('auth option should be of the form "username:password"');
    headers['Authorization'] = `Basic ${Buffer.from(request.auth, 'ascii').toString('base64')}`;
  }
  const params = Object.entries(request.params ?? {});
  if (body || bare) for (const [name, value] of params) if (value) url.searchParams.append(name, value);
  if (!body && !bare && request.params) {
    body = new URLSearchParams(request.params).toString();
    headers['Content-Type'] = 'application/x-www-form-urlencoded';
  }
  const trusting =
    (Object.hasOwn(request, 'strictSSL') && request.strictSSL !== true) ||
    (Object.hasOwn(request, 'rejectUnauthorized') && request.rejectUnauthorized === true);
  const answer = await follow(url, {
    method: method.toUpperCase(),
    headers,
    body: bare ? undefined : body,
    timeout: request.timeout ?? PATIENCE,
    trusting,
  });
  return {
    url: given,
    method,
    statusCode: answer.status,
    headers: answer.headers,
    ...content(answer, request.encoding),
  };
}

function content({ bytes, headers }: Answer, encoding: string | null | undefined): object {
  if (encoding === null) return { content: bytes };
  const text = bytes.toString(encoding as BufferEncoding | undefined);
  const type = (headers['content-type'] ?? '').split(';')[0] ?? '';
  return { content: text, data: JSON_TYPES.includes(type) ? parsed(text) : null };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  bytes: Buffer;
}

async function follow(url: URL, outgoing: Outgoing, redirects = 0): Promise<Answer> {
  const answer = await send(url, outgoing);
  const { location } = answer.headers;
  if (location === undefined || ![301, 302, 303, 307, 308].includes(answer.status)) return answer;
  if (redirects === MOST_REDIRECTS) throw new Error(`maximum redirect reached at: ${url.href}`);
  const seeOther = answer.status === 303 || (answer.status < 303 && outgoing.method === 'POST');
  return follow(
    new URL(location, url),
    seeOther ? { ...outgoing, method: 'GET', body: undefined } : outgoing,
    redirects + 1,
  );
}

function send(url: URL, { method, headers, body, timeout, trusting }: Outgoing): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const sent = (secure ? https : http).request(
      url,
      { method, headers, ...(secure && { rejectUnauthorized: !trusting }) },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const named = Object.entries(response.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : (value ?? ''),
          ]);
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(named) as Record<string, string>,
            bytes: Buffer.concat(parts),
          });
        });
      },
    );
    sent.setTimeout(timeout, () => sent.destroy(new Error(`network timeout at: ${url.href}`)));
    sent.on('error', (error) => {
      reject(new Error(`request to ${url.href} failed, reason: ${error.message}`));
    });
    sent.end(body);
  });
}
