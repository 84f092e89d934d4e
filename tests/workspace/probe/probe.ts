/** Packs the probe App and tells it what to do. */
import { readFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';
import type { InstalledApp } from '../apps.ts';
import type { Instance } from '../instance.ts';

export interface ProbeOptions {
  id?: string;
  slug?: string;
  version?: string;
  /** The hooks the App listens to. */
  hooks?: string[];
  /** Code run in a hook; `data` is what it got. */
  onHook?: Record<string, string>;
  settings?: object[];
  processors?: string[];
  endpoints?: string[];
  /** What it asks for; all the workspace offers unless told. */
  permissions?: string[];
  /** Its endpoints are below a secret. */
  secret?: boolean;
  /** Put before the App's own code. */
  prelude?: string;
}

export const PROBE_ID = '5c1d5c6e-0000-4000-8000-000000000001';

const ALL = [
  ...[
    'user.read',
    'user.write',
    'upload.read',
    'upload.write',
    'server-setting.read',
    'room.read',
    'room.write',
    'message.read',
    'message.write',
  ],
  ...[
    'persistence',
    'env.read',
    'networking',
    'scheduler',
    'slashcommand',
    'api',
    'ui.interact',
    'ui.registerButtons',
    'threads.read',
    'role.read',
  ],
];

export function packProbe({
  id = PROBE_ID,
  slug = 'probe',
  version = '1.0.0',
  hooks = [],
  permissions = ALL,
  prelude = '',
  ...rest
}: ProbeOptions = {}): Buffer {
  const manifest = {
    id,
    version,
    requiredApiVersion: '^1.4.0',
    iconFile: 'icon.png',
    author: { name: 'tests', homepage: 'https://example.org', support: 'https://example.org' },
    name: 'Probe',
    nameSlug: slug,
    classFile: 'app.js',
    description: 'Does what a test tells it.',
    implements: [...hooks, 'IUIKitInteractionHandler'],
    permissions: permissions.map((name) => ({ name })),
  };
  const code = `${prelude}\nconst PROBE = ${JSON.stringify(rest)};\n${readFileSync(new URL('app.js', import.meta.url), 'utf8')}`;
  const files = { 'app.json': strToU8(JSON.stringify(manifest)), 'app.js': strToU8(code), 'icon.png': ICON };
  return Buffer.from(zipSync(files));
}

const ICON = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Runs code inside the App: `app`, `read`, `modify`, `http`, `persis`, `require` and `request` are there. */
export async function run<Value = unknown>(app: InstalledApp, code: string, on?: Instance): Promise<Value> {
  const answer = await fetch(`${app.url('public', on)}/run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`the probe answered ${String(answer.status)}: ${text}`);
  const { value, error } = JSON.parse(text) as {
    value?: unknown;
    error?: { name: string; message: string; code?: string };
  };
  if (error !== undefined)
    throw Object.assign(new Error(error.message), { name: error.name, code: error.code });
  return (value === '__undefined' ? undefined : value) as Value;
}

export interface Seen {
  hook: string;
  data: Record<string, unknown>;
  at: number;
}

/** What the App's hook was handed, once it was called so often; with none, what there is. */
export function seen(app: InstalledApp, hook: string, count = 1, on?: Instance): Promise<Seen[]> {
  return run(app, `return app.saw(${JSON.stringify(hook)}, ${String(count)}, 5000)`, on);
}

/** A test's code in which the App finds a room by the name `room`. */
export function inRoom({ id }: { id: string }, code: string): string {
  return `const room = await read.getRoomReader().getById('${id}'); ${code}`;
}
