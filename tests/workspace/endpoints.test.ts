/** What reaches an App's endpoints, and what never does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './probe/probe.ts';
import { scene } from './probe/setting.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

type Heard = {
  method: string;
  headers: Record<string, string>;
  query: unknown;
  params: unknown;
  content: unknown;
  user?: { username: string };
};
const heard = async (answer: Response): Promise<Heard> => (await answer.json()) as Heard;

test('Express 4 routes: parameters, wildcards, queries, lower-cased headers', async (t) => {
  const { app } = await scene(t, { endpoints: ['things/:id', 'tree/*', 'twice/:a/x/:b'] });
  const one = await heard(
    await fetch(`${app.url()}/things/a%2Fb?x=1&x=2&y[z]=3`, { headers: { 'X-Some-Header': 'Value' } }),
  );
  assert.deepEqual(
    [one.method, one.params, one.query, one.headers['x-some-header'], one.headers['X-Some-Header']],
    ['get', { id: 'a/b' }, { x: ['1', '2'], y: { z: '3' } }, 'Value', undefined],
  );
  assert.deepEqual((await heard(await fetch(`${app.url()}/tree/a/b/c`))).params, { 0: 'a/b/c' });
  assert.deepEqual((await heard(await fetch(`${app.url()}/twice/1/x/2`, { method: 'PUT' }))).params, {
    a: '1',
    b: '2',
  });
  assert.equal((await fetch(`${app.url()}/nowhere`)).status, 404);
});

test('the JSON parser: 413 over 100 KB, 400 for broken JSON, both as HTML; {} for all else', async (t) => {
  const { app } = await scene(t, { endpoints: ['echo'] });
  const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE): Promise<Response> =>
    fetch(`${app.url()}/echo`, { method: 'POST', headers, body: body as BodyInit });
  const large = await post(JSON.stringify({ x: 'y'.repeat(102_400) }));
  assert.deepEqual([large.status, large.headers.get('content-type')], [413, 'text/html; charset=utf-8']);
  assert.match(await large.text(), /Payload Too Large/);
  const broken = await post('{"x":');
  assert.deepEqual([broken.status, broken.headers.get('content-type')], [400, 'text/html; charset=utf-8']);
  assert.equal((await post('"a string"')).status, 400, 'strict: objects and arrays only');
  assert.deepEqual((await heard(await post(JSON.stringify({ x: 'y'.repeat(100_000) })))).content, {
    x: 'y'.repeat(100_000),
  });
  assert.deepEqual(
    (await heard(await post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }))).content,
    {},
  );
  assert.deepEqual(
    (await heard(await post(new Uint8Array([1, 2]), { 'content-type': 'image/png' }))).content,
    {},
  );
  assert.deepEqual((await heard(await post('{"n":9007199254740993}'))).content, { n: 9_007_199_254_740_992 });
});

test('an answer may be bytes, with headers and status', async (t) => {
  const { app } = await scene(t, {}, {});
  const answering = `app.run = async () => ({ status: 201, headers: { 'content-type': 'image/png', 'x-more': 'yes' }, content: Buffer.from([1, 2, 255]) })`;
  await run(app, answering);
  const answer = await fetch(`${app.url()}/run`);
  assert.deepEqual(
    [answer.status, answer.headers.get('content-type'), answer.headers.get('x-more')],
    [201, 'image/png', 'yes'],
  );
  assert.deepEqual([...new Uint8Array(await answer.arrayBuffer())], [1, 2, 255]);
});

test('an endpoint may want a signed-in person', async (t) => {
  const { app, alice } = await scene(t);
  assert.equal((await fetch(`${app.url()}/guarded`)).status, 401);
  const signed = await fetch(`${app.url()}/guarded`, {
    headers: { 'X-User-Id': alice.id, 'X-Auth-Token': alice.token },
  });
  assert.equal((await heard(signed)).user?.username, 'alice');
});

test('private endpoints are below a secret, public ones are not', async (t) => {
  const { instance, app } = await scene(t, { endpoints: ['echo'], secret: true });
  assert.equal((await fetch(`${app.url('private')}/echo`)).status, 200);
  assert.equal((await fetch(`${app.url('public')}/echo`)).status, 404);
  assert.equal((await fetch(`${instance.endpointUrl}/api/apps/private/${app.id}/guess/echo`)).status, 404);
});

test('every call is written into the log, Authorization included', async (t) => {
  const { app } = await scene(t, { endpoints: ['echo'] });
  await fetch(`${app.url()}/echo`, { headers: { Authorization: 'Bearer secret' } });
  assert.ok(
    app
      .logs()
      .some(
        ({ method, args }) => method === 'api:echo:get' && JSON.stringify(args).includes('Bearer secret'),
      ),
    'the header is in the log',
  );
});

test('an App that is disabled answers 404, one that fails 500', async (t) => {
  const { app } = await scene(t);
  await run(app, "app.run = async () => { throw new Error('broken') }");
  const failed = await fetch(`${app.url()}/run`);
  assert.deepEqual([failed.status, await failed.text()], [500, 'broken']);
  await app.disable();
  assert.equal((await fetch(`${app.url()}/run`)).status, 404);
});
