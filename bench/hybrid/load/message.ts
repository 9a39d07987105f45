/*
 * What a generator says: text that carries a number and the time it was sent, so that each delivery can be told from
 * every other, and is dated.
 *
 *     0   1   `#`: counted; `?`: a trial, to see who is reached
 *     1   9   number, hexadecimal
 *     10  14  time sent, µs of the machine's monotonic clock, hexadecimal
 *     24  40  filling
 */
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const VALUES = new Uint8Array(256);
for (const [value, digit] of HEX.entries()) VALUES[digit] = value;

const COUNTED = '#'.charCodeAt(0);
const TRIAL = '?'.charCodeAt(0);
const NUMBER_AT = 1;
const NUMBER_DIGITS = 9;
const TIME_AT = NUMBER_AT + NUMBER_DIGITS;
const TIME_DIGITS = 14;

/** Size of a message, bytes. */
export const MESSAGE_BYTES = 64;

const FILLING = 'the quick brown fox jumps over the lazy dog'.slice(0, MESSAGE_BYTES - TIME_AT - TIME_DIGITS);

/** A message without number and time. */
export function blankMessage(): Uint8Array {
  return Uint8Array.from('#'.padEnd(TIME_AT + TIME_DIGITS, '0') + FILLING, (character) => character.charCodeAt(0));
}

/** Write number and time into the message that begins at `at`. */
export function stamp(bytes: Uint8Array, at: number, isTrial: boolean, number: number, timeUs: number): void {
  bytes[at] = isTrial ? TRIAL : COUNTED;
  writeHex(bytes, at + NUMBER_AT, NUMBER_DIGITS, number);
  writeHex(bytes, at + TIME_AT, TIME_DIGITS, Math.floor(timeUs));
}

/** What kind of message begins at `at`; undefined: none that a generator sent. */
export function kindAt(bytes: Uint8Array, at: number): 'counted' | 'trial' | undefined {
  if (bytes.length !== at + MESSAGE_BYTES) return undefined;
  if (bytes[at] === COUNTED) return 'counted';
  return bytes[at] === TRIAL ? 'trial' : undefined;
}

export function numberAt(bytes: Uint8Array, at: number): number {
  return readHex(bytes, at + NUMBER_AT, NUMBER_DIGITS);
}

export function timeAt(bytes: Uint8Array, at: number): number {
  return readHex(bytes, at + TIME_AT, TIME_DIGITS);
}

function writeHex(bytes: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index -= 1) {
    const next = Math.floor(rest / 16);
    bytes[index] = HEX[rest - next * 16]!;
    rest = next;
  }
}

function readHex(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index += 1) value = value * 16 + VALUES[bytes[index]!]!;
  return value;
}
