// One running Synapse process: started, awaited, ended by its own handle, never by a name.

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { HERE, PYTHON } from './paths.ts';
import { poll } from './waiting.ts';

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #logPath: string;

  /** Resolves when the server answers; rejects, with the end of its log, when it cannot. */
  static async start(
    configPath: string,
    logPath: string,
    answers: () => Promise<boolean>,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(configPath, logPath);
    await poll(
      async () => {
        if (!server.alive) throw new Error(`Synapse ended at its start.\n${tail(logPath)}`);
        return (await answers()) || undefined;
      },
      { timeout: 90_000, what: 'Synapse to answer', found: () => tail(logPath) },
    ).catch(async (error: unknown) => {
      await server.end('SIGKILL');
      throw error;
    });
    return server;
  }

  private constructor(configPath: string, logPath: string) {
    this.#logPath = logPath;
    const log = openSync(logPath, 'a');
    // The pipe on standard input is the leash, see run_synapse.py. The environment is empty, so
    // that no proxy setting of the machine stands between the homeserver and loopback.
    this.#child = spawn(PYTHON, [join(HERE, 'run_synapse.py'), '-c', configPath], {
      stdio: ['pipe', log, log],
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' },
    });
    closeSync(log);
    // A test that forgot to stop its server ends all the same, and the exit handler cleans up.
    this.#child.unref();
    if (this.#child.stdin instanceof Socket) this.#child.stdin.unref();
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => {
        resolve();
      });
      this.#child.once('error', () => {
        resolve();
      });
    });
  }

  get pid(): number {
    const pid = this.#child.pid;
    if (pid === undefined) throw new Error(`Synapse did not start.\n${tail(this.#logPath)}`);
    return pid;
  }

  get alive(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.alive) this.#child.kill(signal);
    // A server that hangs in its farewell must not hang the tests.
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await this.#ended;
    clearTimeout(impatient);
  }

  /** For exit handlers, which cannot wait. */
  endNow(): void {
    if (this.alive) this.#child.kill('SIGKILL');
  }
}

function tail(path: string): string {
  return readFileSync(path, 'utf8').split('\n').slice(-40).join('\n');
}
