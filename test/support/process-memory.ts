import { readFileSync } from 'node:fs';

/** Why memory cannot be measured here; undefined: it can. */
export const withoutProc: string | undefined = process.platform === 'linux' ? undefined : 'reads /proc';

/** What a process holds in memory (resident set), bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

export function inMib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}

/** The value that so many of the sorted ones do not exceed; for printing, never for deciding a test. */
export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}
