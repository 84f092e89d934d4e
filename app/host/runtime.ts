/** What the process that the App runs in is, and what it may do. */

import type { Listener, Runtime, Transport } from '../protocol.ts';

/** What the parts of the App know of themselves. */
export interface Standing {
  open: boolean;
  transport: Transport;
  listener: Listener;
  variable: string;
}

export function runtimeFact(standing: Standing): Runtime {
  return { name: runtimeName(), ...standing };
}

/** Deno gives its own version among those of Node. */
function runtimeName(): string {
  if (typeof process === 'undefined') return 'this runtime';
  const { deno, node } = process.versions as { deno?: string; node?: string };
  return deno === undefined ? `Node.js ${node ?? ''}`.trim() : `Deno ${deno}`;
}
