import { z } from 'zod';

export const storeSection = z
  .strictObject({
    kind: z.enum(['sqlite', 'memory']).default('sqlite').describe('memory: nothing survives the process'),
    synchronous: z
      .enum(['normal', 'full'])
      .default('normal')
      .describe('full: survives a power failure at once; normal: survives the death of the process'),
    journal: z
      .boolean()
      .default(true)
      .describe(
        'with normal: what people say is committed to a journal, which the database follows; false: to the database',
      ),
  })
  .prefault({});
