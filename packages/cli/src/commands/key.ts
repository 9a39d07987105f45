import type { DeviceKey } from '@confab/client';
import { ExitCode } from '../exit-codes.ts';
import { type Io, write } from '../io.ts';

/** `confab key`: the key by which servers know this device, for giving it a name from another one. */
export async function runKey(io: Io, loadKey: () => DeviceKey): Promise<ExitCode> {
  await write(io.stdout, `${loadKey().text}\n`);
  return ExitCode.OK;
}
