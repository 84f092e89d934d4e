/**
 * Where the prepared engine lies: everything made here is under `<repo>/target`, never committed.
 *
 * The directory's name is a hash of what it was made from, so a changed version makes a new one
 * and an unchanged one is found again in a few milliseconds.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));

export const TESTS = path.resolve(HERE, '../..');
export const PACKAGES = path.join(TESTS, 'node_modules');
export const TARGET = path.resolve(TESTS, '../target/workspace');
export const SHIMS = path.join(HERE, 'shims');
export const NODE_RUNTIME = path.join(HERE, 'node-runtime');

/** Which subprocess an instance gives its Apps. */
export type RuntimeName = 'deno' | 'node24' | 'node26';

export const BINARIES: Record<RuntimeName, string> = {
  deno: path.join(PACKAGES, '@deno/linux-x64-glibc/deno'),
  node24: path.join(PACKAGES, 'node24/bin/node'),
  node26: path.join(PACKAGES, 'node26/bin/node'),
};

/** The prepared engine's files. */
export interface EnginePaths {
  /** The patched copy of `@rocket.chat/apps-engine`. */
  engine: string;
  /** What `DENO_DIR` must say. */
  denoCache: string;
  /** The engine's runtime bundled for Node. */
  nodeRuntime: string;
  /** Holds everything the subprocess may read. */
  root: string;
}

export function enginePaths(): EnginePaths {
  const root = path.join(TARGET, `engine-${recipe()}`);
  return {
    root,
    engine: path.join(root, 'node_modules/@rocket.chat/apps-engine'),
    denoCache: path.join(root, 'deno-cache'),
    nodeRuntime: path.join(root, 'node-runtime/main.cjs'),
  };
}

function recipe(): string {
  const hash = createHash('sha256');
  for (const name of ['@rocket.chat/apps-engine', '@deno/linux-x64-glibc', '@rocket.chat/ui-kit', 'esbuild'])
    hash.update(readFileSync(path.join(PACKAGES, name, 'package.json')));
  const made = ['prepare.ts', 'bundle.ts'].map((name) => path.join(HERE, name));
  const copied = [SHIMS, NODE_RUNTIME].flatMap((folder) =>
    readdirSync(folder)
      .sort()
      .map((name) => path.join(folder, name)),
  );
  for (const file of [...made, ...copied]) hash.update(path.basename(file)).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}
