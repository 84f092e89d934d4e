/**
 * Makes the published engine runnable without a network, once.
 *
 * A copy is patched, not the installed package: Deno refuses TypeScript below a `node_modules` it is
 * pointed at directly, the published tarball imports one source file it does not ship, and three
 * imports would reach another registry.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { bundleForNode } from './bundle.ts';
import { BINARIES, type EnginePaths, enginePaths, PACKAGES, SHIMS } from './paths.ts';

/** Packages the engine's server half loads, with what they load. */
const SERVER_PACKAGES = [
  ...['adm-zip', '@msgpack/msgpack', 'debug', 'ms', 'jose', 'jsonrpc-lite', 'lodash.clonedeep', 'semver'],
  ...['stack-trace', 'uuid', 'mem', 'map-age-cleaner', 'mimic-fn', 'p-defer'],
];

let preparing: Promise<EnginePaths> | undefined;

/** The prepared engine; the first call ever takes some seconds and needs the npm registry. */
export function prepareEngine(): Promise<EnginePaths> {
  return (preparing ??= prepare());
}

async function prepare(): Promise<EnginePaths> {
  const done = enginePaths();
  if (existsSync(done.root)) return done;
  // Built beside its place and renamed: two test files may prepare at once, and a half-made one must not be found.
  const draft = `${done.root}.${String(process.pid)}`;
  const at = (place: string): string => path.join(draft, path.relative(done.root, place));
  await rm(draft, { recursive: true, force: true });
  await copyEngine(draft, at(done.engine));
  await patchRuntime(path.join(at(done.engine), 'deno-runtime'));
  await bundleForNode(path.join(at(done.engine), 'deno-runtime'), at(done.nodeRuntime));
  await cacheImports(draft, path.join(at(done.engine), 'deno-runtime'), at(done.denoCache));
  await rename(draft, done.root).catch((error: unknown) => {
    if (!existsSync(done.root)) throw error;
  });
  await rm(draft, { recursive: true, force: true });
  return done;
}

async function copyEngine(draft: string, engine: string): Promise<void> {
  await cp(path.join(PACKAGES, '@rocket.chat/apps-engine'), engine, { recursive: true });
  for (const name of SERVER_PACKAGES)
    await cp(path.join(PACKAGES, name), path.join(draft, 'node_modules', name), { recursive: true });
  // Only the host loads it (to bundle legacy Apps), and its binary is large.
  await symlink(path.join(PACKAGES, 'esbuild'), path.join(draft, 'node_modules/esbuild'));
}

async function patchRuntime(runtime: string): Promise<void> {
  await rm(path.join(runtime, 'deno.lock'));
  for (const tests of ['handlers/tests', 'lib/tests', 'lib/accessors/tests', 'lib/ast/tests'])
    await rm(path.join(runtime, tests), { recursive: true, force: true });
  await cp(SHIMS, path.join(runtime, 'std'), { recursive: true });
  await edit(path.join(runtime, 'deno.jsonc'), (text) =>
    text
      .replace(/"@std\/cli": "[^"]*"/, '"@std/cli/parse-args": "./std/cli.ts"')
      .replace(/"@std\/io": "[^"]*"/, '"@std/io": "./std/io.ts"')
      .replace(/"@std\/streams": "[^"]*"/, '"@std/streams": "./std/streams.ts"'),
  );
  // The value is loaded as the neighbours load theirs: through the engine's own `require`, from the compiled files.
  await edit(path.join(runtime, 'handlers/app/handleUploadEvents.ts'), (text) =>
    text.replace(
      /import \{ AppsEngineException \} from '[^']*';/,
      "import { require } from '../../lib/require.ts';\n" +
        "const { AppsEngineException } = require('@rocket.chat/apps-engine/definition/exceptions/AppsEngineException.js');",
    ),
  );
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`nothing to patch in ${file}: has the engine's version changed?`);
  await writeFile(file, changed);
}

async function cacheImports(draft: string, runtime: string, cache: string): Promise<void> {
  const outside = path.join(draft, 'runtime');
  await mkdir(cache, { recursive: true });
  await symlink(runtime, outside, 'dir');
  const args = ['install', '--quiet', `--config=${runtime}/deno.jsonc`, '--entrypoint', `${outside}/main.ts`];
  await run(BINARIES.deno, args, { ...process.env, DENO_DIR: cache, DENO_TLS_CA_STORE: 'system' });
  await rm(outside);
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (part: Buffer) => (complaint += part.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${path.basename(command)} ${args[0] ?? ''} failed: ${complaint}`));
    });
  });
}
