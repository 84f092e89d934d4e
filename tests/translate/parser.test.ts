/**
 * What we read and write, held against Rocket.Chat's own parser with generated text.
 *
 * The corpus says how a text is to be read; here thousands of texts that nobody would write are read by both parsers.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parse } from '@rocket.chat/message-parser';

/** What could be taken for markup, and what stands beside it. */
const PIECES = [
  ...[
    'a',
    'b c',
    'word',
    'é',
    'שלום',
    '😀',
    '1',
    ' ',
    ' ',
    '\n',
    '\n',
    '.',
    '!',
    ':',
    '/',
    '=',
    '$',
    '"',
    "'",
  ],
  ...['*', '**', '_', '__', '~', '~~', '`', '```', '\\', '|', '||', '<', '>', '(', ')', '[', '![', '](x)'],
  ...[
    '> ',
    '- ',
    '* ',
    '# ',
    '## ',
    '1. ',
    '2) ',
    '---',
    '- [ ] ',
    '- [x] ',
    '](http://a.com)',
    '<http://x.com|y>',
  ],
  ...['@all', '@here', '@alice', '@bob:matrix.example', '#general', ':nosuch: ', '\\(x\\)', '\\[x\\]'],
  ...[
    'http://x.com/a_b_',
    'https://a.example?q=1&r=2',
    'x.com',
    'me@x.com',
    '+49 123 4567',
    '<t:1700000000:R>',
  ],
];

/** The options that a workspace has by default. */
const OPTIONS = { colors: true, emoticons: true, katex: { parenthesisSyntax: true, dollarSyntax: false } };
const TEXTS = 20_000;
/** A fixed beginning, so that every run reads the same; another may be tried by hand. */
const SEED = BigInt(process.env.SEED ?? 1);

interface Line {
  readonly direction: 'to-matrix' | 'from-matrix';
  readonly message: object;
}
interface Answer {
  readonly text?: string;
  readonly content?: { readonly body: string; readonly 'm.mentions': object };
}

/** Texts of one to ten pieces, by a linear congruential generator. */
function generated(): string[] {
  let state = SEED;
  const below = (limit: number): number => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(limit));
  };
  const piece = () => PIECES[below(PIECES.length)] ?? '';
  return Array.from({ length: TEXTS }, () => Array.from({ length: 1 + below(10) }, piece).join(''));
}

/** What `cargo run --example translate` answers. */
function translate(lines: readonly Line[]): Answer[] {
  const { stdout, stderr, status } = spawnSync('cargo', ['run', '--quiet', '--example', 'translate'], {
    cwd: '..',
    encoding: 'utf8',
    input: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    maxBuffer: 2 ** 30,
  });
  assert.equal(status, 0, stderr);
  const answers = stdout.trimEnd().split('\n');
  assert.equal(answers.length, lines.length);
  return answers.map((answer) => JSON.parse(answer) as Answer);
}

/** What a text without any markup may be made of; a room or a colour is shown so whoever wrote it. */
const PLAIN = new Set(
  'PARAGRAPH LINE_BREAK PLAIN_TEXT EMOJI BIG_EMOJI LINK COLOR MENTION_CHANNEL'.split(' '),
);

/** The kinds of markup in a tree. */
function markup(tree: unknown): string[] {
  if (Array.isArray(tree)) return tree.flatMap(markup);
  if (typeof tree !== 'object' || tree === null) return [];
  const { type, value } = tree as { type?: unknown; value?: unknown };
  const inner = type === 'LINK' ? [] : markup(value);
  return typeof type === 'string' && !PLAIN.has(type) ? [type, ...inner] : inner;
}

/** A text less what nobody sees; a space may have come between an address and a sign. */
const visible = (text = ''): string => text.replace(/[\u200b\s]/gu, '');

test('a text is read as by the parser of Rocket.Chat', () => {
  // A link's text may go over several lines there, which is left out here: what is read is read line by line.
  const texts = generated().filter((text) => !/\[[^]*\n[^]*\]\(/u.test(text));
  const answers = translate(
    texts.flatMap((text) => [
      { direction: 'to-matrix', message: { text, md: parse(text, OPTIONS) } },
      { direction: 'to-matrix', message: { text } },
    ]),
  );
  const wrong = texts.filter((_, at) => {
    const [theirs, ours] = [answers[2 * at], answers[2 * at + 1]];
    return JSON.stringify(theirs) !== JSON.stringify(ours);
  });
  // Emoticons within styles and styles that go over the end of a link are read otherwise in about one of a thousand.
  assert.ok(
    wrong.length * 500 <= texts.length,
    `${wrong.length} of ${texts.length}: ${wrong.slice(0, 20).join('\n---\n')}`,
  );
});

test('literal text of Matrix is literal text for the parser of Rocket.Chat, and calls no one', () => {
  const texts = generated()
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const there = translate(
    texts.map((body) => ({ direction: 'from-matrix', message: { content: { msgtype: 'm.text', body } } })),
  );
  const back = translate(
    there.map(({ text = '' }) => ({ direction: 'to-matrix', message: { text, md: parse(text, OPTIONS) } })),
  );
  for (const [at, text] of texts.entries()) {
    const { content } = back[at] ?? {};
    assert.equal(visible(content?.body), visible(text), `by ${JSON.stringify(there[at]?.text)}`);
    assert.deepEqual(content?.['m.mentions'], {}, `by ${JSON.stringify(there[at]?.text)}`);
    assert.deepEqual(
      markup(parse(there[at]?.text ?? '', OPTIONS)),
      [],
      `by ${JSON.stringify(there[at]?.text)}`,
    );
  }
});
