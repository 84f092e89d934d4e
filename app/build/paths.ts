/** Where the packer reads and writes. */

import { fileURLToPath } from 'node:url';

const inRepository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const appFolder = inRepository('app');
export const optimisedWasm = inRepository('pkg/matrix_federation_bg.wasm');
export const glueModule = inRepository('pkg/matrix_federation.js');
export const embeddedModule = inRepository('pkg/embedded.js');
export const bundleFile = inRepository('target/MatrixFederationApp.js');
export const zipFile = inRepository('target/matrix-federation.zip');
