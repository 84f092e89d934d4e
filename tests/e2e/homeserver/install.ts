// Installs Synapse into target/synapse, once: `tsx install.ts`, or `await installSynapse()`.
//
// A stamp written last says what is there; with the right stamp this costs one file read.

import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { HERE, PYTHON, TARGET, VENV } from './paths.ts';
import { poll } from './waiting.ts';

const REQUIREMENTS = join(HERE, 'requirements.txt');
const STAMP = join(VENV, 'installed.txt');
const LOCK = `${VENV}.lock`;

/** Resolves when the pinned Synapse is there; true when it had to be installed now. */
export async function installSynapse(): Promise<boolean> {
  const wanted = await readFile(REQUIREMENTS, 'utf8');
  if (await isInstalled(wanted)) return false;
  await mkdir(TARGET, { recursive: true });
  return await alone(async () => {
    if (await isInstalled(wanted)) return false;
    await rm(VENV, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', VENV], PYTHON_MISSING);
    await run(
      PYTHON,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS],
      'Synapse could not be installed from the Python package index.',
    );
    await writeFile(STAMP, wanted);
    return true;
  });
}

const PYTHON_MISSING =
  'The end-to-end tests run a real Matrix homeserver, which needs python3 (3.10 or newer) ' +
  'with its venv module. On Debian and Ubuntu: apt-get install python3 python3-venv';

async function isInstalled(wanted: string): Promise<boolean> {
  return (await readFile(STAMP, 'utf8').catch(() => '')) === wanted;
}

/** Test files run as processes side by side: one installs, the others wait for it. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  await poll(
    async () => {
      if (lockIsStale()) await rm(LOCK, { force: true });
      const lock = await open(LOCK, 'wx').catch(() => undefined);
      if (lock === undefined) return undefined;
      await lock.writeFile(String(process.pid));
      await lock.close();
      return true;
    },
    { timeout: 600_000, what: `another process to finish installing Synapse (${LOCK})` },
  );
  try {
    return await work();
  } finally {
    await rm(LOCK, { force: true });
  }
}

/** Left by a process that was killed while it installed. */
function lockIsStale(): boolean {
  try {
    const holder = Number(readFileSync(LOCK, 'utf8'));
    // Empty for the instant between its creation and the writing of the holder.
    if (holder === 0) return false;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function run(command: string, args: readonly string[], inPlainWords: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', (error) => {
      reject(new Error(`${inPlainWords}\n${error.message}`));
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${inPlainWords}\n${said.trim()}`));
    });
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const fresh = await installSynapse();
  console.log(fresh ? 'Synapse installed.' : 'Synapse is already installed.');
}
