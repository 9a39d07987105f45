import { z } from 'zod';

/** A port to listen on; 0 lets the system choose. */
export const port = z.int().min(0).max(65_535);
/** A number of things, at least one. */
export const count = z.int().min(1);
/** Zero or more. */
export const amount = z.int().min(0);

/** A token bucket: `burst` at once, refilled at `per_second`. */
export function rate(fallback: { perSecond: number; burst: number }) {
  return z
    .strictObject({
      per_second: z.number().positive().default(fallback.perSecond).describe('refill, per second'),
      burst: count.default(fallback.burst).describe('at once'),
    })
    .prefault({});
}
