// A real homeserver for a test: Synapse on loopback, with SQLite, in a folder of its own.

import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CertificateAuthority } from './certificates.ts';
import { homeserverYaml, logYaml, type FederationListener } from './config.ts';
import { installSynapse } from './install.ts';
import { PYTHON, RUNS } from './paths.ts';
import { freePort } from './ports.ts';
import { ServerProcess } from './server-process.ts';

export interface SynapseOptions {
  /**
   * The server name. Default: `hs.test`, or `localhost:PORT` with `certificates`, which is a name
   * that other servers reach without DNS.
   */
  readonly name?: string;
  /** Of the plain listener behind `baseUrl`. Default: a free one. */
  readonly port?: number;
  /** Registration YAML of application services. */
  readonly registration?: string | readonly string[];
  /** Where data is kept; then it is also left there. Default: a new folder under target/e2e. */
  readonly dir?: string;
  /** Leaves data and log behind after `stop`. Also switched on by the environment's E2E_KEEP. */
  readonly keep?: boolean;
  readonly defaultRoomVersion?: string;
  /** Opens the TLS listener on the server name's port and trusts this authority. */
  readonly certificates?: CertificateAuthority;
  /** Of the TLS listener, when something of the test's own stands on the server name's port. */
  readonly federationPort?: number;
  /** Settings of homeserver.yaml that win over ours. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface Account {
  readonly userId: string;
  readonly password: string;
  readonly accessToken: string;
}

/** Started and not yet stopped for good. */
const unfinished = new Set<Synapse>();

process.once('exit', () => {
  for (const synapse of unfinished) synapse.abandon();
});

export class Synapse {
  readonly serverName: string;
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  readonly baseUrl: string;
  readonly dir: string;
  readonly logPath: string;
  readonly #port: number;
  readonly #options: SynapseOptions;
  readonly #federation: FederationListener | undefined;
  readonly #secret = randomBytes(24).toString('hex');
  readonly #registrations: string[] = [];
  #process: ServerProcess | undefined;

  static async start(options: SynapseOptions = {}): Promise<Synapse> {
    await installSynapse();
    await mkdir(RUNS, { recursive: true });
    const dir = options.dir ?? (await mkdtemp(join(RUNS, 'synapse-')));
    const serverName =
      options.name ?? (options.certificates === undefined ? 'hs.test' : `localhost:${await freePort()}`);
    const port = options.port ?? (await freePort());
    const federation = await federationListener(serverName, options);
    const synapse = new Synapse(options, dir, serverName, port, federation);
    await synapse.#prepare();
    await synapse.#launch();
    return synapse;
  }

  private constructor(
    options: SynapseOptions,
    dir: string,
    serverName: string,
    port: number,
    federation: FederationListener | undefined,
  ) {
    this.serverName = serverName;
    this.baseUrl = `http://127.0.0.1:${port}`;
    this.dir = dir;
    this.logPath = join(dir, 'homeserver.log');
    this.#port = port;
    this.#options = options;
    this.#federation = federation;
  }

