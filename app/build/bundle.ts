/**
 * Makes one CommonJS file of the App and the core, fit for the Apps-Engine's sandbox.
 *
 * The engine runs the text inside an async function whose `globalThis` and `Deno` are undefined, and whose
 * `require` knows only the modules below.
 */

import { join } from 'node:path';

import { build } from 'esbuild';

import { appFolder } from './paths.ts';

/** What the sandbox's `require` lets through; any other import fails here instead of in a workspace. */
const nativeModules = [
  'buffer',
  'crypto',
  'fs',
  'http',
  'https',
  'net',
  'os',
  'path',
  'punycode',
  'querystring',
  'stream',
  'url',
  'util',
  'zlib',
];

/** Texts at which the engine rewrites the whole source of an App, slowly and not always rightly. */
const forbiddenTexts = ['.usernames', '.isOnline(', '.createToken('];

/** `self` exists in Deno, `global` in Node. */
const globalObject = 'const theGlobalObject = typeof self === "undefined" ? global : self;';

/** Bundles the App's entry file and gives the text of the result. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(appFolder, entry)],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: ['node20', 'deno2.3'],
    external: [
      ...nativeModules,
      ...nativeModules.map((name) => `node:${name}`),
      '@rocket.chat/apps-engine/*',
    ],
    define: { globalThis: 'theGlobalObject' },
    banner: { js: globalObject },
    legalComments: 'none',
    logLevel: 'warning',
  });
  const text = outputFiles.map((file) => file.text).join('');
  const found = forbiddenTexts.filter((forbidden) => text.includes(forbidden));
  if (found.length > 0) {
    throw new Error(
      `the bundle contains ${found.join(' and ')}, at which the Apps-Engine rewrites the App's source. ` +
        "Rename what is ours; write what is a library's another way, such as ['usernames'].",
    );
  }
  return text;
}
