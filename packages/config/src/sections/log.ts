import { z } from 'zod';

export const logSection = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('least that is logged'),
    format: z.enum(['auto', 'text', 'json']).default('auto').describe('auto: text on a terminal, else JSON'),
  })
  .prefault({});
