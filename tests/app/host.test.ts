/** What the core may ask for, and when it may not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WorkspaceHost } from '../../app/host/host.ts';
import { Log } from '../../app/log.ts';
import type { Answer, Call, Effect, Input, Runtime } from '../../app/protocol.ts';

const carry = () => Promise.reject(new Error('not asked'));

const request: Call = {
  method: 'GET',
  url: 'http://x/',
  authorization: null,
  peer: null,
  guarded: false,
  body: null,
  timeout: 1000,
};

const runtime: Runtime = {
  name: 'Deno 2.9.6',
  open: true,
  transport: 'own',
  listener: { kind: 'off' },
  variable: 'RC_APPS_X_SECRET',
};

test('another server is read like the workspace, and no answer is an answer', async () => {
  const answer: Answer = { kind: 'unreachable', why: 'nobody there' };
  const asked: unknown[] = [];
  const host = new WorkspaceHost(
    { bodies: () => Promise.resolve(['{}']) } as never,
    {} as never,
    () => ({
      name: 'own',
      call: (request, largest) => {
        asked.push(request, largest);
        return Promise.resolve(answer);
      },
      carry,
      close: () => undefined,
    }),
    () => undefined,
    new Log(() => undefined),
    () => runtime,
    (id) => Promise.resolve(id === 'FileUpload_MaxFileSize' ? 1024 : null),
    {} as never,
    {} as never,
  );
  assert.deepEqual(
    await host.load([
      { kind: 'fetch', request },
      { kind: 'documents', association: 'a' },
      { kind: 'runtime' },
      { kind: 'setting', id: 'FileUpload_MaxFileSize' },
      { kind: 'setting', id: 'Unknown' },
    ]),
    [
      { kind: 'answer', answer },
      { kind: 'documents', bodies: ['{}'] },
      { kind: 'runtime', runtime },
      { kind: 'setting', value: '1024' },
      { kind: 'setting', value: null },
    ],
  );
  assert.deepEqual(asked, [request, 64 * 1024]);
});

test('a server may take longer to answer than the workspace', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let answer!: (answer: Answer) => void;
  const host = new WorkspaceHost(
    { bodies: () => new Promise(() => undefined) } as never,
    {} as never,
    () => ({
      name: 'own',
      call: () => new Promise((resolve) => (answer = resolve)),
      carry,
      close: () => undefined,
    }),
    () => undefined,
    new Log(() => undefined),
    () => runtime,
    (id) => Promise.resolve(id === 'FileUpload_MaxFileSize' ? 1024 : null),
    {} as never,
    {} as never,
  );
  const fetched = host.load([{ kind: 'fetch', request }]);
  const read = assert.rejects(host.load([{ kind: 'documents', association: 'a' }]), /no answer within 60 s/);
  t.mock.timers.tick(60_000);
  await read;
  answer({ kind: 'unreachable', why: '' });
  assert.equal((await fetched)[0]?.kind, 'answer');
});

test('a closed host does nothing more, until it is opened', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const inserted: string[] = [];
  const inputs: Input[] = [];
  let answer!: (answer: Answer) => void;
  const host = new WorkspaceHost(
    {
      bodies: () => Promise.resolve([]),
      insert: ({ id }: { id: string }) => Promise.resolve(void inserted.push(id)),
    } as never,
    {} as never,
    () => ({
      name: 'own',
      call: () => new Promise((resolve) => (answer = resolve)),
      carry,
      close: () => undefined,
    }),
    (input) => inputs.push(input),
    new Log(() => undefined),
    () => runtime,
    (id) => Promise.resolve(id === 'FileUpload_MaxFileSize' ? 1024 : null),
    {} as never,
    {} as never,
  );
  const insert: Effect = { kind: 'insert', document: { id: 'a', associations: [], body: '' } };
  const tag = { scope: 's', entry: 'e', step: '' };
  await host.perform({ kind: 'wake', scope: 's', at: 100 });
  await host.perform({ kind: 'call', tag, request });
  host.close();
  await assert.rejects(host.perform(insert), /the App is switched off/);
  await assert.rejects(host.perform({ kind: 'wake', scope: 's', at: 100 }), /switched off/);
  await assert.rejects(host.load([{ kind: 'documents', association: 'a' }]), /switched off/);
  answer({ kind: 'unreachable', why: '' });
  t.mock.timers.tick(1000);
  await new Promise(setImmediate);
  assert.deepEqual([inserted, inputs], [[], []]);
  host.open();
  await host.perform(insert);
  await host.perform({ kind: 'wake', scope: 's', at: 2000 });
  t.mock.timers.tick(1000);
  assert.deepEqual([inserted, inputs], [['a'], [{ kind: 'wake', scope: 's' }]]);
});
