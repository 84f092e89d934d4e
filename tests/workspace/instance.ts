/** One server of the workspace: the real engine, one subprocess an App, its own hooks and HTTP. */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ChildProcess } from 'node:child_process';
import type { ISetting } from '@rocket.chat/apps-engine/definition/settings/index.js';
import type { AppManager } from '@rocket.chat/apps-engine/server/AppManager.js';
import { InstalledApp, permissionsOf, type InstallOptions } from './apps.ts';
import { buildBridges } from './bridges/index.ts';
import type { Waiting } from './changes.ts';
import { Commands } from './commands.ts';
import { Connection } from './database.ts';
import { Endpoints } from './endpoints.ts';
import { loadEngine, type Engine } from './engine/load.ts';
import { BINARIES, type EnginePaths, type RuntimeName } from './engine/paths.ts';
import { prepareEngine } from './engine/prepare.ts';
import { useRuntime, type Controller, type Liveness } from './engine/subprocess.ts';
import { Hooks } from './hooks.ts';
import { randomId } from './ids.ts';
import { leavesWithUs, letGo } from './processes.ts';
import { Scheduler } from './scheduler.ts';
import type { Site } from './site.ts';
import { storages } from './storage.ts';
import type { Workspace } from './workspace.ts';

export interface InstanceOptions {
  runtime?: RuntimeName;
  /** For the Apps' endpoints; a free one unless told. */
  port?: number;
  /** The engine's patience with a silent subprocess, where a test has less. */
  liveness?: Partial<Liveness>;
}

export class Instance {
  readonly runtime: RuntimeName;
  readonly manager: AppManager;
  readonly hooks: Hooks;
  readonly site: Site;
  readonly commands = new Commands();
  readonly scheduler: Scheduler;
  /** `http://127.0.0.1:port`: Apps' endpoints are below `/api/apps/`. */
  endpointUrl = '';
  running = true;
  /** Every subprocess ever started here, the living and the dead. */
  readonly processes: ChildProcess[] = [];
  private readonly db: Connection;
  private readonly endpoints: Endpoints;
  private readonly controllers = new Map<string, Controller>();
  private readonly receiving = new Set<string>();
  private restarts = 0;
  private restartsAwaited = 0;

  private constructor(
    readonly ws: Workspace,
    readonly engine: Engine,
    paths: EnginePaths,
    { runtime = 'deno', liveness }: InstanceOptions,
  ) {
    this.runtime = runtime;
    this.db = new Connection(ws.database, ws.latency);
    const temp = path.join(ws.temp, randomId());
    mkdirSync(temp);
    this.hooks = new Hooks(
      () => this.site,
      () => (this.running ? this.manager.getListenerManager() : undefined),
      (event, error) => ws.faults.push({ event, error }),
    );
    this.site = { ws, db: this.db, hooks: this.hooks, temp };
    this.scheduler = new Scheduler(this.site, ws.times);
    this.endpoints = new Endpoints(this.site, (appId, at, request) =>
      this.manager.getApiManager().executeApi(appId, at, request),
    );
    const bridges = buildBridges(
      { engine, site: this.site },
      {
        commands: this.commands,
        endpoints: this.endpoints,
        scheduler: this.scheduler,
        settingChanged: (appId, setting) => {
          this.spread(appId, setting);
        },
      },
    );
    const { metadataStorage, logStorage, sourceStorage } = storages(engine, ws, ({ method, entries }) => {
      if (method === 'runtime:restart' && JSON.stringify(entries).includes('Successfully restarted'))
        this.restarts++;
    });
    this.manager = new engine.AppManager({
      metadataStorage,
      logStorage,
      sourceStorage,
      bridges,
      tempFilePath: temp,
    });
    useRuntime(engine, this.manager, paths, {
      runtime,
      liveness,
      started: (controller) => {
        this.started(controller);
      },
    });
  }

  static async start(ws: Workspace, options: InstanceOptions = {}): Promise<Instance> {
    const paths = await prepareEngine();
    // The engine finds Deno through PATH and its cache through DENO_DIR; it hands both on, and nothing else.
    const deno = path.dirname(BINARIES.deno);
    if (!(process.env['PATH'] ?? '').startsWith(deno))
      process.env['PATH'] = `${deno}:${process.env['PATH'] ?? ''}`;
    process.env['DENO_DIR'] = paths.denoCache;
    const instance = new Instance(ws, loadEngine(paths), paths, options);
    ws.instances.push(instance);
    instance.endpointUrl = await instance.endpoints.listen(options.port);
    await instance.manager.load();
    await instance.manager.enableAll();
    instance.scheduler.start();
    return instance;
  }

