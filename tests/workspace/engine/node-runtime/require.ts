/** What an App may `require` under Node: prefixes, as newer servers compare them. */
import { createRequire } from 'node:module';
import path from 'node:path';

const ALLOWED = [
  ...[
    'path',
    'url',
    'crypto',
    'buffer',
    'stream',
    'net',
    'http',
    'https',
    'zlib',
    'util',
    'punycode',
    'os',
    'querystring',
    'fs',
  ],
  ...['uuid', '@rocket.chat/apps-engine'],
];

// The bundle lies beside the engine's own `node_modules`.
const fromEngine = createRequire(
  path.resolve(__dirname, '../node_modules/@rocket.chat/apps-engine/package.json'),
);

export const require = (wanted: string): unknown => {
  const name = wanted.replace('node:', '');
  if (!ALLOWED.some((allowed) => name.startsWith(allowed)))
    throw new Error(`Module ${wanted} is not allowed`);
  return fromEngine(name);
};
