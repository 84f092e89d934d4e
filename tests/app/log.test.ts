/** The App's log where the same trouble comes again and again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Log } from '../../app/log.ts';

test('of each kind of trouble one line a minute is said, and how many were not', () => {
  const lines: string[] = [];
  let now = 0;
  const log = new Log(
    (line) => lines.push(line.replace('Matrix Federation: ', '')),
    () => now,
  );
  for (; now < 120_000; now += 1000) {
    log.trouble('tick', 'warn', `no database at ${now}`);
    if (now === 5000) log.trouble('hook', 'error', 'another kind');
  }
  assert.deepEqual(lines, [
    'no database at 0',
    'another kind',
    'no database at 60000 (59 more since the last line)',
  ]);
});
