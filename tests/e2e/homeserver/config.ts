// homeserver.yaml of a homeserver under test: nothing waits, nothing is limited, nothing leaves loopback.

import { join } from 'node:path';

export interface HomeserverConfig {
  readonly serverName: string;
  readonly dir: string;
  /** Plain HTTP for clients, application services and a proxy in front. */
  readonly port: number;
  /** TLS for other servers, where there is a certificate for it. */
  readonly federation?: FederationListener | undefined;
  readonly registrationSecret: string;
  readonly registrations: readonly string[];
  readonly roomVersion?: string | undefined;
  /** Overrides, by Synapse's own names. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

export interface FederationListener {
  readonly port: number;
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly authorityPath: string;
}

/** JSON, which is YAML as well. */
export function homeserverYaml(config: HomeserverConfig): string {
  const at = (name: string): string => join(config.dir, name);
  return JSON.stringify(
    {
      server_name: config.serverName,
      public_baseurl: `http://127.0.0.1:${config.port}/`,
      pid_file: at('homeserver.pid'),
      log_config: at('log.yaml'),
      signing_key_path: at('signing.key'),
      media_store_path: at('media'),
      database: { name: 'sqlite3', args: { database: at('homeserver.db') } },
      registration_shared_secret: config.registrationSecret,
      macaroon_secret_key: config.registrationSecret,
      form_secret: config.registrationSecret,
      report_stats: false,
      app_service_config_files: config.registrations,
      listeners: listeners(config),
      presence: { enabled: true },
      enable_room_list_search: true,
      allow_public_rooms_over_federation: true,
      allow_public_rooms_without_auth: true,
      room_list_publication_rules: [{ action: 'allow' }],
      // The directory of a new homeserver is made by and by; here at once.
      background_updates: { sleep_enabled: false },
      user_directory: { enabled: true, search_all_users: true },
      // A client that was busy still gets every event in one piece, not a gap.
      filter_timeline_limit: 10_000,
      // The fewest rounds bcrypt knows: passwords here protect nothing.
      bcrypt_rounds: 4,
      // Test media is no film archive.
      url_preview_enabled: false,
      ...(config.roomVersion === undefined ? {} : { default_room_version: config.roomVersion }),
      ...federation(config),
      ...RATE_LIMITS,
      ...config.extra,
    },
    undefined,
    2,
  );
}

export function logYaml(): string {
  return JSON.stringify({
    version: 1,
    formatters: { line: { format: '%(asctime)s %(levelname)s %(name)s %(request)s %(message)s' } },
    filters: {
      context: { '()': 'synapse.logging.context.LoggingContextFilter', request: '' },
    },
    handlers: {
      console: { class: 'logging.StreamHandler', formatter: 'line', filters: ['context'] },
    },
    root: { level: 'INFO', handlers: ['console'] },
    // At DEBUG it would write access tokens down.
    loggers: { 'synapse.storage.SQL': { level: 'INFO' } },
    disable_existing_loggers: false,
  });
}

function listeners(config: HomeserverConfig): unknown[] {
  const listener = {
    type: 'http',
    bind_addresses: ['127.0.0.1'],
    resources: [{ names: ['client', 'federation'], compress: false }],
  };
  const plain = { ...listener, port: config.port, tls: false, x_forwarded: false };
  if (config.federation === undefined) return [plain];
  return [plain, { ...listener, port: config.federation.port, tls: true }];
}

function federation(config: HomeserverConfig): Record<string, unknown> {
  return {
    trusted_key_servers: [],
    // Federation and pushes go to loopback only, which Synapse refuses unless it is named.
    ip_range_whitelist: ['127.0.0.0/8', '::1/128'],
    // A peer that is down is asked again within seconds instead of minutes.
    federation: {
      client_timeout: '10s',
      max_short_retry_delay: 500,
      max_short_retries: 1,
      max_long_retry_delay: '1s',
      max_long_retries: 2,
      destination_min_retry_interval: '1s',
      destination_retry_multiplier: 1,
      destination_max_retry_interval: '2s',
    },
    ...(config.federation === undefined
      ? {}
      : {
          tls_certificate_path: config.federation.certificatePath,
          tls_private_key_path: config.federation.keyPath,
          federation_custom_ca_list: [config.federation.authorityPath],
        }),
  };
}

const FREE = { per_second: 100_000, burst_count: 100_000 };

const RATE_LIMITS = {
  rc_message: FREE,
  rc_registration: FREE,
  rc_registration_token_validity: FREE,
  rc_login: { address: FREE, account: FREE, failed_attempts: FREE },
  rc_admin_redaction: FREE,
  rc_joins: { local: FREE, remote: FREE },
  rc_joins_per_room: FREE,
  rc_key_requests: FREE,
  rc_3pid_validation: FREE,
  rc_invites: { per_room: FREE, per_user: FREE, per_issuer: FREE },
  rc_third_party_invite: FREE,
  rc_media_create: FREE,
  rc_presence: { per_user: FREE },
  rc_delayed_event_mgmt: FREE,
  rc_room_creation: FREE,
  rc_reports: FREE,
  rc_user_directory: FREE,
  rc_profile: FREE,
  rc_federation: {
    window_size: 1000,
    sleep_limit: 100_000,
    sleep_delay: 1,
    reject_limit: 100_000,
    concurrent: 100,
  },
  federation_rr_transactions_per_room_per_second: 100_000,
  remote_media_download_per_second: '1000M',
  remote_media_download_burst_count: '1000M',
};
