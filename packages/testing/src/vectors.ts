import { readFileSync } from 'node:fs';

/** A run of equal bytes in a vector's hex, for what is too long to write out. */
interface HexRun {
  /** The byte, two hex digits. */
  readonly repeat: string;
  readonly times: number;
}

/** Bytes in a vector: hex digits with blanks between, in parts that follow the fields of the unit. */
export type VectorHex = readonly (string | HexRun)[];

/** Text in a vector; the object form is `head`, then `repeat` so many `times`, then `tail`. */
export type VectorText =
  | string
  | { readonly head?: string; readonly repeat: string; readonly times: number; readonly tail?: string };

/** The golden vectors in a JSON file: an array of objects whose shape the caller knows. */
export function loadVectors<Vector>(file: URL): Vector[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Vector[];
}

/** The bytes of a vector. */
export function vectorBytes(hex: VectorHex): Uint8Array {
  return Uint8Array.from(
    hex.flatMap((part) => {
      if (typeof part === 'string') return hexBytes(part);
      return new Array<number>(part.times).fill(Number.parseInt(part.repeat, 16));
    }),
  );
}

/** The text of a vector. */
export function vectorText(text: VectorText): string {
  if (typeof text === 'string') return text;
  return `${text.head ?? ''}${text.repeat.repeat(text.times)}${text.tail ?? ''}`;
}

/** Two hex digits a byte, with any white space between. */
export function hexBytes(hex: string): number[] {
  const digits = hex.replace(/\s+/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) throw new Error(`Not hex bytes: "${hex}"`);
  return (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}
