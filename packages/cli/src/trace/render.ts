import type { Field } from '@confab/wire';
import { excerpt, sanitizeLine } from '../terminal/sanitize.ts';
import { padTo } from '../terminal/width.ts';
import type { Unit } from './units.ts';

export interface RenderOptions {
  readonly hasColor: boolean;
  /** Show all bytes of every field, not only the first. */
  readonly isHexWhole: boolean;
}

/** Bytes on one line. */
const ROW_BYTES = 8;
const VALUE_CHARACTERS_MAX = 120;
const HEX_CELLS = ROW_BYTES * 3 - 1;
/** Behind the first bytes of a longer field. */
const MORE = '…';

const SGR = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

/**
 * A unit as lines for people: when, which wire and way, whose, how long; then a line for each field, with its offset and length
 * in decimal, its bytes, its name, what it says and what that means. Everything off the network is made fit for a terminal.
 */
export function renderUnit(unit: Unit, options: RenderOptions): string {
  const { time, wire, direction, peer, bytes, fields } = unit;
  const paint = painter(options.hasColor);
  const clock = time.slice(11, 23);
  const way = direction === 'in' ? paint('green', 'in  <-') : paint('yellow', 'out ->');
  const size = bytes.length === 1 ? '1 byte' : `${bytes.length} bytes`;
  const head = `${paint('dim', sanitizeLine(clock))} ${paint('bold', sanitizeLine(wire))} ${way} ${sanitizeLine(peer)}  ${size}`;
  return `${[head, ...fields.flatMap((field) => renderField(field, bytes, paint, options))].join('\n')}\n`;
}

type Paint = (color: keyof typeof SGR, text: string) => string;

function painter(hasColor: boolean): Paint {
  return (color, text) => (hasColor ? `\x1b[${SGR[color]}m${text}\x1b[0m` : text);
}

function renderField(field: Field, bytes: Uint8Array, paint: Paint, { isHexWhole }: RenderOptions): string[] {
  const { offset, length, name, value, note } = field;
  const [first = '', ...others] = hexRows(bytes.subarray(offset, offset + length), isHexWhole);
  const place = `${String(offset).padStart(5)} ${String(length).padStart(5)}`;
  const shown = excerpt(value, VALUE_CHARACTERS_MAX);
  const meaning = [shown, note === '' ? '' : paint(isComplaint(note) ? 'red' : 'dim', sanitizeLine(note))];
  const row = [
    paint('dim', place),
    paint('blue', padTo(first, HEX_CELLS + MORE.length)),
    paint('cyan', padTo(excerpt(name, 20), 16)),
    ...meaning.filter((text) => text !== ''),
  ].join('  ');
  return [row.trimEnd(), ...others.map((hex) => `${' '.repeat(place.length)}  ${paint('blue', hex)}`)];
}

function isComplaint(note: string): boolean {
  return /^(cut short|not UTF-8|unknown|above|no )|not read|refused$/.test(note);
}

function hexRows(bytes: Uint8Array, isWhole: boolean): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length && (isWhole || at === 0); at += ROW_BYTES) {
    rows.push([...bytes.subarray(at, at + ROW_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '));
  }
  if (!isWhole && bytes.length > ROW_BYTES) rows[0] += MORE;
  return rows;
}
