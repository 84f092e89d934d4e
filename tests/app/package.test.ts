/** What a workspace installs: the manifest, the texts, the settings, and the code in the engine's own shell. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { App } from '@rocket.chat/apps-engine/definition/App.js';
import { AppInterface } from '@rocket.chat/apps-engine/definition/metadata/AppInterface.js';

import english from '../../app/i18n/en.json' with { type: 'json' };
import { settingFault, settings } from '../../app/settings.ts';
import { bundle, manifest } from './stub/pack.ts';

const folder = new URL('../../app/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');

type Texts = Record<string, string>;
type AppClass = new (...given: unknown[]) => App;

/** As `deno-runtime/handlers/app/construct.ts` runs it, with its list of modules. */
async function evaluated(source: string): Promise<Record<string, unknown>> {
  const native = 'path url crypto buffer stream net http https zlib util punycode os querystring fs'.split(
    ' ',
  );
  const require = createRequire(import.meta.url);
  const allowed = (module: string): unknown => {
    const known =
      native.includes(module.replace('node:', '')) || module.startsWith('@rocket.chat/apps-engine');
    if (!known) throw new Error(`Module ${module} is not allowed`);
    return require(module);
  };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- it is the engine's way
  return (await new Function(
    'require',
    `const { Buffer } = require('buffer'); const exports = {}; const module = { exports };
     return (async (exports,module,require,Buffer,console,globalThis,Deno) => { ${source}; })
       (exports,module,require,Buffer,{},undefined,undefined).then(() => module.exports);`,
  )(allowed)) as Record<string, unknown>;
}

test('the bundle has one export, an App, and nothing that makes the engine rewrite it', async () => {
  const source = await bundle();
  for (const forbidden of ['.usernames', '.isOnline(', '.createToken('])
    assert.equal(source.includes(forbidden), false);
  const exported = await evaluated(source);
  assert.deepEqual(Object.keys(exported), ['MatrixFederationApp']);
});

test('`implements` names the hooks the class has, no more and no fewer', async () => {
  const { MatrixFederationApp } = await evaluated(await bundle());
  const methods = Object.getOwnPropertyNames((MatrixFederationApp as AppClass).prototype);
  // One interface whose methods bear other names.
  const ofInteractions = /^execute\w+Handler$/;
  const interactions = methods.filter((name) => ofInteractions.test(name));
  const hooks = Object.values(AppInterface).filter((name) => methods.includes(name.replace(/^I/, 'execute')));
  assert.deepEqual(manifest.implements, [
    ...hooks,
    ...(interactions.length > 0 ? [AppInterface.IUIKitInteractionHandler] : []),
  ]);
  const executed = methods.filter((name) => /^(execute|check)/.test(name) && !ofInteractions.test(name));
  assert.deepEqual(
    executed,
    hooks.map((name) => name.replace(/^I/, 'execute')),
  );
});

test('the manifest', () => {
  assert.match(manifest.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(manifest.classFile, 'MatrixFederationApp.ts');
  const names = manifest.permissions.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)].sort());
});

