import { readFileSync } from 'node:fs';

/** Clock ticks per second in /proc: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time and memory of a process so far. */
export interface ProcessUsage {
  /** User and system time of all its threads, seconds, to 10 ms. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly residentBytesPeak: number;
}

/** What the kernel says of a process; all zero on a system without /proc. */
export function readProcess(pid: number): ProcessUsage {
  const stat = readText(`/proc/${pid}/stat`);
  const status = readText(`/proc/${pid}/status`);
  // The program's name, in parentheses, may hold blanks: fields are counted from the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    cpuSeconds: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND,
    residentBytes: kib(status, 'VmRSS') * 1024,
    residentBytesPeak: kib(status, 'VmHWM') * 1024,
  };
}

/** Time that all cores together have been busy so far, seconds. */
export function readBusySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readCoreTicks();
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Time so far, of all cores together, in which a virtual machine had something to do and its host did not let it, seconds. */
export function readStolenSeconds(): number {
  return (readCoreTicks()[7] ?? 0) / TICKS_PER_SECOND;
}

/** The first line of /proc/stat, see proc_stat(5). */
function readCoreTicks(): number[] {
  return readText('/proc/stat').split('\n')[0]!.split(/\s+/).slice(1).map(Number);
}

/** Datagrams that the kernel threw away because a socket's receive buffer was full, so far, by local UDP port (IPv4). */
export function readUdpDrops(): Map<number, number> {
  const drops = new Map<number, number>();
  for (const line of readText('/proc/net/udp').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const port = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16);
    if (Number.isNaN(port)) continue;
    drops.set(port, (drops.get(port) ?? 0) + Number(fields.at(-1)));
  }
  return drops;
}

function kib(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
