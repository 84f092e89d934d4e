/** When jobs run: 'in 5 minutes', '30 seconds', or a cron line. */

const UNITS: Record<string, number> = {
  second: 1e3,
  minute: 60e3,
  hour: 3600e3,
  day: 86_400e3,
  week: 604_800e3,
  month: 2_592_000e3,
  year: 31_536_000e3,
};
const NUMBERS: Record<string, number> = { a: 1, an: 1, one: 1, two: 2, three: 3, four: 4, five: 5, ten: 10 };
const SPAN = /(\d+(?:\.\d+)?|an?|one|two|three|four|five|ten)\s*(second|minute|hour|day|week|month|year)s?/gi;

export function parseWhen(when: string | Date, now = new Date()): Date {
  if (when instanceof Date) return when;
  const span = milliseconds(when);
  if (span !== undefined) return new Date(now.getTime() + span);
  if (when === 'now') return now;
  const date = new Date(when);
  if (Number.isNaN(date.getTime()))
    throw new Error(`failed to calculate nextRunAt due to invalid repeat interval: ${when}`);
  return date;
}

/** The first run of a recurring job is at once, unless it follows a calendar. */
export function firstRun(interval: string | number, from: Date): Date {
  return typeof interval === 'number' || milliseconds(interval) !== undefined
    ? from
    : nextCron(interval, from);
}

export function nextRun(interval: string | number, from: Date): Date {
  if (typeof interval === 'number') return new Date(from.getTime() + interval);
  const span = milliseconds(interval);
  return span === undefined ? nextCron(interval, from) : new Date(from.getTime() + span);
}

function milliseconds(text: string): number | undefined {
  const parts = [...text.matchAll(SPAN)];
  if (parts.length === 0) return undefined;
  return parts.reduce(
    (sum, [, count = '', unit = '']) =>
      sum + (NUMBERS[count.toLowerCase()] ?? Number(count)) * (UNITS[unit.toLowerCase()] ?? 0),
    0,
  );
}

const RANGES: [number, number][] = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];

/** Five fields, or six with seconds before them. Stepped second by second: a test's cron is never far off. */
function nextCron(line: string, from: Date): Date {
  const given = line.trim().split(/\s+/);
  if (given.length !== 5 && given.length !== 6)
    throw new Error(`failed to calculate nextRunAt due to invalid repeat interval: ${line}`);
  const fields = (given.length === 5 ? ['0', ...given] : given).map((field, at) =>
    allowed(field, RANGES[at] ?? [0, 0]),
  );
  const at = new Date(Math.floor(from.getTime() / 1000) * 1000);
  for (let steps = 0; steps < 366 * 86_400; steps++) {
    at.setTime(at.getTime() + 1000);
    const now = [
      at.getSeconds(),
      at.getMinutes(),
      at.getHours(),
      at.getDate(),
      at.getMonth() + 1,
      at.getDay(),
    ];
    if (now.every((value, field) => fields[field]?.has(value) === true)) return at;
  }
  throw new Error(`failed to calculate nextRunAt due to invalid repeat interval: ${line}`);
}

function allowed(field: string, [least, most]: [number, number]): Set<number> {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '*', step = '1'] = part.split('/');
    const [first = least, last = range === '*' ? most : first] =
      range === '*' ? [least, most] : range.split('-').map(Number);
    for (let value = first; value <= last; value += Number(step)) values.add(value);
  }
  return values;
}
