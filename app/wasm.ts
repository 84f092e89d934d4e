/** The core's WebAssembly, unpacked and instantiated. */

import { Buffer } from 'node:buffer';
import { gunzipSync } from 'node:zlib';

import { wasm } from '../pkg/embedded.js';
import { Core, initSync, __wbg_reset_state as renew } from '../pkg/matrix_federation.js';
import type { CoreInstance } from './core.ts';
import type { Host } from './host/host.ts';

let compiled = false;

/** A core with a memory of its own; the one before must not be used any more. */
export function instantiate(host: Host, instance: string): CoreInstance {
  if (compiled) renew();
  else initSync({ module: gunzipSync(Buffer.from(wasm, 'base64')) });
  compiled = true;
  return new Core(host, instance);
}
