/** Subprocesses must not outlive the tests, and what waits for them must not keep the tests alive. */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Controller } from './engine/subprocess.ts';

const living = new Set<ChildProcess>();
const folders = new Set<string>();
let watching = false;

/** Kills it, should this process end first. */
export function leavesWithUs(child: ChildProcess): void {
  living.add(child);
  child.once('exit', () => living.delete(child));
  watch();
}

/** Removes it when this process ends. */
export function removedWithUs(folder: string): void {
  folders.add(folder);
  watch();
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const child of living) child.kill('SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  // A signal ends a process without its 'exit', and test runners end tests by signals.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.once(signal, () => process.exit(code));
}

/** Ends a controller's watch over its subprocess, and answers the requests that wait for it. */
export function letGo(controller: Controller): void {
  controller.state = 'stopped';
  controller.livenessManager.stop();
  for (const name of controller.eventNames())
    if (typeof name === 'string' && name.startsWith('result:'))
      controller.emit(name, undefined, new Error('the server has ended'));
  controller.removeAllListeners();
  // What it still says about its broken pipes is nobody's concern any more.
  controller.on('error', () => undefined);
}
