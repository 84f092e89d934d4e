/** What an administrator set, as the core is told. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SettingType } from '@rocket.chat/apps-engine/definition/settings/SettingType.js';

import { readSettings, secretVariable, settings, type Settings } from '../../app/settings.ts';

const id = 'd687dc95-f49b-44ca-8072-9e8140f3c48c';
const variable = 'RC_APPS_D687DC95_F49B_44CA_8072_9E8140F3C48C_SECRET';

/** Values that nobody set are their defaults. */
function read(
  values: Record<string, unknown>,
  environment: Record<string, string> = {},
  server: Record<string, string> = {},
): Promise<Settings> {
  const defaults = Object.fromEntries(settings.map(({ id, packageValue }) => [id, packageValue as unknown]));
  const all = { ...defaults, ...values } as Record<string, unknown>;
  const reader = {
    getSettings: () => ({ getValueById: (id: string) => Promise.resolve(all[id]) }),
    getEnvironmentVariables: () => ({ getValueByName: (name: string) => Promise.resolve(environment[name]) }),
    getServerSettings: () => ({ getValueById: (id: string) => Promise.resolve(server[id]) }),
  };
  return readSettings(id, reader as never, ({ port }) => Promise.resolve(`http://localhost:${port}`));
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
      workspace: '',
      endpoints: '',
    },
    listen: { host: '0.0.0.0', port: 3300 },
    certificates: [],
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

test('the workspace is known by its id, and its endpoints by its address', async () => {
  const { config } = await read({}, {}, { uniqueID: 'u', Site_Url: 'https://chat.example.org/sub/' });
  assert.deepEqual(
    [config.workspace, config.endpoints],
    ['u', `https://chat.example.org/sub/api/apps/public/${id}`],
  );
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
  assert.deepEqual(['mode', 'server_name', 'listen_port', 'private_addresses'].map(type), [
    SettingType.SELECT,
    SettingType.STRING,
    SettingType.NUMBER,
    SettingType.BOOLEAN,
  ]);
  assert.deepEqual(
    settings.find(({ id }) => id === 'mode')?.values?.map(({ key }) => key),
    ['homeserver', 'direct'],
  );
});
