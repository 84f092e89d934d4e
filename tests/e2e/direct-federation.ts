/**
 * The stage of direct mode: a workspace whose App is a Matrix server itself, behind a proxy that ends TLS, and a
 * real Synapse, which meet over real TLS on this machine under an authority of the test's own.
 */

import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { Workspace, type InstalledApp, type RuntimeName } from '../workspace/index.ts';
import { CertificateAuthority } from './homeserver/certificates.ts';
import { freePort } from './homeserver/ports.ts';
import { Synapse } from './homeserver/synapse.ts';
import { Stage, ZIP } from './stage.ts';
import { TlsProxy } from './tls-proxy.ts';

/** As an administrator gives it to the server's process. */
const SECRET = 'RC_APPS_D687DC95_F49B_44CA_8072_9E8140F3C48C_SECRET';

export interface DirectFederationOptions {
  readonly runtime?: RuntimeName;
}

interface Ports {
  readonly proxy: number;
  readonly listener: number;
}

export class DirectFederation extends Stage {
  /** Stands once `start` has come to it. */
  proxy!: TlsProxy;
  /** The workspace's name on Matrix. */
  readonly ourName: string;
  readonly #ports: Ports;

  static async start({ runtime = 'deno' }: DirectFederationOptions = {}): Promise<DirectFederation> {
    const certificates = await CertificateAuthority.create();
    const workspace = await Workspace.create({
      environment: { [SECRET]: 'a secret of the end-to-end tests' },
    });
    try {
      const instance = await workspace.startInstance({ runtime });
      const app = await instance.install(await readFile(ZIP));
      const ports = { proxy: await freePort(), listener: await freePort() };
      const federation = new DirectFederation(workspace, app, certificates, ports);
      await federation.#begin();
      return federation;
    } catch (error) {
      await workspace.close();
      await certificates.remove();
      throw error;
    }
  }

  private constructor(
    workspace: Workspace,
    app: InstalledApp,
    readonly certificates: CertificateAuthority,
    ports: Ports,
  ) {
    super(workspace, app);
    this.#ports = ports;
    this.ourName = `localhost:${ports.proxy}`;
  }

  /** The Matrix id of somebody of the workspace. */
  userId(username: string): string {
    return `@${username}:${this.ourName}`;
  }

  /** Asks the App as another server does, without a signature. */
  async ask(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const options = { host: 'localhost', port: this.#ports.proxy, path, ca: this.certificates.certificate };
    return await new Promise((resolve, reject) => {
      const asking = get({ ...options, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => (text += part));
        answer.on('error', reject);
        answer.on('end', () => {
          const body: unknown = text === '' ? undefined : JSON.parse(text);
          resolve({ status: answer.statusCode ?? 0, body });
        });
      });
      asking.on('error', reject);
    });
  }

  override async close(): Promise<void> {
    await super.close();
    await this.proxy.close();
    await this.certificates.remove();
  }

  async #begin(): Promise<void> {
    const { certificates } = this;
    const { cert, key } = await certificates.issue('localhost');
    this.proxy = await TlsProxy.start({ port: this.#ports.proxy, cert, key, target: this.#ports.listener });
    try {
      await this.configure({
        listen_host: '127.0.0.1',
        listen_port: this.#ports.listener,
        server_name: this.ourName,
        ca_certificates: certificates.certificate,
        private_addresses: true,
        mode: 'direct',
      });
      this.synapse = await Synapse.start({ certificates });
    } catch (error) {
      await this.proxy.close();
      throw error;
    }
  }
}
