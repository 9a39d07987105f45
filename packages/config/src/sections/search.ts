import { z } from 'zod';
import { count } from '../fields.ts';

/** Finding what was said. */
export const searchSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('let members search their rooms; false: no index is kept'),
    page_ms: count.default(10).describe('time after which a search is answered with what was found so far'),
  })
  .prefault({});