/** Every permission has the code that needs it, so that none outlives it. */
const uses: Readonly<Record<string, RegExp>> = {
  api: /provideApi\(/,
  'env.read': /getEnvironmentVariables\(/,
  'message.read': /getMessageReader\(/,
  'message.write': /startMessage\(/,
  networking: /from 'node:http'/,
  persistence: /createWithAssociations\(/,
  'room.read': /getRoomReader\(/,
  'room.write': /removeUsersFromRoom\(/,
  scheduler: /registerProcessors\(/,
  'server-setting.read': /getServerSettings\(/,
  slashcommand: /provideSlashCommand\(/,
  'ui.interact': /getUiController\(/,
  'ui.registerButtons': /registerButton\(/,
  'upload.read': /getUploadReader\(/,
  'upload.write': /getUploadCreator\(/,
  'user.read': /getUserReader\(/,
  'user.write': /startBotUser\(/,
};

test('each permission is in use', () => {
  const sources = ['.', 'host', 'inputs'].flatMap((part) =>
    readdirSync(new URL(part, folder))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(`${part}/${name}`)),
  );
  const all = sources.join('\n');
  assert.deepEqual(
    manifest.permissions.map(({ name }) => name),
    Object.keys(uses),
  );
  for (const [name, use] of Object.entries(uses)) assert.match(all, use, name);
});

test('every language has every text, and every text is used', () => {
  const wanted = settings.flatMap(({ section, i18nLabel, i18nDescription, values = [] }) => [
    section,
    i18nLabel,
    i18nDescription,
    ...values.map((value) => value.i18nLabel),
  ]);
  const faults = Object.keys(english).filter((key) => key.startsWith('fault_'));
  for (const key of faults) assert.ok(read('settings.ts').includes(`'${key}'`), key);
  const others = ['command_params', 'command_description', 'window_button'];
  const keys = [...new Set([...wanted, ...faults, ...others])].sort();
  assert.deepEqual(Object.keys(english).sort(), keys);
  for (const name of readdirSync(new URL('i18n', folder))) {
    const texts = JSON.parse(read(`i18n/${name}`)) as Texts;
    assert.deepEqual(Object.keys(texts), Object.keys(english), name);
    assert.deepEqual(
      Object.values(texts).filter((line) => line.trim() === ''),
      [],
      name,
    );
  }
});

test('settings that cannot work are refused in plain words, all defaults and examples accepted', () => {
  const fault = (id: string, value: unknown) => settingFault({ id, value } as never);
  for (const { id, packageValue } of settings) assert.equal(fault(id, packageValue), undefined, id);
  const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
  const good: [string, unknown][] = [
    ['homeserver_url', ' https://matrix.example.org/ '],
    ['homeserver_url', 'http://127.0.0.1:8008'],
    ['server_name', 'localhost:18448'],
    ['user_prefix', 'chat.'],
    ['user_prefix', ''],
    ['homeserver_url', 'https://example.org/matrix'],
    ['transport', 'workspace'],
    ['typing', false],
    ['listen_port', 1],
    ['mode', 'direct'],
    ['dns_url', 'https://dns.example.org/dns-query'],
    ['private_addresses', true],
    ['workspace_url', 'http://localhost:3000'],
    ['pictures_url', 'https://pictures.example.org'],
    ['rest_user', 'rocket.cat'],
    ['rest_token', 'aB3-_x'],
    ['ca_certificates', `${pem}\n${pem}\n`],
  ];
  for (const [id, value] of good) assert.equal(fault(id, value), undefined, `${id} ${String(value)}`);
  const bad: [string, unknown][] = [
    ['homeserver_url', 'matrix.example.org'],
    ['homeserver_url', 'ftp://matrix.example.org'],
    ['homeserver_url', 'https://a:b@matrix.example.org'],
    ['appservice_url', 'https://x/?token=1'],
    ['server_name', '@alice:example.org'],
    ['server_name', 'https://example.org'],
    ['user_prefix', 'RC '],
    ['user_prefix', '_rc_'],
    ['homeserver_url', 'https://matrix.example.org/_matrix/client'],
    ['transport', 'pigeons'],
    ['bot_localpart', ''],
    ['bot_localpart', '@rocketchat'],
    ['listen_host', ' '],
    ['mode', 'both'],
    ['mode', ''],
    ['dns_url', 'http://dns.example.org/dns-query'],
    ['dns_url', 'dns.example.org'],
    ['dns_url', 'https://dns.example.org/dns-query?name=x'],
    ['workspace_url', 'localhost:3000'],
    ['rest_user', 'a b'],
    ['listen_port', 0],
    ['listen_port', 65536],
    ['listen_port', 'http'],
    ['ca_certificates', '-----BEGIN CERTIFICATE-----'],
    ['ca_certificates', `${pem} and more`],
  ];
  for (const [id, value] of bad)
    assert.match(english[fault(id, value) ?? 'mode_label'], /not saved: .*\.$/, `${id} ${String(value)}`);
});
