// Makes md.json: what Rocket.Chat's own parser makes of every text of the corpus.
//   npm i --prefix /tmp/parser @rocket.chat/message-parser@0.32.0
//   node tests/translate/md.mjs /tmp/parser
import fs from 'node:fs';
import { createRequire } from 'node:module';

const at = process.argv[2] ?? '.';
const { parse } = createRequire(`${fs.realpathSync(at)}/`)('@rocket.chat/message-parser');
// The options that a workspace has by default.
const options = { colors: true, emoticons: true, katex: { parenthesisSyntax: true, dollarSyntax: false } };
const here = new URL('.', import.meta.url).pathname;
const texts = ['to_matrix.json', 'from_matrix.json'].flatMap((file) =>
  JSON.parse(fs.readFileSync(here + file, 'utf8')).map((one) => one.rocketchat),
);
const trees = Object.fromEntries([...new Set(texts)].sort().map((text) => [text, parse(text, options)]));
const lines = Object.entries(trees).map(([text, tree]) => `${JSON.stringify(text)}: ${JSON.stringify(tree)}`);
fs.writeFileSync(`${here}md.json`, `{\n${lines.join(',\n')}\n}\n`);
