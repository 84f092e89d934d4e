/** What an administrator can set, and what comes of it. */

import type { IEnvironmentRead, ISettingRead } from '@rocket.chat/apps-engine/definition/accessors';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings';
import { SettingType } from '@rocket.chat/apps-engine/definition/settings/SettingType.js';

import { text } from './inputs/unmapped.ts';
import type { Address } from './listener.ts';
import type { Config, Mode } from './protocol.ts';

export interface Settings {
  config: Config;
  listen: Address;
  /** Authorities in PEM. */
  certificates: string[];
}

// A name that begins with an underscore is refused by homeservers.
const names = /^(?!_)[a-z0-9._=/-]*$/;
const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

interface Definition {
  section: 'mode' | 'homeserver' | 'listener' | 'direct';
  value: string | number | boolean;
  multiline?: true;
  /** What can be chosen; each has a text of its own. */
  choices?: readonly string[];
  /** What is wrong with a value, in plain words. */
  fault?: (value: string) => string | undefined;
}

const modes: readonly Mode[] = ['homeserver', 'direct'];

const definitions: Readonly<Record<string, Definition>> = {
  mode: {
    section: 'mode',
    value: 'homeserver',
    choices: modes,
    fault: (value) => (asMode(value) === undefined ? 'Choose one of the ways in the list.' : undefined),
  },
  homeserver_url: { section: 'homeserver', value: '', fault: addressFault },
  server_name: {
    section: 'homeserver',
    value: '',
    fault: (value) =>
      /^[^\s/@]*$/.test(value) ? undefined : 'A server name has no spaces, slashes or @ in it.',
  },
  user_prefix: {
    section: 'homeserver',
    value: 'rc_',
    fault: (value) => emptyFault(value) ?? nameFault(value),
  },
  bot_localpart: {
    section: 'homeserver',
    value: 'rocketchat',
    fault: (value) => emptyFault(value) ?? nameFault(value),
  },
  listen_host: { section: 'listener', value: '0.0.0.0', fault: emptyFault },
  listen_port: {
    section: 'listener',
    value: 3300,
    fault: (value) => {
      const port = Number(value);
      return Number.isInteger(port) && port > 0 && port < 65536
        ? undefined
        : 'A port is a number from 1 to 65535.';
    },
  },
  appservice_url: { section: 'listener', value: '', fault: addressFault },
  ca_certificates: {
    section: 'listener',
    value: '',
    multiline: true,
    fault: (value) =>
      value === '' || value.replace(certificate, '').trim() === ''
        ? undefined
        : 'Paste whole certificates, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.',
  },
  dns_url: {
    section: 'direct',
    value: '',
    fault: (value) =>
      value === '' || value.startsWith('https://')
        ? addressFault(value)
        : 'Look-ups go over HTTPS: the address begins with https://, such as https://dns.example.org/dns-query.',
  },
  private_addresses: { section: 'direct', value: false },
};

const types = {
  string: SettingType.STRING,
  number: SettingType.NUMBER,
  boolean: SettingType.BOOLEAN,
} as const;

export const settings: ISetting[] = Object.entries(definitions).map(
  ([id, { section, value, multiline, choices }]) => ({
    id,
    type: choices ? SettingType.SELECT : types[typeof value as keyof typeof types],
    packageValue: value,
    required: false,
    public: false,
    ...(multiline ? { multiline } : {}),
    ...(choices ? { values: choices.map((key) => ({ key, i18nLabel: `${id}_${key}` })) } : {}),
    section: `section_${section}`,
    i18nLabel: `${id}_label`,
    i18nDescription: `${id}_description`,
  }),
);

/** What is wrong with a new value, in plain words; nothing if it can be used. */
export function settingFault({ id, value }: ISetting): string | undefined {
  return definitions[id]?.fault?.(plain(value));
}

/** The variable of the server's environment that only the App with this id may read. */
export function secretVariable(appId: string): string {
  return `RC_APPS_${appId.toUpperCase().replaceAll('-', '_')}_SECRET`;
}

/** `ownAddress` tells where the App is reached, unless an administrator knows better. */
export async function readSettings(
  appId: string,
  environment: IEnvironmentRead,
  ownAddress: (listen: Address) => Promise<string>,
): Promise<Settings> {
  const reader: ISettingRead = environment.getSettings();
  const ids = Object.keys(definitions);
  const values = await Promise.all(ids.map(async (id) => plain(await reader.getValueById(id))));
  // Promised to be a text, but undefined where there is none, or where the App may not read it.
  const secret: unknown = await environment.getEnvironmentVariables().getValueByName(secretVariable(appId));
  const value = (id: string): string => values[ids.indexOf(id)] ?? '';
  const server = async (id: string): Promise<string> =>
    text(await environment.getServerSettings().getValueById(id)) ?? '';
  const listen = { host: value('listen_host') || '0.0.0.0', port: Number(value('listen_port')) || 3300 };
  return {
    config: {
      mode: asMode(value('mode')) ?? 'homeserver',
      homeserverUrl: withoutSlash(value('homeserver_url')),
      serverName: value('server_name'),
      userPrefix: value('user_prefix'),
      botLocalpart: value('bot_localpart'),
      appserviceUrl: withoutSlash(value('appservice_url')) || (await ownAddress(listen)),
      secret: typeof secret === 'string' && secret !== '' ? secret : null,
      dnsUrl: value('dns_url'),
      privateAddresses: value('private_addresses') === 'true',
      workspace: await server('uniqueID'),
      endpoints: endpointsOf(await server('Site_Url'), appId),
    },
    listen,
    certificates: value('ca_certificates').match(certificate) ?? [],
  };
}

/** Where the App's endpoints are, seen from outside; nothing where the workspace does not know its address. */
export function endpointsOf(site: string, appId: string): string {
  return site === '' ? '' : `${withoutSlash(site)}/api/apps/public/${appId}`;
}

/** As text, without the spaces that come with copying. */
function plain(value: unknown): string {
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  return (isPlain ? String(value) : (text(value) ?? '')).trim();
}

function asMode(value: string): Mode | undefined {
  return modes.find((mode) => mode === value);
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}

function addressFault(value: string): string | undefined {
  if (value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    return 'An address begins with https:// or http://, such as https://matrix.example.org.';
  }
  return url.search || url.hash || url.username
    ? 'Only the address of the server, without ?, # or a name.'
    : undefined;
}

function nameFault(value: string): string | undefined {
  return names.test(value)
    ? undefined
    : 'Only a-z, 0-9 and . _ = / - can be used, and no _ at the beginning.';
}

function emptyFault(value: string): string | undefined {
  return value === '' ? 'This cannot be empty.' : undefined;
}
