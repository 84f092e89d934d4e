// Where things lie: sources beside this file, everything made under the repository's target/.

import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const HERE = fileURLToPath(new URL('.', import.meta.url));
export const TARGET = fileURLToPath(new URL('../../../target/', import.meta.url));

/** The virtual environment Synapse is installed into; where there is a cache, all clones share it. */
export const VENV = join(process.env['MATRIX_FEDERATION_CACHE'] ?? TARGET, 'synapse');
export const PYTHON = join(VENV, 'bin', 'python');

/** Data of running homeservers, one folder each. */
export const RUNS = join(TARGET, 'e2e');
