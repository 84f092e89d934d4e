/** What an administrator set, as the core is told. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SettingType } from '@rocket.chat/apps-engine/definition/settings/SettingType.js';

import { keptSetting, readSettings, secretVariable, settings, type Settings } from '../../app/settings.ts';

const id = 'd687dc95-f49b-44ca-8072-9e8140f3c48c';
const variable = 'RC_APPS_D687DC95_F49B_44CA_8072_9E8140F3C48C_SECRET';

/** Values that nobody set are their defaults. */
function read(
  values: Record<string, unknown>,
  environment: Record<string, string> = {},
  workspace: Record<string, unknown> = {},
  networkOpen = true,
): Promise<Settings> {
  const defaults = Object.fromEntries(settings.map(({ id, packageValue }) => [id, packageValue as unknown]));
  const all = { ...defaults, ...values } as Record<string, unknown>;
  const reader = {
    getSettings: () => ({ getValueById: (id: string) => Promise.resolve(all[id]) }),
    getServerSettings: () => ({
      getValueById: (id: string) =>
        id in workspace ? Promise.resolve(workspace[id]) : Promise.reject(new Error('not readable')),
    }),
    getEnvironmentVariables: () => ({ getValueByName: (name: string) => Promise.resolve(environment[name]) }),
  };
  return readSettings(id, reader as never, networkOpen);
}

test('nothing set', async () => {
  assert.deepEqual(await read({}), {
    config: {
      mode: 'homeserver',
      homeserverUrl: '',
      serverName: '',
      userPrefix: 'rc_',
      botLocalpart: 'rocketchat',
      appserviceUrl: 'http://localhost:3300',
      secret: null,
      dnsUrl: '',
      privateAddresses: false,
      typing: true,
      directMessageUsers: 8,
      workspace: '',
      endpoints: '',
      pictures: '',
      rest: false,
      messageSize: 5000,
      largestFile: 8 * 1024 * 1024,
    },
    listen: { host: '0.0.0.0', port: 3300 },
    outgoing: 'automatic',
    certificates: [],
    access: { address: '', user: '', token: '' },
  });
});

test('direct mode in full', async () => {
  const values = {
    mode: 'direct',
    server_name: ' example.org ',
    dns_url: 'https://dns.example.org/dns-query',
    private_addresses: true,
  };
  const { config } = await read(values, { [variable]: 'sesame', SECRET: 'not this one' });
  const { mode, serverName, dnsUrl, privateAddresses, secret } = config;
  assert.deepEqual(
    [mode, serverName, dnsUrl, privateAddresses, secret],
    ['direct', 'example.org', 'https://dns.example.org/dns-query', true, 'sesame'],
  );
});

test('how many may be in a direct message and how long a message may be is what the workspace says', async () => {
  const { config } = await read({}, {}, { DirectMesssage_maxUsers: 12, Message_MaxAllowedSize: 700 });
  assert.deepEqual([config.directMessageUsers, config.messageSize], [12, 700]);
});

test('the workspace is known by its id, and its endpoints by its address', async () => {
  const { config, access } = await read(
    {},
    {},
    { uniqueID: 'u', Site_Url: 'https://chat.example.org/team/' },
  );
  const endpoints = `https://chat.example.org/team/api/apps/public/${id}`;
  assert.deepEqual([config.workspace, config.endpoints], ['u', endpoints]);
  assert.equal(access.address, 'https://chat.example.org/team');
});

test('where the network is closed, the homeserver comes through the workspace', async () => {
  const { config } = await read({}, {}, { Site_Url: 'https://chat.example.org' }, false);
  assert.equal(config.appserviceUrl, `https://chat.example.org/api/apps/public/${id}`);
});

test('an account of its own: the core hears only that there is one', async () => {
  const values = { workspace_url: 'http://localhost:3000/', rest_user: 'uid', rest_token: ' sec\u200bret ' };
  const { config, access } = await read(values);
  assert.deepEqual(access, { address: 'http://localhost:3000', user: 'uid', token: 'secret' });
  assert.equal(config.rest, true);
  assert.ok(!Object.values(config).includes('secret'));
  assert.equal((await read({ rest_user: 'uid' })).config.rest, false);
});

test('browsers reach pictures where an administrator says', async () => {
  const { config } = await read({ pictures_url: 'https://pictures.example.org/' });
  assert.equal(config.pictures, 'https://pictures.example.org');
});

test('an empty secret is none, and so is a mode that nobody knows', async () => {
  const { config } = await read({ mode: 'both' }, { [variable]: '' });
  assert.deepEqual([config.mode, config.secret], ['homeserver', null]);
});

test("the secret's name", () => {
  assert.equal(secretVariable(id), variable);
});

test('the kinds of fields that administrators see', () => {
  const type = (id: string): unknown => settings.find((setting) => setting.id === id)?.type;
  assert.deepEqual(['mode', 'server_name', 'listen_port', 'private_addresses', 'rest_token'].map(type), [
    SettingType.SELECT,
    SettingType.STRING,
    SettingType.NUMBER,
    SettingType.BOOLEAN,
    SettingType.PASSWORD,
  ]);
  assert.deepEqual(
    settings.find(({ id }) => id === 'mode')?.values?.map(({ key }) => key),
    ['homeserver', 'direct'],
  );
});

test('no prefix is a prefix, and one that cannot be read is not', async () => {
  assert.equal((await read({ user_prefix: '' })).config.userPrefix, '');
  assert.equal((await read({ user_prefix: undefined })).config.userPrefix, 'rc_');
});

test('a value that cannot be used keeps the old one and says why where it is looked for', () => {
  const setting = (value: unknown) =>
    ({ ...settings.find(({ id }) => id === 'listen_port'), value }) as Parameters<typeof keptSetting>[0];
  const refused = keptSetting(setting(3300), setting(0));
  assert.ok(refused);
  assert.deepEqual([refused.setting.value, refused.setting.i18nDescription], [3300, 'fault_port']);
  assert.match(refused.why ?? '', /not saved: a port is a number/);
  const saved = keptSetting(refused.setting, { ...refused.setting, value: 3301 });
  assert.ok(saved);
  assert.deepEqual(
    [saved.setting.value, saved.setting.i18nDescription, saved.why],
    [3301, 'listen_port_description', undefined],
  );
  assert.equal(keptSetting(saved.setting, { ...saved.setting, value: 3302 }), undefined);
});

test('who calls other servers can be chosen', async () => {
  for (const way of ['automatic', 'own', 'workspace'])
    assert.equal((await read({ transport: way })).outgoing, way);
  assert.equal((await read({ transport: 'pigeons' })).outgoing, 'automatic');
});
