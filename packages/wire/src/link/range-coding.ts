import type { RangeSet } from './ranges.ts';

/**
 * Ranges as ACK and CURSOR say them, as numbers; docs/wires/link.md "Frames" has the bytes. Arrays are filled, not made, so
 * that a session can use the same ones for every frame.
 */

/**
 * ACK's numbers without its delay (RFC 9000 §19.3.1): `largest, first, gap, length, gap, length …` from the top down.
 * `first` and `length` count the numbers below a range's highest one; a gap counts the missing ones, less one.
 * Of more than `rangesMax` ranges the lowest are left out.
 * @param out emptied first; stays empty when the set is empty: there is nothing to acknowledge
 */
export function encodeAckRanges(set: RangeSet, rangesMax: number, out: number[]): void {
  out.length = 0;
  const count = Math.min(set.count, rangesMax);
  if (count === 0) return;
  out.push(set.lastOf(0), set.lastOf(0) - set.firstOf(0));
  for (let index = 1; index < count; index += 1) {
    out.push(set.firstOf(index - 1) - set.lastOf(index) - 2, set.lastOf(index) - set.firstOf(index));
  }
}

/**
 * What an ACK acknowledges.
 * @param pairs `gap, length` in turn, as many as the frame has
 * @param out emptied first; then `first, last` of each range, highest range first
 * @returns false when a range would begin below 0: the peer breaks the protocol, and `out` is empty
 */
export function decodeAckRanges(largest: number, first: number, pairs: readonly number[], out: number[]): boolean {
  out.length = 0;
  let low = largest - first;
  if (low < 0 || pairs.length % 2 !== 0) return false;
  out.push(low, largest);
  for (let index = 0; index < pairs.length; index += 2) {
    const high = low - pairs[index]! - 2;
    low = high - pairs[index + 1]!;
    if (low < 0) {
      out.length = 0;
      return false;
    }
    out.push(low, high);
  }
  return true;
}

/**
 * CURSOR's pairs `gap, count`, ascending from `next`, the lowest number that is missing: so many are missing, then so many
 * are held; both are at least 1. Of more than `rangesMax` ranges the lowest are left out, their numbers count as missing.
 * @param set what is held; numbers below `next` play no part
 */
export function encodeCursorRanges(set: RangeSet, next: number, rangesMax: number, out: number[]): void {
  out.length = 0;
  let count = 0;
  while (count < set.count && count < rangesMax && set.firstOf(count) > next) count += 1;
  let from = next;
  for (let index = count - 1; index >= 0; index -= 1) {
    out.push(set.firstOf(index) - from, set.lastOf(index) - set.firstOf(index) + 1);
    from = set.lastOf(index) + 1;
  }
}

/**
 * What a CURSOR says is held beyond its first gap.
 * @param out emptied first; then `first, last` of each range, lowest range first
 * @returns false when a pair is not above 0 or a number passes 2^53 − 1: the peer breaks the protocol, and `out` is empty
 */
export function decodeCursorRanges(next: number, pairs: readonly number[], out: number[]): boolean {
  out.length = 0;
  if (pairs.length % 2 !== 0) return false;
  let from = next;
  for (let index = 0; index < pairs.length; index += 2) {
    const first = from + pairs[index]!;
    const last = first + pairs[index + 1]! - 1;
    if (first === from || last < first || last >= Number.MAX_SAFE_INTEGER) {
      out.length = 0;
      return false;
    }
    out.push(first, last);
    from = last + 1;
  }
  return true;
}
