/** What an administrator can set, and what comes of it. */

import type { IEnvironmentRead, ISettingRead } from '@rocket.chat/apps-engine/definition/accessors';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings';
import { SettingType } from '@rocket.chat/apps-engine/definition/settings/SettingType.js';

import english from './i18n/en.json' with { type: 'json' };
import { text } from './inputs/unmapped.ts';
import type { Access } from './host/site.ts';
import type { Address } from './listener.ts';
import type { Config, Mode } from './protocol.ts';

/** Who makes calls to other servers: whoever can, only the App, or always the workspace's own client. */
export type Outgoing = 'automatic' | 'own' | 'workspace';

export interface Settings {
  config: Config;
  listen: Address;
  outgoing: Outgoing;
  /** Authorities in PEM. */
  certificates: string[];
  /** The workspace's own web server, and the account there. */
  access: Access;
}

// A name that begins with an underscore is refused by homeservers.
const names = /^(?!_)[a-z0-9._=/-]*$/;
const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What can be wrong with a value: the keys of the sentences that say so. */
export type Fault = Extract<keyof typeof english, `fault_${string}`>;

interface Definition {
  section: 'mode' | 'homeserver' | 'listener' | 'outgoing' | 'activity' | 'files' | 'people' | 'direct';
  value: string | number | boolean;
  multiline?: true;
  /** Not shown to whoever looks over one's shoulder. */
  secret?: true;
  /** What can be chosen; each has a text of its own. */
  choices?: readonly string[];
  fault?: (value: string) => Fault | undefined;
}

const modes: readonly Mode[] = ['homeserver', 'direct'];
const ways: readonly Outgoing[] = ['automatic', 'own', 'workspace'];

/** As the settings page shows them, from top to bottom. */
const definitions: Readonly<Record<string, Definition>> = {
  mode: { section: 'mode', value: 'homeserver', choices: modes },
  server_name: {
    section: 'mode',
    value: '',
    fault: (value) => (/^[^\s/@]*$/.test(value) ? undefined : 'fault_server_name'),
  },
  homeserver_url: {
    section: 'homeserver',
    value: '',
    fault: (value) => addressFault(value) ?? (/\/_(matrix|synapse)\b/.test(value) ? 'fault_path' : undefined),
  },
  user_prefix: { section: 'homeserver', value: 'rc_', fault: nameFault },
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
      return Number.isInteger(port) && port > 0 && port < 65536 ? undefined : 'fault_port';
    },
  },
  appservice_url: { section: 'listener', value: '', fault: addressFault },
  transport: { section: 'outgoing', value: 'automatic', choices: ways },
  ca_certificates: {
    section: 'outgoing',
    value: '',
    multiline: true,
    fault: (value) =>
      value === '' || value.replace(certificate, '').trim() === '' ? undefined : 'fault_certificate',
  },
  typing: { section: 'activity', value: true },
  largest_file: {
    section: 'files',
    value: 8,
    fault: (value) => {
      const size = Number(value);
      return Number.isInteger(size) && size >= 1 && size <= 16 ? undefined : 'fault_largest_file';
    },
  },
  workspace_url: { section: 'people', value: '', fault: addressFault },
  pictures_url: { section: 'people', value: '', fault: addressFault },
  rest_user: {
    section: 'people',
    value: '',
    fault: (value) => (/^[\w.-]*$/.test(value) ? undefined : 'fault_user_id'),
  },
  // Never at fault: the engine would write the old value, which is kept then, into the App's log.
  rest_token: { section: 'people', value: '', secret: true },
  dns_url: {
    section: 'direct',
    value: '',
    fault: (value) => (value === '' || value.startsWith('https://') ? addressFault(value) : 'fault_dns'),
  },
  private_addresses: { section: 'direct', value: false },
};

const types = {
  string: SettingType.STRING,
  number: SettingType.NUMBER,
  boolean: SettingType.BOOLEAN,
} as const;

export const settings: ISetting[] = Object.entries(definitions).map(
  ([id, { section, value, multiline, secret, choices }]) => ({
    id,
    type: choices
      ? SettingType.SELECT
      : secret
        ? SettingType.PASSWORD
        : types[typeof value as keyof typeof types],
    packageValue: value,
    required: false,
    public: false,
    ...(multiline ? { multiline } : {}),
    ...(choices ? { values: choices.map((key) => ({ key, i18nLabel: `${id}_${key}` })) } : {}),
    section: `section_${section}`,
    i18nLabel: `${id}_label`,
    i18nDescription: description(id),
  }),
);

/** What is wrong with a new value; nothing if it can be used. */
export function settingFault({ id, value }: ISetting): Fault | undefined {
  const definition = definitions[id];
  const text = plain(value);
  if (definition?.choices?.includes(text) === false) return 'fault_choice';
  return definition?.fault?.(text);
}

