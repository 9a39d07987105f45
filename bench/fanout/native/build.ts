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
export function buildNative(
  name: string,
  sources: readonly string[],
  headers: readonly string[] = [],
  libraries: readonly string[] = [],
): string {
  const hash = createHash('sha256').update([...FLAGS, ...libraries].join(' '));
  for (const file of [...sources, ...headers]) hash.update(readFileSync(join(root, file)));
  const program = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  const compiler = findCompiler();
  if (compiler === undefined)
    throw new Error('This benchmark needs a C compiler (Debian: apt-get install gcc libc6-dev)');
  mkdirSync(CACHE, { recursive: true });
  // Under another name until it is whole: another benchmark may be looking for it.
  const unfinished = `${program}.${process.pid}`;
  const { status, stderr } = spawnSync(compiler, [...FLAGS, '-o', unfinished, ...sources, ...libraries], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Cannot compile ${name}:\n${stderr}`);
  renameSync(unfinished, program);
  return program;
}

/**
 * The load generator; see generator.c.
 * @param hasLink whether it speaks link; it is built with OpenSSL then
 */
export function buildGenerator(hasLink: boolean): string {
  const at = (file: string): string => `bench/fanout/native/${file}`;
  const sources = ['generator.c', 'crowd.c', ...(hasLink ? linkSources : ['link-none.c'])];
  const headers = ['crowd.h', 'histogram.h', 'link.h', ...(hasLink ? linkHeaders : [])];
  const libraries = hasLink ? ['-lssl', '-lcrypto'] : [];
  return buildNative(hasLink ? 'generator-link' : 'generator', sources.map(at), headers.map(at), libraries);
}

const linkSources = ['link-open.c', 'link-read.c', 'link-say.c', 'link-packets.c'];
const linkHeaders = ['link-session.h', 'link-packets.h', 'link-frames.h'];

/** Whether the generator can be built to speak link. */
export function hasOpenSsl(): boolean {
  const compiler = findCompiler();
  const options = { input: '#include <openssl/ssl.h>\n', encoding: 'utf8' } as const;
  return compiler !== undefined && spawnSync(compiler, ['-E', '-o', '/dev/null', '-x', 'c', '-'], options).status === 0;
}
