/** The engine's own controller of an App's subprocess; only which program it starts is chosen here. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { AppManager } from '@rocket.chat/apps-engine/server/AppManager.js';
import type { Engine } from './load.ts';
import { BINARIES, type EnginePaths, type RuntimeName } from './paths.ts';

/** The parts of the controller that are private in its types. */
export interface Controller {
  deno?: ChildProcess;
  state: string;
  spawnId: number;
  tempFilePath: string;
  appPackage: { info: { id: string } };
  messenger: { setReceiver(child: ChildProcess): void };
  livenessManager: { attach(child: ChildProcess): void; stop(): void; options: object };
  setupListeners(): void;
  spawnProcess(): void;
  stopApp(): Promise<void>;
  emit(event: string, ...data: unknown[]): boolean;
  eventNames(): (string | symbol)[];
  removeAllListeners(): void;
  on(event: string, listener: () => void): unknown;
}

/** The engine's patience with a silent subprocess; its own values are 10 s, 1 s and 4. */
export interface Liveness {
  pingIntervalInMS: number;
  pingTimeoutInMS: number;
  consecutiveTimeoutLimit: number;
}

export interface RuntimeChoice {
  runtime: RuntimeName;
  liveness?: Partial<Liveness> | undefined;
  /** Told of each subprocess. */
  started: (controller: Controller) => void;
}

type ControllerClass = new (...given: unknown[]) => Controller;

/** Makes the manager start its Apps' subprocesses with this runtime. */
export function useRuntime(
  engine: Engine,
  manager: AppManager,
  paths: EnginePaths,
  { runtime, liveness, started }: RuntimeChoice,
): void {
  const Base = engine.DenoController as unknown as ControllerClass;
  class Reported extends Base {
    override spawnProcess(): void {
      if (runtime === 'deno') super.spawnProcess();
      else spawnNode(this, runtime, paths);
      started(this);
    }
  }
  const factory = (...given: unknown[]): Controller => {
    const controller = new Reported(...given);
    Object.assign(controller.livenessManager.options, liveness);
    return controller;
  };
  Object.assign(manager, { runtime: new engine.AppRuntimeManager(manager, factory as never) });
}

/** As newer servers start it: reading is allowed in three places, and the environment holds only PATH. */
function spawnNode(controller: Controller, runtime: RuntimeName, { nodeRuntime, root }: EnginePaths): void {
  const args = [
    '--permission',
    ...[controller.tempFilePath, root].map((place) => `--allow-fs-read=${place}`),
    nodeRuntime,
    ...['--subprocess', controller.appPackage.info.id, '--spawnId', String(controller.spawnId++)],
  ];
  const child = spawn(BINARIES[runtime], args, { env: { PATH: process.env['PATH'] } });
  controller.deno = child;
  controller.messenger.setReceiver(child);
  controller.livenessManager.attach(child);
  controller.setupListeners();
}
