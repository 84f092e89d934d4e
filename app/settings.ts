/** What an administrator can set, and what comes of it. */

import type { IEnvironmentRead, ISettingRead } from '@rocket.chat/apps-engine/definition/accessors';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings';
import { SettingType } from '@rocket.chat/apps-engine/definition/settings/SettingType.js';

import { text } from './inputs/unmapped.ts';
import type { Address } from './listener.ts';
import type { Config } from './protocol.ts';

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
  section: 'homeserver' | 'listener';
  value: string | number;
  multiline?: true;
  /** What is wrong with a value, in plain words. */
  fault?: (value: string) => string | undefined;
}

const definitions: Readonly<Record<string, Definition>> = {
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
};

export const settings: ISetting[] = Object.entries(definitions).map(
  ([id, { section, value, multiline }]) => ({
    id,
    type: typeof value === 'number' ? SettingType.NUMBER : SettingType.STRING,
    packageValue: value,
    required: false,
    public: false,
    ...(multiline ? { multiline } : {}),
    section: `section_${section}`,
    i18nLabel: `${id}_label`,
    i18nDescription: `${id}_description`,
  }),
);

/** What is wrong with a new value, in plain words; nothing if it can be used. */
export function settingFault({ id, value }: ISetting): string | undefined {
  return definitions[id]?.fault?.(plain(value));
}

/** `ownAddress` tells where the App is reached, unless an administrator knows better. */
export async function readSettings(
  environment: IEnvironmentRead,
  ownAddress: (listen: Address) => Promise<string>,
): Promise<Settings> {
  const reader: ISettingRead = environment.getSettings();
  const ids = Object.keys(definitions);
  const values = await Promise.all(ids.map(async (id) => plain(await reader.getValueById(id))));
  const value = (id: string): string => values[ids.indexOf(id)] ?? '';
  const listen = { host: value('listen_host') || '0.0.0.0', port: Number(value('listen_port')) || 3300 };
  return {
    config: {
      mode: 'homeserver',
      homeserverUrl: withoutSlash(value('homeserver_url')),
      serverName: value('server_name'),
      userPrefix: value('user_prefix'),
      botLocalpart: value('bot_localpart'),
      appserviceUrl: withoutSlash(value('appservice_url')) || (await ownAddress(listen)),
      secret: null,
      dnsUrl: '',
      privateAddresses: false,
    },
    listen,
    certificates: value('ca_certificates').match(certificate) ?? [],
  };
}

/** As text, without the spaces that come with copying. */
function plain(value: unknown): string {
  return (typeof value === 'number' ? String(value) : (text(value) ?? '')).trim();
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
