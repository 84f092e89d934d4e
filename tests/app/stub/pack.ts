/** Packs the App as it is, over the stand-in for the core. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build, type Plugin } from 'esbuild';
import { zipSync, type Zippable } from 'fflate';

const inRepository = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The compiled core's place is taken by the stand-in and an empty module. */
const standIn: Plugin = {
  name: 'stand-in',
  setup(build) {
    build.onResolve({ filter: /pkg\/matrix_federation\.js$/ }, () => ({
      path: inRepository('tests/app/stub/core.js'),
    }));
    build.onResolve({ filter: /pkg\/embedded\.js$/ }, () => ({ path: 'embedded', namespace: 'stand-in' }));
    build.onLoad({ filter: /.*/, namespace: 'stand-in' }, () => ({
      // An empty text, compressed.
      contents: "export const wasm = 'H4sIAAAAAAAAAwMAAAAAAAAAAAA=';",
    }));
  },
};

export interface Manifest {
  id: string;
  implements: string[];
  permissions: { name: string }[];
  requiredApiVersion: string;
  classFile: string;
}

export const manifest = JSON.parse(readFileSync(inRepository('app/app.json'), 'utf8')) as Manifest;

/** The bundle's text. */
export async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [inRepository('app/MatrixFederationApp.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: ['node20'],
    external: ['@rocket.chat/apps-engine/*'],
    define: { globalThis: 'undefined' },
    plugins: [standIn],
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

/** What a workspace installs; `version` tells one package from another. */
export async function packed(version = '0.1.0'): Promise<Uint8Array> {
  const info = JSON.stringify({ ...manifest, version });
  const files: Zippable = {
    'app.json': new TextEncoder().encode(info),
    'MatrixFederationApp.js': new TextEncoder().encode(await bundle()),
    'icon.png': readFileSync(inRepository('app/icon.png')),
  };
  for (const name of readdirSync(inRepository('app/i18n'))) {
    files[`i18n/${name}`] = readFileSync(inRepository(`app/i18n/${name}`));
  }
  return zipSync(files);
}
