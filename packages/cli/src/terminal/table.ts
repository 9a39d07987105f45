import { padTo, textWidth } from './width.ts';

/** Rows as columns of equal width, two blanks apart. The first row is the heading. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, textWidth(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => padTo(cell, widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
