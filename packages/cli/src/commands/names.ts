import { freeName, type LogReader, loadConfig, openLogReader } from '@confab/server';
import { ExitCode } from '../exit-codes.ts';
import { codeOf, reasonOf } from '../failure.ts';
import { type Io, write } from '../io.ts';
import { clock } from '../terminal/clock.ts';
import { sanitizeLine, sanitizeName } from '../terminal/sanitize.ts';
import { renderTable } from '../terminal/table.ts';
import { toJsonLine } from './log-lines.ts';

export interface NamesOptions {
  readonly config?: string;
  readonly data?: string;
  readonly json?: boolean;
  readonly key?: string;
}

/** `confab names`: which user names belong to which device keys, read without a server or beside one. */
export async function runNames(io: Io, options: NamesOptions): Promise<ExitCode> {
  let reader: LogReader | undefined;
  try {
    reader = openLogReader(dataFolder(io, options));
    const names = reader.names();
    if (options.json === true) {
      for (const { user, deviceKey, takenMs, usedMs, address, addedBy } of names) {
        if (!(await write(io.stdout, toJsonLine({ user, deviceKey, takenMs, usedMs, address, addedBy })))) break;
      }
    } else if (names.length === 0) {
      await write(io.stdout, 'No user name belongs to a device key yet.\n');
    } else {
      const rows = names.map(({ user, deviceKey, takenMs, usedMs, address }) => [
        sanitizeName(user),
        sanitizeLine(deviceKey),
        clock(takenMs),
        clock(usedMs),
        sanitizeLine(address),
      ]);
      await write(io.stdout, `${renderTable([['NAME', 'DEVICE KEY', 'TAKEN', 'LAST USED', 'FROM'], ...rows])}\n`);
    }
    return ExitCode.OK;
  } catch (error) {
    return failed(io, error);
  } finally {
    reader?.close();
  }
}

/** `confab names free NAME`: nobody's again, or taken from one of its keys. */
export async function runFreeName(io: Io, name: string, options: NamesOptions): Promise<ExitCode> {
  try {
    const count = freeName(dataFolder(io, options), name, options.key);
    if (count === 0) {
      const what = options.key === undefined ? 'belongs to no device key' : 'does not belong to that device key';
      await write(io.stderr, `confab: The name "${sanitizeName(name)}" ${what}\n`);
      return ExitCode.FAILED;
    }
    const whose = options.key === undefined ? 'is nobody’s now' : 'does not belong to that device key any more';
    await write(io.stdout, `The name "${sanitizeName(name)}" ${whose}.\n`);
    return ExitCode.OK;
  } catch (error) {
    return failed(io, error);
  }
}

function dataFolder(io: Io, { config, data }: NamesOptions): string {
  const flags = data === undefined ? [] : [{ flag: '--data', path: 'data', value: data }];
  return loadConfig({ file: config, environment: io.env, flags }).config.data;
}

async function failed(io: Io, error: unknown): Promise<ExitCode> {
  await write(io.stderr, `confab: ${reasonOf(error)}\n`);
  return codeOf(error) === 'CONFIG_INVALID' ? ExitCode.USAGE : ExitCode.FAILED;
}
