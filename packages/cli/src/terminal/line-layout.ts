import { toCells } from './width.ts';

/** Typed or pasted characters that would act on the screen; they show as a blank. */
const acting = /^[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

export interface LineLayoutInput {
  readonly prompt: string;
  /** The line being typed. */
  readonly line: string;
  /** Index into `line`, UTF-16 units. */
  readonly cursor: number;
  /** Width of the terminal, cells. */
  readonly columns: number;
  /** Most rows to show; of a longer line, those around the cursor. */
  readonly rowsMax: number;
}

/** The typed line as rows of the screen. */
export interface LineLayout {
  /** What to write for each row; with the terminal's own wrapping turned off. */
  readonly rows: readonly string[];
  /** Cells that each row takes. */
  readonly widths: readonly number[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

/**
 * Break prompt and line into rows, never inside a character: a wide one that does not fit goes to the next row. After a
 * character whose width terminals disagree about, the row says at which column it goes on, so that they agree again.
 */
export function layoutLine({ prompt, line, cursor, columns, rowsMax }: LineLayoutInput): LineLayout {
  const rows: string[] = [''];
  const widths: number[] = [0];
  let cursorRow: number | undefined;
  let cursorColumn = 0;
  let index = -prompt.length;

  const breakRow = (): void => {
    rows.push('');
    widths.push(0);
  };
  for (const { text, width, isDoubtful } of [...toCells(prompt), ...toCells(line)]) {
    const isActing = acting.test(text);
    const end = widths.at(-1)! + (isActing ? 1 : width);
    if (end > columns && widths.at(-1)! > 0) breakRow();
    if (cursorRow === undefined && index + text.length > cursor) {
      cursorRow = rows.length - 1;
      cursorColumn = widths.at(-1)!;
    }
    index += text.length;
    rows[rows.length - 1] += isActing ? ' ' : text;
    widths[widths.length - 1]! += isActing ? 1 : width;
    const column = widths.at(-1)!;
    if (isDoubtful && column < columns) rows[rows.length - 1] += `\x1b[${column + 1}G`;
  }
  if (cursorRow === undefined) {
    if (widths.at(-1)! >= columns) breakRow();
    cursorRow = rows.length - 1;
    cursorColumn = widths.at(-1)!;
  }

  const first = Math.max(0, Math.min(cursorRow - Math.floor(rowsMax / 2), rows.length - rowsMax));
  return {
    rows: rows.slice(first, first + rowsMax),
    widths: widths.slice(first, first + rowsMax),
    cursorRow: cursorRow - first,
    cursorColumn: Math.min(cursorColumn, columns - 1),
  };
}
