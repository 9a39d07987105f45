/*
 * Runs the tests: `npm run test:only`, or `npm run test:only -- test/e2e core/src/hub` for the files whose paths hold one
 * of these words. `--time-limit=SECONDS` sets how long all of it may take.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { COMPILE_CACHE } from '@confab/testing/process-environment';
import { compact } from './compact-reporter.ts';
import { longestFirst } from './longest-first.ts';

const NODE_NEEDED = [24, 15] as const;
/** Where tests are, those that take longer first. */
const TESTS = ['test/**/*.test.ts', 'packages/*/src/**/*.test.ts'];
/** All of them are to take ten minutes on two cores; a machine that is busy besides gets a fifth more. */
const TIME_LIMIT_S = 720;
const EXIT_USAGE = 2;

const root = fileURLToPath(new URL('../../', import.meta.url));

process.exitCode = await main();

async function main(): Promise<number> {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  if (major < NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor < NODE_NEEDED[1])) {
    const needed = NODE_NEEDED.join('.');
    return refuse(
      `Node ${process.versions.node} is too old, the tests need ${needed} or later; ` +
        '"npm ci" brings one along, and "npm run test:only" uses it',
    );
  }
  let words: string[];
  let timeLimitS: number;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'time-limit': { type: 'string', default: String(TIME_LIMIT_S) } },
    });
    words = positionals.map((word) => word.replace(/^\.\//, ''));
    timeLimitS = Number(values['time-limit']);
  } catch (error) {
    return refuse((error as Error).message);
  }
  if (!(timeLimitS > 0)) return refuse('--time-limit is not a number of seconds');

  const all = TESTS.flatMap((pattern) => globSync(pattern, { cwd: root }).toSorted());
  const named = all.map((file) => file.split(sep).join('/'));
  const chosen = longestFirst(named.filter((file) => words.length === 0 || words.some((word) => file.includes(word))));
  if (chosen.length === 0)
    return refuse(`no test file has ${words.map((word) => `"${word}"`).join(' or ')} in its path`);
  return runFiles(chosen, timeLimitS);
}

async function runFiles(files: readonly string[], timeLimitS: number): Promise<number> {
  const unfinished = new Set(files);
  const limit = new AbortController();
  let hasFailed = false;
  const timer = setTimeout(() => {
    hasFailed = true;
    console.error(`The time limit of ${timeLimitS} s is over; not finished: ${[...unfinished].join(', ')}`);
    limit.abort();
  }, timeLimitS * 1000);

  // Inherited by the processes of the files, and by those that they start.
  process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE;
  const events = run({
    cwd: root,
    files: files.map((file) => `${root}${file}`),
    // Many files wait for timers and for other processes, so one more than there are processors keeps these busy.
    concurrency: availableParallelism() + 1,
    signal: limit.signal,
  });
  // Told when a file ends; its summary waits for those of the files before it.
  events.on('test:complete', ({ name }) => void unfinished.delete(relative(root, name).split(sep).join('/')));
  events.on('test:summary', ({ success }) => {
    if (!success) hasFailed = true;
  });
  await pipeline(events, process.stdout.isTTY ? new spec() : compact(root), process.stdout, { end: false });
  clearTimeout(timer);
  return hasFailed ? 1 : 0;
}

function refuse(reason: string): number {
  console.error(`Cannot run the tests: ${reason}`);
  return EXIT_USAGE;
}
