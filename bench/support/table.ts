/** Lines of text as aligned columns: the first column to the left, all others to the right, two blanks between. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const format = (line: readonly string[]): string =>
    widths
      .map((width, column) =>
        column === 0 ? (line[column] ?? '').padEnd(width) : (line[column] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd();
  return [format(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(format)].join('\n');
}

/** `1234567` as `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Microseconds as milliseconds, with as many digits as are worth reading. */
export function formatMs(us: number): string {
  const ms = us / 1000;
  return ms.toFixed(ms < 10 ? 2 : 1);
}

export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

export function formatMiB(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}
