/** Makes `target/matrix-federation.zip` from `app/` and `pkg/`, and says what it costs. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { costs, describe } from './budget.ts';
import { bundle } from './bundle.ts';
import { appFolder, bundleFile, zipFile } from './paths.ts';
import { zip } from './zip.ts';

const { classFile } = JSON.parse(readFileSync(join(appFolder, 'app.json'), 'utf8')) as { classFile: string };

try {
  const text = await bundle(classFile);
  writeFileSync(bundleFile, text);
  writeFileSync(zipFile, zip(classFile.replace(/\.ts$/, '.js'), text));
  report(await costs());
} catch (error) {
  console.error(`pack: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function report(measured: Awaited<ReturnType<typeof costs>>): void {
  console.log(`  ${measured.map(describe).join(', ')}`);
  const over = measured.filter((cost) => cost.measured > cost.limit);
  for (const cost of over) {
    console.error(`  over budget: ${describe(cost)}`);
  }
}
