import { execFileSync, spawnSync } from 'node:child_process';
import { readText } from './proc.ts';

/** Which cores the two sides of a benchmark run on. */
export interface Cores {
  /** One core for the server, all its threads; undefined where processes cannot be pinned. */
  readonly server: string | undefined;
  /** One core for each generator. */
  readonly generators: readonly (string | undefined)[];
}

/** A core each for the server and for `generatorCount` load generators, as far as there are enough cores and a `taskset`. */
export function chooseCores(generatorCount: number): Cores {
  const allowed = allowedCores();
  const isPinned = allowed.length > generatorCount && spawnSync('taskset', ['--version']).status === 0;
  if (!isPinned) return { server: undefined, generators: Array.from({ length: generatorCount }, () => undefined) };
  return { server: allowed[0]!, generators: allowed.slice(1, 1 + generatorCount) };
}

/** Keep a process's main thread on one core; its other threads, those it has already included, stay where they may be. */
export function bindMainThread(pid: number, core: string): void {
  execFileSync('taskset', ['--cpu-list', '--pid', core, String(pid)]);
}

/** Numbers of the cores that this process may use. */
function allowedCores(): string[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readText('/proc/self/status'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Number.isNaN(first) ? [] : Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
  });
}