  /** Installs a packed App here and at every other instance. All the permissions it asks for are granted unless told. */
  async install(
    zip: Buffer | Uint8Array,
    { enable = true, permissions }: InstallOptions = {},
  ): Promise<InstalledApp> {
    const granted = permissions ?? permissionsOf(zip);
    const user = { id: this.ws.admin.id, username: this.ws.admin.username };
    const result = await this.manager.add(Buffer.from(zip), {
      enable,
      user: user as never,
      ...(granted && { permissionsGranted: granted }),
    });
    const storageError = result.getStorageError() as string | undefined;
    const userError = result.getAppUserError() as object | undefined;
    if (result.hasStorageError() || userError !== undefined)
      throw new Error(`not installed: ${storageError ?? JSON.stringify(userError)}`);
    const { id } = result.getAppInfo();
    for (const other of this.others()) await other.manager.addLocal(id);
    return new InstalledApp(this, id);
  }

  /** An App installed already. */
  app(id: string): InstalledApp {
    return new InstalledApp(this, id);
  }

  others(): Instance[] {
    return this.ws.instances.filter((other) => other !== this && other.running);
  }

  /** Kills an App's subprocess; the engine notices by itself and starts it again. */
  async killRuntime(appId?: string): Promise<void> {
    const child = this.controller(appId).deno;
    if (child === undefined) throw new Error('the App has no subprocess');
    this.restartsAwaited = this.restarts + 1;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Stops an App's subprocess in its tracks: it answers no more, and the engine kills it after its missed pings. */
  freezeRuntime(appId?: string): void {
    this.restartsAwaited = this.restarts + 1;
    this.controller(appId).deno?.kill('SIGSTOP');
  }

  /** Waits until the engine has started the App again after `killRuntime`. */
  async runtimeRestarted(waiting?: Waiting): Promise<void> {
    await this.ws.until(
      'the engine to restart the App',
      () => this.restarts >= this.restartsAwaited,
      waiting,
    );
  }

  pid(appId?: string): number | undefined {
    return this.controller(appId).deno?.pid;
  }

  /** Ends the server in good order: its Apps' subprocesses are killed, nothing is told to them. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.scheduler.stop();
    await this.endpoints.close();
    for (const controller of this.controllers.values()) {
      await controller.stopApp();
      letGo(controller);
    }
    this.db.cut();
  }

  /**
   * Ends the server as `kill -9` does: nothing it had under way goes on, the pipes to its Apps' subprocesses
   * close, and these live on as orphans if they hold anything open. Answers their pids.
   */
  async crash(): Promise<number[]> {
    this.running = false;
    this.db.cut();
    this.scheduler.stop();
    for (const controller of this.controllers.values()) letGo(controller);
    const left = this.processes.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    for (const child of left) {
      child.stdin?.destroy();
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
    }
    await this.endpoints.close();
    return left.map(({ pid }) => pid ?? 0);
  }

  /** Stops and leaves nothing behind, orphans included. */
  async close(): Promise<void> {
    await this.stop();
    for (const child of this.processes)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await rm(this.site.temp, { recursive: true, force: true });
  }

  /** Another instance changed a setting: it is set here too, and the App's hooks run here too. */
  async receive(appId: string, setting: ISetting): Promise<void> {
    const key = `${appId} ${setting.id}`;
    this.receiving.add(key);
    try {
      await this.manager.getSettingsManager().updateAppSetting(appId, setting);
    } finally {
      this.receiving.delete(key);
    }
  }

  /** Settings on their way to other instances. */
  readonly spreading = new Set<Promise<void>>();

  private spread(appId: string, setting: ISetting): void {
    if (this.receiving.has(`${appId} ${setting.id}`)) return;
    for (const other of this.others()) {
      const arrived = other.receive(appId, structuredClone(setting)).catch((error: unknown) => {
        this.ws.faults.push({ event: 'onAppSettingUpdated', error });
      });
      this.spreading.add(arrived);
      void arrived.then(() => this.spreading.delete(arrived));
    }
  }

  private started(controller: Controller): void {
    this.controllers.set(controller.appPackage.info.id, controller);
    if (controller.deno === undefined) return;
    this.processes.push(controller.deno);
    // Written to after its death: a server logs it and goes on.
    controller.deno.stdin?.on('error', (error) => {
      this.ws.faults.push({ event: 'subprocess', error });
    });
    controller.deno.once('exit', () => {
      this.ws.changes.touch();
    });
    leavesWithUs(controller.deno);
  }

  private controller(appId?: string): Controller {
    const controller = appId === undefined ? [...this.controllers.values()][0] : this.controllers.get(appId);
    if (controller === undefined) throw new Error(`no such App here: ${appId ?? 'none is installed'}`);
    return controller;
  }
}
