/*
 * Counts values in buckets that grow with the value: up to 127 exact, above that to 1 part in 64; the largest is exact. The
 * same buckets as bench/support/histogram.ts.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#define STEP_BITS 6
#define STEPS (1 << STEP_BITS)
#define BUCKETS ((31 - STEP_BITS + 1) * STEPS)

struct histogram {
  uint64_t counts[BUCKETS];
  uint64_t count, max;
};

static inline void clear(struct histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

static inline int bucket_of(uint64_t value) {
  if (value < STEPS) return (int)value;
  int shift = 63 - __builtin_clzll(value) - STEP_BITS;
  return (shift + 1) * STEPS + (int)(value >> shift) - STEPS;
}

static inline void record(struct histogram *histogram, uint64_t value) {
  uint64_t bounded = value > 0x7fffffff ? 0x7fffffff : value;
  histogram->counts[bucket_of(bounded)] += 1;
  histogram->count += 1;
  if (value > histogram->max) histogram->max = value;
}

/** The end of the bucket that holds the value which this share of all values does not exceed. */
static inline uint64_t quantile(const struct histogram *histogram, double share) {
  uint64_t rank = (uint64_t)(share * (double)histogram->count + 0.999999);
  uint64_t seen = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket += 1) {
    seen += histogram->counts[bucket];
    if (seen < rank || seen == 0) continue;
    if (bucket < STEPS) return (uint64_t)bucket;
    int shift = bucket / STEPS - 1;
    uint64_t end = (((uint64_t)(bucket % STEPS) + STEPS + 1) << shift) - 1;
    return end < histogram->max ? end : histogram->max;
  }
  return 0;
}

#endif
