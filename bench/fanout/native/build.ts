import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Programs that were built, by the content of their sources. */
const CACHE = join(root, 'node_modules/.cache/confab-bench');
const FLAGS = ['-O3', '-march=native', '-std=gnu17', '-Wall', '-Wextra'];

/** The C compiler of this machine, if it has one. */
export function findCompiler(): string | undefined {
  return ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
}

/**
 * Path of a program made of these C files (paths from the root of the project); compiled when they were not before.
 * @throws {Error} there is no C compiler, or the sources do not compile
 */
export function buildNative(name: string, sources: readonly string[], headers: readonly string[] = []): string {
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of [...sources, ...headers]) hash.update(readFileSync(join(root, file)));
  const program = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  const compiler = findCompiler();
  if (compiler === undefined)
    throw new Error('This benchmark needs a C compiler (Debian: apt-get install gcc libc6-dev)');
  mkdirSync(CACHE, { recursive: true });
  // Under another name until it is whole: another benchmark may be looking for it.
  const unfinished = `${program}.${process.pid}`;
  const { status, stderr } = spawnSync(compiler, [...FLAGS, '-o', unfinished, ...sources], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Cannot compile ${name}:\n${stderr}`);
  renameSync(unfinished, program);
  return program;
}

/** The load generator; see generator.c. */
export function buildGenerator(): string {
  const at = (file: string): string => `bench/fanout/native/${file}`;
  return buildNative('generator', [at('generator.c'), at('crowd.c')], [at('crowd.h'), at('histogram.h')]);
}
