import { z } from 'zod';

/** What all wires share. */
export const netSection = z
  .strictObject({
    batch_datagrams: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe('auto: send many datagrams with one system call, on Linux with Node 26.1 or later; off: one by one'),
    direct_writes: z
      .enum(['auto', 'single', 'off'])
      .default('auto')
      .describe(
        'auto: write to streams with system calls of our own, on Linux with Node 26.1 or later, many streams with one call where the kernel has io_uring; single: each by its own; off: by node:net',
      ),
    short_turns: z
      .boolean()
      .default(true)
      .describe(
        'the thread that serves the network is let in before those of the store and of the search, on Linux 6.12 or later with Node 26.1 or later',
      ),
  })
  .prefault({});
