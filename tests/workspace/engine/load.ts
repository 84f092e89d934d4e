/**
 * Loads one copy of the real engine for one instance.
 *
 * The engine is a singleton by its own rules; a cluster in one process therefore needs a copy of its
 * modules for each instance, just as each real server has its own.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { EnginePaths } from './paths.ts';

export interface Engine {
  AppManager: (typeof import('@rocket.chat/apps-engine/server/AppManager.js'))['AppManager'];
  AppRuntimeManager: (typeof import('@rocket.chat/apps-engine/server/managers/AppRuntimeManager.js'))['AppRuntimeManager'];
  DenoController: (typeof import('@rocket.chat/apps-engine/server/runtime/deno/AppsEngineDenoRuntime.js'))['DenoRuntimeSubprocessController'];
  AppMetadataStorage: (typeof import('@rocket.chat/apps-engine/server/storage/index.js'))['AppMetadataStorage'];
  AppLogStorage: (typeof import('@rocket.chat/apps-engine/server/storage/index.js'))['AppLogStorage'];
  AppSourceStorage: (typeof import('@rocket.chat/apps-engine/server/storage/index.js'))['AppSourceStorage'];
  SlashCommandContext: (typeof import('@rocket.chat/apps-engine/definition/slashcommands/index.js'))['SlashCommandContext'];
  bridges: Bridges;
}

type Bridges = typeof import('@rocket.chat/apps-engine/server/bridges/index.js') & {
  ThreadBridge: (typeof import('@rocket.chat/apps-engine/server/bridges/ThreadBridge.js'))['ThreadBridge'];
  InternalBridge: (typeof import('@rocket.chat/apps-engine/server/bridges/InternalBridge.js'))['InternalBridge'];
  OAuthAppsBridge: (typeof import('@rocket.chat/apps-engine/server/bridges/OAuthAppsBridge.js'))['OAuthAppsBridge'];
};

export function loadEngine({ engine }: EnginePaths): Engine {
  const require = createRequire(path.join(engine, 'package.json'));
  for (const file of Object.keys(require.cache))
    if (file.startsWith(engine + path.sep)) Reflect.deleteProperty(require.cache, file);
  const load = (file: string): Record<string, unknown> =>
    require(path.join(engine, file)) as Record<string, unknown>;
  return {
    ...load('server/AppManager.js'),
    ...load('server/managers/AppRuntimeManager.js'),
    DenoController: load('server/runtime/deno/AppsEngineDenoRuntime.js')['DenoRuntimeSubprocessController'],
    ...load('server/storage/index.js'),
    ...load('definition/slashcommands/index.js'),
    bridges: {
      ...load('server/bridges/index.js'),
      ...load('server/bridges/ThreadBridge.js'),
      ...load('server/bridges/InternalBridge.js'),
      ...load('server/bridges/OAuthAppsBridge.js'),
    },
  } as unknown as Engine;
}
