import { flush, systemIo } from './io.ts';
import { run } from './program.ts';

/** The command `confab`, as a process: runs, waits until the output is taken, and ends. */
export async function main(): Promise<void> {
  const io = systemIo();
  const code = await run(process.argv.slice(2), io);
  await Promise.all([flush(io.stdout), flush(io.stderr)]);
  process.exit(code);
}
