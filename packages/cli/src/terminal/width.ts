import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';

/**
 * How many cells text takes on a terminal. Node measures it with ICU's East Asian widths, but shows that only through
 * `Interface.getCursorPos`; this is an interface without a terminal, kept for measuring.
 */
const ruler = createInterface({ input: new PassThrough(), output: new PassThrough(), terminal: true });
ruler.pause();

const clusters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const known = new Map<string, Cell>();
/** Clusters whose measure is remembered. */
const KNOWN_MAX = 10_000;

/** What a reader takes for one character (UAX #29), as a terminal shows it. */
export interface Cell {
  readonly text: string;
  /** Cells: 0, 1 or 2, or more for a cluster of several spacing characters. */
  readonly width: number;
  /** Terminals disagree about its width: emoji made of several code points. */
  readonly isDoubtful: boolean;
}

/** Split text without control characters into what takes place on the screen. */
export function toCells(text: string): Cell[] {
  const cells: Cell[] = [];
  for (const { segment } of clusters.segment(text)) cells.push(cellOf(segment));
  return cells;
}

export function textWidth(text: string): number {
  return toCells(text).reduce((sum, cell) => sum + cell.width, 0);
}

/** Text with blanks up to a width. */
export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

function cellOf(cluster: string): Cell {
  const remembered = known.get(cluster);
  if (remembered !== undefined) return remembered;
  // Joined by U+200D, turned into emoji by U+FE0F, with a skin tone, or a flag of two letters: one glyph of two cells.
  const isDoubtful = cluster.length > 1 && /[\u200d\ufe0f\p{Emoji_Modifier}]|\p{RI}\p{RI}/u.test(cluster);
  const cell = { text: cluster, width: isDoubtful ? 2 : measure(cluster), isDoubtful };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(cluster, cell);
  return cell;
}

function measure(text: string): number {
  ruler.setPrompt(text);
  return ruler.getCursorPos().cols;
}