/**
 * What is kept of a change, where that is not just the new value: the old one and, in the place of its description,
 * what was wrong with the new one. Whoever looks at the setting again finds it there, until it is saved with a value
 * that can be used.
 */
export function keptSetting(
  before: ISetting,
  after: ISetting,
): { setting: ISetting; why?: string } | undefined {
  const fault = settingFault(after);
  if (fault === undefined) {
    const usual = description(after.id);
    if (after.i18nDescription === usual || definitions[after.id]?.secret) return undefined;
    return { setting: { ...after, i18nDescription: usual } };
  }
  return { setting: { ...before, i18nDescription: fault }, why: english[fault] };
}

/** The variable of the server's environment that only the App with this id may read. */
export function secretVariable(appId: string): string {
  return `RC_APPS_${appId.toUpperCase().replaceAll('-', '_')}_SECRET`;
}

/** Rocket.Chat's own defaults. */
const usualDirectMessageUsers = 8;
const usualMessageSize = 5000;

export async function readSettings(
  appId: string,
  environment: IEnvironmentRead,
  networkOpen: boolean,
): Promise<Settings> {
  const reader: ISettingRead = environment.getSettings();
  const ids = Object.keys(definitions);
  const values = await Promise.all(ids.map((id) => reader.getValueById(id) as Promise<unknown>));
  // Promised to be a text, but undefined where there is none, or where the App may not read it.
  const secret: unknown = await environment.getEnvironmentVariables().getValueByName(secretVariable(appId));
  // An empty text is a value, no value is not: who is on Matrix under which name may depend on it.
  const value = (id: string): string => plain(values[ids.indexOf(id)] ?? definitions[id]?.value);
  const site = withoutSlash(text(await workspaceSetting(environment, 'Site_Url')) ?? '');
  const endpoints = site === '' ? '' : `${site}/api/apps/public/${appId}`;
  const access = {
    address: withoutSlash(value('workspace_url')) || site,
    user: value('rest_user'),
    // A stray character from copying would be shown in an error of the client, and the token with it.
    token: value('rest_token').replace(/[^!-~]/g, ''),
  };
  const listen = { host: value('listen_host') || '0.0.0.0', port: Number(value('listen_port')) || 3300 };
  return {
    config: {
      mode: asMode(value('mode')) ?? 'homeserver',
      homeserverUrl: withoutSlash(value('homeserver_url')),
      serverName: value('server_name'),
      userPrefix: value('user_prefix'),
      botLocalpart: value('bot_localpart'),
      appserviceUrl:
        withoutSlash(value('appservice_url')) ||
        (networkOpen ? `http://localhost:${listen.port}` : endpoints),
      secret: typeof secret === 'string' && secret !== '' ? secret : null,
      dnsUrl: value('dns_url'),
      privateAddresses: value('private_addresses') === 'true',
      typing: value('typing') === 'true',
      directMessageUsers: await directMessageUsers(environment),
      workspace: text(await workspaceSetting(environment, 'uniqueID')) ?? '',
      endpoints,
      pictures: withoutSlash(value('pictures_url')),
      rest: access.user !== '' && access.token !== '',
      messageSize: Number(await workspaceSetting(environment, 'Message_MaxAllowedSize')) || usualMessageSize,
      largestFile: (Number(value('largest_file')) || 8) * 1024 * 1024,
    },
    listen,
    outgoing: ways.find((way) => way === value('transport')) ?? 'automatic',
    certificates: value('ca_certificates').match(certificate) ?? [],
    access,
  };
}

/** A setting of Rocket.Chat itself; nothing where there is none, or where the App may not read it. */
async function workspaceSetting(environment: IEnvironmentRead, id: string): Promise<unknown> {
  const reading: Promise<unknown> = environment.getServerSettings().getValueById(id);
  return reading.catch(() => undefined);
}

/** How many people the workspace lets into one direct message; Rocket.Chat spells the setting so. */
async function directMessageUsers(environment: IEnvironmentRead): Promise<number> {
  const most = await workspaceSetting(environment, 'DirectMesssage_maxUsers');
  return Number(most) || usualDirectMessageUsers;
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

function description(id: string): string {
  return `${id}_description`;
}

function addressFault(value: string): Fault | undefined {
  if (value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return 'fault_address';
  return url.search || url.hash || url.username ? 'fault_address_parts' : undefined;
}

function nameFault(value: string): Fault | undefined {
  return names.test(value) ? undefined : 'fault_name';
}

function emptyFault(value: string): Fault | undefined {
  return value === '' ? 'fault_empty' : undefined;
}
