/** An App's life with an administrator, in the real engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Workspace } from './index.ts';
import { PROBE_ID, packProbe, run, seen } from './probe/probe.ts';

test('an App is installed, disabled, enabled, updated and uninstalled', async (t) => {
  const ws = await Workspace.create();
  t.after(() => ws.close());
  const instance = await ws.startInstance();
  const app = await instance.install(packProbe());
  assert.equal(await app.enabled(), true);
  assert.equal(ws.user('probe.bot')?.doc().type, 'app');

  await app.disable();
  assert.equal(await app.status(), 'manually_disabled');
  await assert.rejects(run(app, 'return 1'), /404/);
  await app.enable();
  assert.equal(await run(app, 'return 1'), 1);

  await run(app, 'await persis.create({ kept: true })');
  await app.update(packProbe({ version: '1.1.0' }));
  assert.equal(await run(app, 'return app.getVersion()'), '1.1.0');
  assert.equal(ws.persistence(PROBE_ID).length, 1);

  await app.uninstall();
  assert.equal(ws.persistence(PROBE_ID).length, 0);
  assert.equal(ws.user('probe.bot'), undefined);
});

test('a setting an administrator saves reaches the hooks of every instance', async (t) => {
  const ws = await Workspace.create();
  t.after(() => ws.close());
  const one = await ws.startInstance();
  const setting = {
    id: 'greeting',
    type: 'string',
    packageValue: 'hello',
    required: false,
    public: false,
    i18nLabel: 'greeting',
  };
  const app = await one.install(packProbe({ settings: [setting] }));
  const two = await ws.startInstance();
  assert.equal(app.setting('greeting'), 'hello');

  await app.set('greeting', 'good day');
  for (const instance of [one, two])
    for (const hook of ['onPreSettingUpdate', 'onSettingUpdated'])
      assert.deepEqual(
        (await seen(app, hook, 1, instance)).map(({ data }) => data),
        [{ id: 'greeting', value: 'good day' }],
        hook,
      );
  assert.equal(
    await run(app, "return read.getEnvironmentReader().getSettings().getValueById('greeting')", two),
    'good day',
  );
});

test('what an App writes into its log can be read', async (t) => {
  const ws = await Workspace.create();
  t.after(() => ws.close());
  const app = await (await ws.startInstance()).install(packProbe());
  await run(app, "app.getLogger().info('noted')");
  assert.ok(
    app.logs().some(({ severity, args }) => severity === 'info' && args[0] === 'noted'),
    'the line is in the log',
  );
});
