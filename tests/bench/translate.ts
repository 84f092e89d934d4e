/**
 * How fast messages are translated, beside the libraries a bridge in JavaScript would use: a line, a rich message of
 * 2 KB and hostile ones of 100 KB, each way. Run by `./build.sh bench`.
 *
 * To Matrix, ours makes the whole content (plain text, HTML, mentions) of the text, or of the tree that Rocket.Chat's
 * parser has made already, as the App gets it. `marked` with `sanitize-html` makes HTML alone;
 * `@rocket.chat/message-parser` makes the tree alone. From Matrix, the libraries make Markdown of HTML;
 * what comes from elsewhere is not clean, so that a bridge has it cleaned before. None guards what only looks like
 * markup. Microseconds, the best of many rounds.
 */

import { createRequire } from 'node:module';

import { best } from './kernel/clock.ts';
import { print, type Row, type Target } from './kernel/table.ts';
import { load } from './kernel/wasm.ts';

const require = createRequire(import.meta.url);
const { parse } = require('@rocket.chat/message-parser') as {
  parse: (text: string, options: object) => unknown;
};
const { marked } = (await import('marked')) as { marked: { parse: (text: string) => string } };
const sanitize = require('sanitize-html') as (html: string) => string;
const Turndown = require('turndown') as new (options: object) => { turndown: (html: string) => string };
const { NodeHtmlMarkdown } = require('node-html-markdown') as {
  NodeHtmlMarkdown: new () => { translate: (html: string) => string };
};

const { BenchTranslation: ours } = await load();
const turndown = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced' });
const nodeHtml = new NodeHtmlMarkdown();
const options = { colors: true, emoticons: true, katex: { parenthesisSyntax: true, dollarSyntax: false } };

const section = (number: number): string => `## Release ${number}
The *new* version is _out_ and fixes ~several~ two bugs, see [the notes](https://example.org/notes/${number}).
- a \`first\` point about parsing
- a *second* one, with [a link](https://example.org/a_(b))
1. update the \`server\`
2. restart it
> somebody said that it _works_
> and somebody else agreed
\`\`\`js
const answer = (question) => question.length * ${number};
\`\`\`
Thanks to everyone :tada: who helped with it, and to those who read this far!
`;
const richText = [1, 2, 3, 4].map(section).join('\n');
const line = 'Hello there, how are you *today*?';
const contentOf = (text: string): { body: string; formatted_body?: string } =>
  JSON.parse(ours.to_matrix(text, '')) as { body: string; formatted_body?: string };
const html = (text: string): string => contentOf(text).formatted_body ?? contentOf(text).body;
const event = (formatted: string): string =>
  JSON.stringify({
    msgtype: 'm.text',
    body: 'x',
    format: 'org.matrix.custom.html',
    formatted_body: formatted,
  });

/** Hostile texts and HTML, as long as asked for. */
const filled = (piece: string, size: number): string =>
  piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
const HOSTILE_TEXT = ['[', '*a _b ~c ', '> ', '||a', '<a|'];
const HOSTILE_HTML = ['<b>', '<blockquote>', '<ul><li>', '*_~`[', '<table><tr><td>'];
const SIZE = 100_000;

function toMatrix(name: string, text: string, seconds?: number): Row[] {
  const md = JSON.stringify(parse(text, options));
  return [
    [`ours of the text: ${name}`, best(() => ours.to_matrix(text, ''), seconds)],
    [`ours of the tree: ${name}`, best(() => ours.to_matrix(text, md), seconds)],
    [`marked + sanitize-html: ${name}`, best(() => sanitize(marked.parse(text)), seconds)],
    [`@rocket.chat/message-parser: ${name}`, best(() => parse(text, options), seconds)],
  ];
}

function fromMatrix(name: string, formatted: string, seconds?: number): Row[] {
  const content = event(formatted);
  return [
    [`ours: ${name}`, best(() => ours.from_matrix(content), seconds)],
    [`turndown: ${name}`, best(() => turndown.turndown(formatted), seconds)],
    [`node-html-markdown: ${name}`, best(() => nodeHtml.translate(formatted), seconds)],
    [
      `sanitize-html + node-html-markdown: ${name}`,
      best(() => nodeHtml.translate(sanitize(formatted)), seconds),
    ],
    [`sanitize-html + turndown: ${name}`, best(() => turndown.turndown(sanitize(formatted)), seconds)],
  ];
}

