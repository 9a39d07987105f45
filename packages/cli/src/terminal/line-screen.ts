import { createInterface, type Interface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { type InputStream, type Io, type OutputStream, write } from '../io.ts';
import { type LineLayout, layoutLine } from './line-layout.ts';
import { LineQueue } from './line-queue.ts';
import { sanitizeLines } from './sanitize.ts';
import type { PromptOptions, Screen } from './screen.ts';
import { toCells } from './width.ts';

const COLUMNS_FALLBACK = 80;
const ROWS_FALLBACK = 24;
/** Rows of the terminal that a long line being typed leaves to the conversation. */
const ROWS_KEPT = 2;
/** How long after its size changed a terminal says so, at most. ms */
const RESIZE_NEWS_MS = 50;

/**
 * A terminal on which text arrives above the line being typed and never tears it.
 *
 * readline does the editing (keys, history, UTF-8) and writes into the void; what is seen is drawn here. The line being
 * typed is a block of rows at the bottom, broken by ourselves. To print: take the block away, write the text, draw the
 * block again, in one write. A block is kept lower than the terminal, since rows that have scrolled off cannot be taken
 * away. A finished line is written as ordinary text, for the terminal to wrap, to scroll and to copy.
 */
export class LineScreen implements Screen {
  readonly isInteractive = true;
  readonly #input: InputStream;
  readonly #output: OutputStream;
  readonly #status: OutputStream;
  readonly #readline: Interface;
  readonly #lines = new LineQueue();
  readonly #interruptHandlers = new Set<() => void>();
  readonly #lineHandlers = new Set<(line: string) => void>();
  #prompt = '';
  #promptOptions: PromptOptions = {};
  /** What stands on the screen now. */
  #drawn: LineLayout | undefined;
  #printedMs = Number.NEGATIVE_INFINITY;
  #isDrawDue = false;
  #isClosed = false;

  constructor(io: Pick<Io, 'stdin' | 'stdout' | 'stderr'>) {
    this.#input = io.stdin;
    this.#output = io.stdout;
    this.#status = io.stderr;
    this.#readline = createInterface({
      input: io.stdin,
      // Drains itself: what readline would draw is not wanted.
      output: new PassThrough().resume(),
      terminal: true,
      prompt: '',
      removeHistoryDuplicates: true,
    });
    this.#readline.on('line', (line) => this.#finishLine(line));
    this.#readline.on('history', (history) => {
      if (this.#promptOptions.isAnswer === true) history.shift();
    });
    this.#readline.on('SIGINT', () => {
      for (const handler of [...this.#interruptHandlers]) handler();
    });
    this.#readline.on('SIGCONT', () => {
      this.#drawn = undefined;
      this.#draw();
    });
    this.#readline.on('close', () => this.#finish());
    io.stdin.on('keypress', this.#onKey);
    io.stdout.on('resize', this.#onResize);
  }

  nextLine(): Promise<string | undefined> {
    const [typedAhead] = this.#lines.untaken;
    if (typedAhead !== undefined) this.#writeFinished([typedAhead]);
    return this.#lines.next();
  }

  setPrompt(prompt: string, options: PromptOptions = {}): void {
    this.#prompt = sanitizeLines(prompt).join(' ');
    this.#promptOptions = options;
    this.#draw();
  }

  print(text: string): Promise<boolean> {
    this.#printedMs = performance.now();
    return write(this.#output, `${this.#erasure()}${text.replaceAll('\n', '\r\n')}\r\n${this.#drawing()}`);
  }

  async printStatus(text: string): Promise<void> {
    if (this.#status.isTTY === true) await this.print(text);
    else await write(this.#status, `${text}\n`);
  }

  restoreLine(text: string): boolean {
    if (this.#isClosed || this.#readline.line !== '') return false;
    this.#readline.write(text);
    this.#draw();
    return true;
  }

  onLineChange(handler: (line: string) => void): () => void {
    this.#lineHandlers.add(handler);
    return () => this.#lineHandlers.delete(handler);
  }

  onInterrupt(handler: () => void): () => void {
    this.#interruptHandlers.add(handler);
    return () => this.#interruptHandlers.delete(handler);
  }

  close(): void {
    this.#finish(this.#lines.untaken);
    this.#lines.discard();
    this.#readline.close();
  }

  /** The end of input: nothing is edited any more, and what was typed can still be taken. */
  #finish(untaken: readonly string[] = []): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What was begun, or finished and not taken, stays to be seen and copied.
    this.#writeFinished([...untaken, this.#readline.line].filter((line) => line !== ''));
    this.#output.off('resize', this.#onResize);
    this.#input.off('keypress', this.#onKey);
    this.#lines.end();
  }

  readonly #onKey = (_text: string | undefined, key: { ctrl?: boolean; name?: string } | undefined): void => {
    if (key?.ctrl === true && key.name === 'l') {
      this.#drawn = undefined;
      this.#output.write('\x1b[H\x1b[J');
    }
    // A pasted text is many keys of one turn: draw once.
    if (this.#isDrawDue) return;
    this.#isDrawDue = true;
    setImmediate(() => {
      this.#isDrawDue = false;
      this.#draw();
      for (const handler of [...this.#lineHandlers]) handler(this.#readline.line);
    });
  };

  /**
   * The terminal has broken our rows anew, most of them do: the cursor is as far down as they now reach. But when something
   * was printed just before we heard of it, our rows may have been written to the new size: then count them as they were,
   * and rather leave a piece of the block behind than take a message away.
   */
  readonly #onResize = (): void => {
    if (this.#drawn !== undefined && performance.now() - this.#printedMs > RESIZE_NEWS_MS) {
      const { widths, cursorRow, cursorColumn } = this.#drawn;
      const columns = this.#columns;
      const rowsOf = (width: number): number => Math.max(1, Math.ceil(width / columns));
      const rowsAbove = widths.slice(0, cursorRow).reduce((sum, width) => sum + rowsOf(width), 0);
      this.#drawn = { ...this.#drawn, cursorRow: rowsAbove + Math.floor(cursorColumn / columns) };
    }
    this.#draw();
  };

  get #columns(): number {
    return Math.max(2, this.#output.columns || COLUMNS_FALLBACK);
  }

  /** A line typed ahead is written when it is taken, behind the prompt that it answers. */
  #finishLine(line: string): void {
    if (this.#lines.isAwaited) this.#writeFinished([line]);
    else this.#draw();
    this.#lines.push(line);
  }

  #writeFinished(lines: readonly string[]): void {
    const text = lines.map((line) => `${this.#finished(line)}\r\n`).join('');
    this.#output.write(this.#erasure() + text + this.#drawing());
  }

  #finished(line: string): string {
    return this.#prompt + (this.#promptOptions.isSecret === true ? '' : sanitizeLines(line).join(' '));
  }

  #draw(): void {
    if (!this.#isClosed) this.#output.write(this.#erasure() + this.#drawing());
  }

  /** Takes the block away and leaves the cursor where it began. */
  #erasure(): string {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    if (drawn === undefined) return '';
    return `\r${drawn.cursorRow > 0 ? `\x1b[${drawn.cursorRow}A` : ''}\x1b[J`;
  }

  /** Writes the block, begun at the left edge, with the cursor where it is in the line. */
  #drawing(): string {
    if (this.#isClosed) return '';
    const { line, cursor } = this.#readline;
    const isSecret = this.#promptOptions.isSecret === true;
    const layout = layoutLine({
      prompt: this.#prompt,
      line: isSecret ? '•'.repeat(toCells(line).length) : line,
      cursor: isSecret ? toCells(line.slice(0, cursor)).length : cursor,
      columns: this.#columns,
      rowsMax: Math.max(1, (this.#output.rows || ROWS_FALLBACK) - ROWS_KEPT),
    });
    this.#drawn = layout;
    const rowsUp = layout.rows.length - 1 - layout.cursorRow;
    return [
      '\x1b[?7l',
      layout.rows.join('\r\n'),
      '\x1b[?7h',
      rowsUp > 0 ? `\x1b[${rowsUp}A` : '',
      `\x1b[${layout.cursorColumn + 1}G`,
    ].join('');
  }
}
