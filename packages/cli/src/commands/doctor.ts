import { type Check, connectors, type diagnose } from '@confab/client';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { sanitizeLine } from '../terminal/sanitize.ts';

const SCHEME = 'confab:';

export interface DoctorOptions {
  readonly user?: string;
  readonly timeout?: number;
  readonly json?: boolean;
}

/** Tests the way to a server: `diagnose` of @confab/client, or a test's own. */
export type Diagnose = typeof diagnose;

const marks: Readonly<Record<Check['status'], string>> = { ok: 'ok', warn: 'WARN', fail: 'FAIL', skip: 'skip' };

/** `confab doctor URL`: what is wrong between here and a server, and what to open. */
export async function runDoctor(io: Io, url: string, options: DoctorOptions, test: Diagnose): Promise<ExitCode> {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== SCHEME) {
    const { example } = connectors.find(({ scheme }) => `${scheme}:` === SCHEME)!;
    throw new UsageError(`Cannot test "${url}": not a URL such as ${example}`);
  }
  const checks: Check[] = [];
  for await (const check of test(parsed, { user: options.user, timeoutMs: options.timeout })) {
    checks.push(check);
    if (options.json !== true) io.stdout.write(rendered(check));
  }
  const result = resultOf(checks);
  if (options.json === true) io.stdout.write(`${JSON.stringify({ url, result, checks })}\n`);
  else io.stdout.write(`\n${verdicts[result]}\n`);
  return exitCodes[result];
}

type Result = 'well' | 'impaired' | 'broken';

const verdicts: Readonly<Record<Result, string>> = {
  well: 'All is well.',
  impaired: 'Chat works, but not as well as it could.',
  broken: 'Chat does not work.',
};

const exitCodes: Readonly<Record<Result, ExitCode>> = {
  well: ExitCode.OK,
  impaired: ExitCode.IMPAIRED,
  broken: ExitCode.FAILED,
};

function resultOf(checks: readonly Check[]): Result {
  if (checks.some(({ status }) => status === 'fail')) return 'broken';
  return checks.some(({ status }) => status === 'warn') ? 'impaired' : 'well';
}

function rendered({ name, status, text, advice }: Check): string {
  const line = `${marks[status].padEnd(4)}  ${name.padEnd(10)}  ${sanitizeLine(text)}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(18)}${sanitizeLine(advice)}\n`;
}
