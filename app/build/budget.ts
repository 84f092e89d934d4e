/** What the App may cost. `pack` prints it, a test holds it. */

import { statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { bundleFile, embeddedModule, glueModule, optimisedWasm } from './paths.ts';

export interface Cost {
  readonly name: string;
  readonly measured: number;
  readonly limit: number;
  readonly unit: 'bytes' | 'milliseconds';
}

/** Measures what has been packed; the load time is the best of the given number of runs. */
export async function costs(runs = 3): Promise<Cost[]> {
  return [
    { name: 'core', measured: statSync(optimisedWasm).size, limit: 4_000_000, unit: 'bytes' },
    { name: 'bundle', measured: statSync(bundleFile).size, limit: 3_000_000, unit: 'bytes' },
    { name: 'load', measured: await loadTime(runs), limit: 60, unit: 'milliseconds' },
  ];
}

/** One line for a person: `core 2.1 MB of 4 MB`. */
export function describe({ name, measured, limit, unit }: Cost): string {
  const shown = (value: number): string =>
    unit === 'bytes' ? `${(value / 1e6).toFixed(2)} MB` : `${value.toFixed(0)} ms`;
  return `${name} ${shown(measured)} of ${shown(limit)}`;
}

/** Unpacks, compiles and instantiates the core, as the App does at its start. */
async function loadTime(runs: number): Promise<number> {
  const { wasm } = (await import(embeddedModule)) as { wasm: string };
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    // A query makes the loader evaluate the glue anew, so that each run has an instance of its own.
    const glue = (await import(`${glueModule}?run=${String(run)}`)) as Glue;
    const start = performance.now();
    glue.initSync({ module: gunzipSync(Buffer.from(wasm, 'base64')) });
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

interface Glue {
  initSync(options: { module: Uint8Array }): unknown;
}
