/** Writes `pkg/embedded.js`: the core as gzip in base64, since an App can read no file at run time. */

import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { embeddedModule, optimisedWasm } from './paths.ts';

const packed = gzipSync(readFileSync(optimisedWasm), { level: 9 }).toString('base64');

writeFileSync(embeddedModule, `export const wasm = '${packed}';\n`);
writeFileSync(
  embeddedModule.replace(/\.js$/, '.d.ts'),
  '/** The core: WebAssembly, gzip-compressed, in base64. */\nexport const wasm: string;\n',
);
