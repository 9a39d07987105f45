/*
 * What is said: text that carries its number within the room and when it was said, `index µs filling`, so that each delivery
 * can be told from every other and is dated.
 */
const PATTERN = /^(\d+) (\d+) /;
const FILLING = 'the quick brown fox jumps over the lazy dog ';

/** @param bytes size of the message; never below what index and time need */
export function composeMessage(index: number, timeUs: number, bytes: number): string {
  return `${index} ${Math.floor(timeUs)} `.padEnd(bytes, FILLING);
}

/** Undefined: nothing that a sender of this benchmark said. */
export function parseMessage(text: string): { readonly index: number; readonly timeUs: number } | undefined {
  const match = PATTERN.exec(text);
  return match === null ? undefined : { index: Number(match[1]), timeUs: Number(match[2]) };
}
