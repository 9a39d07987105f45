/** Steps within each power of two: a value is known to 1 part in 64, which is better than 1.6 %. */
const STEP_BITS = 6;
const STEPS = 1 << STEP_BITS;
/** Values are whole and below 2^31. */
const VALUE_MAX = 0x7fff_ffff;
const BUCKETS = (31 - STEP_BITS + 1) * STEPS;

/** A histogram as it travels between processes: the buckets that are not empty, and the largest value. */
export interface HistogramData {
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
  readonly max: number;
}

/**
 * Counts values in buckets that grow with the value, so that a record costs the same however many there are and no
 * value is forgotten. Up to 127 exact, above that to 1.6 %; the largest is exact.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** The largest value; 0 when there is none. */
  get max(): number {
    return this.#max;
  }

  record(value: number): void {
    const whole = value <= 0 ? 0 : value >= VALUE_MAX ? VALUE_MAX : Math.floor(value);
    const bucket = bucketOf(whole);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#count += 1;
    if (whole > this.#max) this.#max = whole;
  }

  /** The smallest value that at least this share of all values does not exceed, rounded up to its bucket's end. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(bucketEnd(bucket), this.#max);
    }
    return this.#max;
  }

  add(data: HistogramData): void {
    for (const [bucket, count] of data.buckets) {
      this.#counts[bucket] = this.#counts[bucket]! + count;
      this.#count += count;
    }
    this.#max = Math.max(this.#max, data.max);
  }

  toData(): HistogramData {
    const buckets: [number, number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = this.#counts[bucket]!;
      if (count > 0) buckets.push([bucket, count]);
    }
    return { buckets, max: this.#max };
  }
}

function bucketOf(value: number): number {
  if (value < 2 * STEPS) return value;
  const shift = 31 - Math.clz32(value) - STEP_BITS;
  return shift * STEPS + (value >>> shift);
}

/** The largest value that falls into a bucket. */
function bucketEnd(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (bucket - shift * STEPS + 1) * 2 ** shift - 1;
}

/** The middle of some numbers; of an even count, the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
