/** Tables for people. */

/** A name, then a figure or a word for each column; `NaN` where there is nothing to tell. */
export type Row = readonly [string, ...(number | string)[]];

/** What is compared, the figure, and the bound it has to keep. */
export type Target = readonly [string, number, 'at most' | 'at least', number];

/** Prints rows under a title, figures with so many digits after the point. */
export function print(title: string, columns: readonly string[], rows: readonly Row[], digits: number): void {
  const format = new Intl.NumberFormat('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  const shown = (cell: number | string): string =>
    typeof cell === 'string' ? cell : Number.isNaN(cell) ? '-' : format.format(cell);
  const cells = rows.map((row) => row.map(shown));
  const head = [title.toUpperCase(), ...columns];
  const widths = head.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ');
  console.log(`\n${line(head)}`);
  for (const row of cells) console.log(line(row));
}
