/** Bundles the engine's own runtime for Node, as newer servers run it. */
import { build, type Plugin } from 'esbuild';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { NODE_RUNTIME, PACKAGES } from './paths.ts';

/** The runtime's files which differ between Deno and Node; everything else is the engine's own. */
const REPLACED: Record<string, string> = {
  'lib/require.ts': 'require.ts',
  'error-handlers.ts': 'error-handlers.ts',
};

export async function bundleForNode(runtime: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [path.join(runtime, 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    logLevel: 'error',
    nodePaths: [PACKAGES],
    alias: {
      'engine-runtime': runtime,
      '@std/io': path.join(runtime, 'std/io.ts'),
      '@std/streams': path.join(runtime, 'std/streams.ts'),
      '@std/cli/parse-args': path.join(runtime, 'std/cli.ts'),
    },
    // Injected, not global: the App must not see it, for on Node there is no `Deno`.
    inject: [path.join(NODE_RUNTIME, 'deno.ts')],
    plugins: [nodeColumn(runtime)],
  });
}

function nodeColumn(runtime: string): Plugin {
  return {
    name: 'node-column',
    setup(builder) {
      builder.onResolve({ filter: /^\.\.?\// }, ({ path: wanted, resolveDir }) => {
        const replaced = REPLACED[path.relative(runtime, path.resolve(resolveDir, wanted))];
        return replaced === undefined ? undefined : { path: path.join(NODE_RUNTIME, replaced) };
      });
      builder.onLoad({ filter: /handlers\/app\/construct\.ts$/ }, async ({ path: file }) => {
        return { loader: 'ts', contents: nodeShell(await readFile(file, 'utf8')) };
      });
    },
  };
}

/** The evaluation shell of newer servers: no `Buffer` or `Deno` parameter, the true console, a list of prefixes. */
function nodeShell(construct: string): string {
  const changed = construct
    .replace(/prepareEnvironment\(\);/, '')
    .replace(/const require = buildRequire\(\);/, '')
    .replace("const { Buffer } = require('buffer');", '')
    .replace(/const _error = .*/, '')
    .replace(/(\w+): _error,/g, '$1: console.$1.bind(console),')
    .replace(
      'async (exports,module,require,Buffer,console,globalThis,Deno)',
      'async (exports,module,require,console,globalThis)',
    )
    .replace(
      '(exports,module,require,Buffer,_console,undefined,undefined)',
      '(exports,module,require,_console,undefined)',
    );
  if (/Buffer,|_error|,Deno/.test(changed)) throw new Error("the engine's evaluation shell has changed");
  return changed;
}