  /** For signals of one's own, such as SIGSTOP for a server that hangs. */
  get pid(): number {
    if (this.#process === undefined) throw new Error('Synapse is not running');
    return this.#process.pid;
  }

  /** SIGTERM, then its data goes, unless it is to be kept. */
  async stop(): Promise<void> {
    await this.halt();
    unfinished.delete(this);
    if (!this.#keeps) await rm(this.dir, { recursive: true, force: true });
  }

  /** SIGTERM, data stays: an outage that `restart` ends. */
  async halt(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** SIGKILL, data stays: a crash that `restart` ends. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /**
   * The same server again, on the same ports, with its data; running or not before.
   *
   * On SQLite the counter of application service transactions lives in memory and starts after
   * the highest transaction still unsent. `resetTransactions` waits until none is, so that the
   * next one is number 1, which an application service has seen before.
   */
  async restart(options: { readonly resetTransactions?: boolean } = {}): Promise<void> {
    if (options.resetTransactions === true) await this.#transactionsAreSent();
    await this.halt();
    await this.#launch();
  }

  /** Throws away what is still to be sent to application services, as if Synapse had forgotten it. It must be down. */
  async forgetTransactions(): Promise<void> {
    await promisify(execFile)(PYTHON, ['-c', FORGET_UNSENT, join(this.dir, 'homeserver.db')]);
  }

  /** The events of each transaction that application services have not acknowledged. */
  async unsentTransactions(): Promise<string[][]> {
    const script = ['-c', LIST_UNSENT, join(this.dir, 'homeserver.db')];
    const { stdout } = await promisify(execFile)(PYTHON, script);
    return JSON.parse(stdout) as string[][];
  }

  /** Makes an application service known, which takes a restart. */
  async addRegistration(yaml: string): Promise<void> {
    await this.#writeRegistration(yaml);
    await this.#writeConfig();
    await this.restart();
  }

  /** Makes an application service known instead of all known before, which takes a restart. */
  async replaceRegistrations(yaml: string): Promise<void> {
    this.#registrations.length = 0;
    await this.addRegistration(yaml);
  }

  /** A new account; fails when there is one of that name already. */
  async registerUser(
    name: string,
    password: string,
    options: { readonly admin?: boolean } = {},
  ): Promise<Account> {
    const url = `${this.baseUrl}/_synapse/admin/v1/register`;
    const { nonce } = (await answerOf(await fetch(url))) as { nonce: string };
    const admin = options.admin ?? false;
    const mac = createHmac('sha1', this.#secret)
      .update([nonce, name, password, admin ? 'admin' : 'notadmin'].join('\0'))
      .digest('hex');
    const body = JSON.stringify({ nonce, username: name, password, admin, mac });
    const made = (await answerOf(await fetch(url, { method: 'POST', body }))) as {
      user_id: string;
      access_token: string;
    };
    return { userId: made.user_id, password, accessToken: made.access_token };
  }

  /** The full id of a local part here. */
  userId(name: string): string {
    return `@${name}:${this.serverName}`;
  }

  /** For the exit handler: ends and removes what it can without waiting. */
  abandon(): void {
    this.#process?.endNow();
    if (!this.#keeps) rmSync(this.dir, { recursive: true, force: true });
  }

  get #keeps(): boolean {
    const { keep, dir } = this.#options;
    return keep ?? (dir !== undefined || process.env['E2E_KEEP'] !== undefined);
  }

  async #prepare(): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    for (const yaml of [this.#options.registration ?? []].flat()) {
      await this.#writeRegistration(yaml);
    }
    await this.#writeConfig();
    await writeFile(join(this.dir, 'log.yaml'), logYaml());
    // Made here because Synapse would be started once more, for seconds, only to make it. A key
    // that is there already belongs to the data: peers refuse another one under the same id.
    const seed = randomBytes(32).toString('base64').replace(/=+$/, '');
    const key = `ed25519 a_test ${seed}\n`;
    await writeFile(join(this.dir, 'signing.key'), key, { flag: 'wx', mode: 0o600 }).catch(
      (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      },
    );
  }

  async #writeRegistration(yaml: string): Promise<void> {
    const path = join(this.dir, `registration-${this.#registrations.length + 1}.yaml`);
    await writeFile(path, yaml, { mode: 0o600 });
    this.#registrations.push(path);
  }

  async #writeConfig(): Promise<void> {
    const yaml = homeserverYaml({
      serverName: this.serverName,
      dir: this.dir,
      port: this.#port,
      federation: this.#federation,
      registrationSecret: this.#secret,
      registrations: this.#registrations,
      roomVersion: this.#options.defaultRoomVersion,
      extra: this.#options.config,
    });
    await writeFile(this.#configPath, yaml, { mode: 0o600 });
  }

  get #configPath(): string {
    return join(this.dir, 'homeserver.yaml');
  }

  async #launch(): Promise<void> {
    unfinished.add(this);
    const answers = async (): Promise<boolean> => {
      const answer = await fetch(`${this.baseUrl}/_matrix/client/versions`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    };
    this.#process = await ServerProcess.start(this.#configPath, this.logPath, answers);
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.end(signal);
    this.#process = undefined;
  }

  async #transactionsAreSent(): Promise<void> {
    await promisify(execFile)(PYTHON, ['-c', WAIT_UNTIL_SENT, join(this.dir, 'homeserver.db')], {
      timeout: 60_000,
    });
  }
}

// Node 20 has no SQLite, Python has. It only reads, and asks again every 50 ms.
const WAIT_UNTIL_SENT = `
import sqlite3, sys, time
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
while database.execute("SELECT COUNT(*) FROM application_services_txns").fetchone()[0]:
    time.sleep(0.05)
`;

const FORGET_UNSENT = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("DELETE FROM application_services_txns")
`;

const LIST_UNSENT = `
import json, sqlite3, sys
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(json.dumps([json.loads(ids) for (ids,) in database.execute("SELECT event_ids FROM application_services_txns")]))
`;

async function federationListener(
  serverName: string,
  { certificates, federationPort }: SynapseOptions,
): Promise<FederationListener | undefined> {
  if (certificates === undefined) return undefined;
  const [host = '', port] = serverName.split(':');
  if (port === undefined) {
    throw new Error(`A server that federates in tests is named localhost:PORT, not ${serverName}`);
  }
  const { certificatePath, keyPath } = await certificates.issue(host);
  return {
    port: federationPort ?? Number(port),
    certificatePath,
    keyPath,
    authorityPath: certificates.path,
  };
}

/** The JSON of an answer; a refusal becomes an error that says what the server said. */
async function answerOf(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Synapse answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}
