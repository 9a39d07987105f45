const TWO_8 = 0x100;
const TWO_16 = 0x1_0000;
const TWO_24 = 0x100_0000;
const TWO_32 = 0x1_0000_0000;

/**
 * Bytes that a packet number is cut to, 1–4, so that twice as many numbers can be told apart as are not acknowledged
 * (RFC 9000 §17.1, appendix A.2).
 * @param largestAcked −1 before anything was acknowledged
 * @returns 5 when four bytes are too few: 2^31 packets are not acknowledged, and no more can be sent
 */
export function packetNumberBytes(number: number, largestAcked: number): number {
  const needed = 2 * (number - largestAcked);
  return needed <= TWO_8 ? 1 : needed <= TWO_16 ? 2 : needed <= TWO_24 ? 3 : needed <= TWO_32 ? 4 : 5;
}

/**
 * The number that was cut: the one nearest to the next that is due (RFC 9000 appendix A.3).
 * @param largest the largest number that came and was authentic, −1 before the first
 * @param truncated its lowest `bytes` bytes, unsigned
 */
export function recoverPacketNumber(largest: number, truncated: number, bytes: number): number {
  const expected = largest + 1;
  const window = 2 ** (8 * bytes);
  const half = window / 2;
  const candidate = expected - (expected % window) + truncated;
  if (candidate <= expected - half && candidate <= Number.MAX_SAFE_INTEGER - window) return candidate + window;
  if (candidate > expected + half && candidate >= window) return candidate - window;
  return candidate;
}
