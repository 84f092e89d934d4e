/** Subprocesses must not outlive the tests, and what waits for them must not keep the tests alive. */
import type { ChildProcess } from 'node:child_process';
import type { Controller } from './engine/subprocess.ts';

const living = new Set<ChildProcess>();
let watching = false;

/** Kills it, should this process end first. */
export function leavesWithUs(child: ChildProcess): void {
  living.add(child);
  child.once('exit', () => living.delete(child));
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const left of living) left.kill('SIGKILL');
  });
}

/** Ends a controller's watch over its subprocess, and answers the requests that wait for it. */
export function letGo(controller: Controller): void {
  controller.state = 'stopped';
  controller.livenessManager.stop();
  for (const name of controller.eventNames())
    if (typeof name === 'string' && name.startsWith('result:')) controller.emit(name, undefined, new Error('the server has ended'));
  controller.removeAllListeners();
  // What it still says about its broken pipes is nobody's concern any more.
  controller.on('error', () => undefined);
}
