/**
 * The little of a terminal that line editing uses, so that tests can look at what a person would see instead of at bytes:
 * text with wrapping, carriage return, line feed, cursor up, cursor to a column, erase to the end of the screen, and
 * automatic wrapping off and on. Anything else is an error.
 */
export class FakeTerminal {
  readonly columns: number;
  readonly rows: number;
  /** What has scrolled off the top. */
  readonly scrollback: string[] = [];
  readonly #cells: (string | undefined)[][];
  readonly #widthOf: (character: string) => number;
  #row = 0;
  #column = 0;
  #wraps = true;
  /** The last cell of a row was written: the next character begins the next row. */
  #isWrapPending = false;

  constructor(columns: number, rows: number, widthOf: (character: string) => number) {
    this.columns = columns;
    this.rows = rows;
    this.#widthOf = widthOf;
    this.#cells = Array.from({ length: rows }, () => []);
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  /** Rows of the screen as text, without blanks at their ends. */
  screen(): string[] {
    return this.#cells.map(rowText);
  }

  /** All rows there ever were, up to the last that is not empty. */
  transcript(): string[] {
    const rows = [...this.scrollback, ...this.screen()];
    while (rows.at(-1) === '') rows.pop();
    return rows;
  }

  write(text: string): void {
    const tokens = text.match(/\x1b\[[?\d;]*[A-Za-z]|\x1b|[^\x1b]/gu) ?? [];
    for (const token of tokens) {
      if (token.startsWith('\x1b')) this.#control(token);
      else this.#character(token);
    }
  }

  #control(token: string): void {
    const match = /^\x1b\[(\??)(\d*)([A-Za-z])$/.exec(token);
    if (match === null) throw new Error(`Unknown sequence ${JSON.stringify(token)}`);
    const [, question, digits, final] = match;
    const count = Number(digits || '1');
    this.#isWrapPending = false;
    if (question === '?' && digits === '7') this.#wraps = final === 'h';
    else if (final === 'A') this.#row = Math.max(0, this.#row - count);
    else if (final === 'G') this.#column = Math.min(count, this.columns) - 1;
    else if (final === 'J') {
      this.#cells[this.#row]!.length = Math.min(this.#cells[this.#row]!.length, this.#column);
      for (let row = this.#row + 1; row < this.rows; row += 1) this.#cells[row] = [];
    } else throw new Error(`Unknown sequence ${JSON.stringify(token)}`);
  }

  #character(character: string): void {
    if (character === '\r') {
      this.#column = 0;
      this.#isWrapPending = false;
    } else if (character === '\n') {
      this.#isWrapPending = false;
      this.#lineFeed();
    } else {
      this.#print(character);
    }
  }

  #print(character: string): void {
    const width = this.#widthOf(character);
    if (width === 0) return;
    if (this.#isWrapPending || this.#column + width > this.columns) {
      if (this.#wraps) {
        this.#column = 0;
        this.#lineFeed();
      } else {
        this.#column = this.columns - width;
      }
      this.#isWrapPending = false;
    }
    const row = this.#cells[this.#row]!;
    while (row.length < this.#column) row.push(' ');
    row[this.#column] = character;
    if (width === 2) row[this.#column + 1] = undefined;
    this.#column += width;
    if (this.#column >= this.columns) {
      this.#column = this.columns - 1;
      this.#isWrapPending = true;
    }
  }

  #lineFeed(): void {
    if (this.#row < this.rows - 1) {
      this.#row += 1;
      return;
    }
    this.scrollback.push(rowText(this.#cells.shift()!));
    this.#cells.push([]);
  }
}

function rowText(cells: readonly (string | undefined)[]): string {
  return cells
    .map((cell) => cell ?? '')
    .join('')
    .trimEnd();
}