/** With each row how many times as fast ours is, ours being the first. */
function compared(rows: Row[]): Row[] {
  const first = rows[0]?.[1] as number;
  return rows.map(([name, figure]) => [name, figure ?? NaN, Number(figure) / first]);
}

console.error('measuring translations');
const richSize = Buffer.byteLength(richText);
const columns = ['microseconds', 'times ours'];
const lineOut = toMatrix('a line', line);
const richOut = toMatrix(`${(richSize / 1000).toFixed(1)} KB`, richText, 1);
const lineIn = fromMatrix('a line', html(line));
const richIn = fromMatrix(`${(Buffer.byteLength(html(richText)) / 1000).toFixed(1)} KB`, html(richText), 1);
for (const [title, rows] of [
  ['to Matrix', lineOut],
  ['to Matrix', richOut],
  ['from Matrix', lineIn],
  ['from Matrix', richIn],
] as const) {
  print(title, columns, compared(rows), 1);
}

/** One run each, in milliseconds; a library that throws or overflows its stack tells so. */
function once(work: () => unknown): number | string {
  const began = performance.now();
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.name : 'failed';
  }
  return performance.now() - began;
}

const growth: number[] = [];
function ourGrowth(work: (size: number) => () => unknown): number {
  const [half, whole] = [SIZE / 2, SIZE].map((size) => best(work(size), 0.3)) as [number, number];
  growth.push(whole / half);
  return whole / 1000;
}

print(
  '100 KB to Matrix, milliseconds',
  ['ours', 'twice as much as half of it, times', 'marked + sanitize-html'],
  HOSTILE_TEXT.map((piece) => {
    const text = filled(piece, SIZE);
    const figure = ourGrowth((size) => {
      const part = filled(piece, size);
      return () => ours.to_matrix(part, '');
    });
    // The parser of Rocket.Chat is not asked: on some of these it does not come back.
    return [piece, figure, growth.at(-1) ?? NaN, once(() => sanitize(marked.parse(text)))];
  }),
  1,
);
print(
  '100 KB from Matrix, milliseconds',
  ['ours', 'twice as much as half of it, times', 'turndown of 5 KB', 'node-html-markdown of 5 KB'],
  HOSTILE_HTML.map((piece) => {
    // Of more, some do not come back.
    const text = filled(piece, SIZE / 20);
    const figure = ourGrowth((size) => {
      const part = event(filled(piece, size));
      return () => ours.from_matrix(part);
    });
    return [
      piece,
      figure,
      growth.at(-1) ?? NaN,
      once(() => turndown.turndown(text)),
      once(() => nodeHtml.translate(text)),
    ];
  }),
  1,
);

const figure = (rows: Row[], at: number): number => Number(rows[at]?.[1]);
const targets: Target[] = [
  [
    'rich to Matrix, times as fast as marked + sanitize-html',
    figure(richOut, 2) / figure(richOut, 0),
    'at least',
    5,
  ],
  ['rich to Matrix, times as fast as message-parser', figure(richOut, 3) / figure(richOut, 0), 'at least', 5],
  [
    'rich from Matrix, times as fast as sanitize-html + turndown',
    figure(richIn, 4) / figure(richIn, 0),
    'at least',
    5,
  ],
  [
    'rich from Matrix, times as fast as sanitize-html + node-html-markdown',
    figure(richIn, 3) / figure(richIn, 0),
    'at least',
    5,
  ],
  ['twice as much hostile text, times the time', Math.max(...growth), 'at most', 3],
];
print(
  'targets',
  ['measured', 'target', 'met'],
  targets.map(([name, measured, bound, limit]) => {
    const met = bound === 'at most' ? measured <= limit : measured >= limit;
    return [name, measured, `${bound} ${limit}`, met ? 'yes' : 'NO'];
  }),
  2,
);
