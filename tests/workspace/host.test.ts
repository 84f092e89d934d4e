/** What the host process lends an App: requests, environment, settings. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { run } from './probe/probe.ts';
import { scene } from './probe/setting.ts';

async function serving(t: TestContext, server: http.Server | https.Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `${server instanceof https.Server ? 'https' : 'http'}://localhost:${String((server.address() as AddressInfo).port)}`;
}

test('a request is made by the host: redirects followed, JSON parsed, bytes on demand', async (t) => {
  const { app } = await scene(t);
  const base = await serving(
    t,
    http.createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/here?x=1' }).end();
      else
        response.setHeader('content-type', 'application/json').end(
          JSON.stringify({
            url: request.url,
            method: request.method,
            type: request.headers['content-type'],
          }),
        );
    }),
  );
  const asked = await run<{ statusCode: number; data: object; url: string }>(
    app,
    `return http.get('${base}/moved')`,
  );
  assert.deepEqual(
    [asked.statusCode, asked.data, asked.url],
    [200, { url: '/here?x=1', method: 'GET' }, `${base}/moved`],
  );
  const posted = await run<{ data: object }>(
    app,
    `return http.post('${base}/p', { data: { a: 1 }, params: { q: 'é' } })`,
  );
  assert.deepEqual(posted.data, { url: '/p?q=%C3%A9', method: 'POST', type: 'application/json' });
  assert.equal(
    await run(app, `return Buffer.isBuffer((await http.get('${base}/b', { encoding: null })).content)`),
    true,
  );
  await assert.rejects(run(app, "return http.get('http://127.0.0.1:1/')"), /ECONNREFUSED/);
});

test('TLS is checked, unless strictSSL is false or rejectUnauthorized is true', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tls-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const [key, cert] = [path.join(folder, 'key'), path.join(folder, 'cert')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  const base = await serving(
    t,
    https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) =>
      response.end('secret'),
    ),
  );
  const { app } = await scene(t);
  const get = (options: string): Promise<string> =>
    run(app, `return (await http.get('${base}/', ${options})).content`);
  for (const strict of ['{}', '{ strictSSL: true }', '{ rejectUnauthorized: false }'])
    await assert.rejects(get(strict), /self-signed/, strict);
  for (const lax of ['{ strictSSL: false }', '{ rejectUnauthorized: true }'])
    assert.equal(await get(lax), 'secret', lax);
});

test('of the environment an App reads three names, and those that begin with its own id', async (t) => {
  const own = 'RC_APPS_5C1D5C6E_0000_4000_8000_000000000001_KEY';
  const { app } = await scene(
    t,
    {},
    {
      siteUrl: 'https://chat.example.org',
      environment: { [own]: 'sesame', RC_APPS_OTHER_KEY: 'hidden', MONGO_URL: 'hidden' },
    },
  );
  const value = (name: string): Promise<unknown> =>
    run(app, `return read.getEnvironmentReader().getEnvironmentVariables().getValueByName('${name}')`);
  assert.equal(await value(own), 'sesame');
  assert.equal(await value('ROOT_URL'), 'https://chat.example.org');
  for (const name of ['RC_APPS_OTHER_KEY', 'MONGO_URL']) await assert.rejects(value(name), /is not readable/);
  // May be read, and is not there.
  assert.equal((await value(`${own}_2`)) ?? null, null);
});

test('of the environment an App without the permission reads nothing, and is not told so', async (t) => {
  const own = 'RC_APPS_5C1D5C6E_0000_4000_8000_000000000001_KEY';
  const { app } = await scene(t, { permissions: ['api'] }, { environment: { [own]: 'sesame' } });
  const code = `
    const value = await read.getEnvironmentReader().getEnvironmentVariables().getValueByName('${own}');
    return { there: value !== undefined && value !== null };`;
  assert.deepEqual(await run(app, code), { there: false });
});

test("the subprocess's own environment is closed", async (t) => {
  const { app } = await scene(t);
  assert.match(
    await run(app, 'try { return String(process.env.HOME) } catch (error) { return error.message }'),
    /undefined|Requires env access/,
  );
});

test("the workspace's settings can be read", async (t) => {
  const { app } = await scene(t, {}, { siteUrl: 'https://chat.example.org' });
  const reading = (id: string): string =>
    `return read.getEnvironmentReader().getServerSettings().getValueById('${id}')`;
  assert.equal(await run(app, reading('Site_Url')), 'https://chat.example.org');
  assert.equal(await run(app, reading('Message_MaxAllowedSize')), 5000);
});
