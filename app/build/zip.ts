/** Packs what a workspace installs. The same files always give the same bytes. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { zipSync, type Zippable } from 'fflate';

import { appFolder } from './paths.ts';

/** The earliest time the format can express. */
const noTime = new Date(1980, 0, 1);

/** Zips `app.json`, the bundle under the name `app.json` gives it, the icon and the texts. */
export function zip(bundleName: string, bundle: string): Uint8Array {
  const files: Zippable = { [bundleName]: new TextEncoder().encode(bundle) };
  for (const path of ['app.json', 'icon.png', ...texts()]) {
    files[path] = readFileSync(join(appFolder, path));
  }
  return zipSync(files, { level: 9, mtime: noTime });
}

function texts(): string[] {
  const names = readdirSync(join(appFolder, 'i18n')).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => `i18n/${name}`);
}
