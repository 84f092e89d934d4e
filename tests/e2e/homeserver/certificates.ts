// A throw-away certificate authority, so that servers federate over real TLS on loopback.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installSynapse } from './install.ts';
import { HERE, PYTHON, RUNS } from './paths.ts';

export interface Certificate {
  readonly certificatePath: string;
  readonly keyPath: string;
  /** PEM, for `https.createServer({ cert, key })`. */
  readonly cert: string;
  readonly key: string;
}

export class CertificateAuthority {
  /** Where the authority's own certificate lies, to be named as trusted. */
  readonly path: string;
  /** The same as PEM text. */
  readonly certificate: string;
  readonly #dir: string;
  /** By host name: two at once would write into the same files. */
  readonly #issued = new Map<string, Promise<Certificate>>();

  private constructor(dir: string, certificate: string) {
    this.#dir = dir;
    this.path = join(dir, 'ca.pem');
    this.certificate = certificate;
  }

  static async create(): Promise<CertificateAuthority> {
    await installSynapse();
    await mkdir(RUNS, { recursive: true });
    const dir = await mkdtemp(join(RUNS, 'ca-'));
    await issue(dir);
    return new CertificateAuthority(dir, await readFile(join(dir, 'ca.pem'), 'utf8'));
  }

  /** The server certificate for a host name; ports do not matter to certificates. */
  async issue(hostname: string): Promise<Certificate> {
    const issued = this.#issued.get(hostname) ?? this.#issue(hostname);
    this.#issued.set(hostname, issued);
    return issued;
  }

  /** Removes everything issued; for when the servers that use it have stopped. */
  async remove(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #issue(hostname: string): Promise<Certificate> {
    await issue(this.#dir, hostname);
    const certificatePath = join(this.#dir, `${hostname}.pem`);
    const keyPath = join(this.#dir, `${hostname}.key`);
    const cert = await readFile(certificatePath, 'utf8');
    return { certificatePath, keyPath, cert, key: await readFile(keyPath, 'utf8') };
  }
}

async function issue(...args: string[]): Promise<void> {
  await promisify(execFile)(PYTHON, [join(HERE, 'issue_certificate.py'), ...args]);
}
