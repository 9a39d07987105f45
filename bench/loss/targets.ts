import type { Cell } from './scenarios/latency.ts';

/** The least that the link wire is to do at 20 ms each way, where packets are lost one by one. */
interface Target {
  readonly loss: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Of what TCP needs for the same messages. */
  readonly bytesRatio: number;
}

export const TARGET_DELAY_MS = 20;

export const targets: readonly Target[] = [
  { loss: 0, p99Ms: 45, p999Ms: 60, bytesRatio: 1.25 },
  { loss: 0.01, p99Ms: 55, p999Ms: 100, bytesRatio: 1.5 },
  { loss: 0.05, p99Ms: 60, p999Ms: 110, bytesRatio: 2.2 },
  { loss: 0.1, p99Ms: 65, p999Ms: 130, bytesRatio: 3 },
];

/** p99 at 5 % where packets are lost four in a row, ms. */
export const RUN_TARGET = { loss: 0.05, lossRun: 4, p99Ms: 120 } as const;
/** Of TCP's throughput through a slow link. */
export const LIMIT_RATIO = 0.9;
export const FALLBACK_US = 1_000_000;
export const RETURN_US = 5_000_000;
export const RESUME_US = 1_000_000;

/** IP bytes on both legs for a message of 100 bytes over bare TCP, a message each way and nothing around it. */
const TCP_BYTES = 420;

/** A target and whether it was met. */
export interface Verdict {
  readonly text: string;
  readonly isMet: boolean;
}

/**
 * How a cell of a judged wire compares with its target.
 * @returns nothing where there is no target for these conditions
 */
export function judgeTarget(cell: Cell, lossRun: number): Verdict[] {
  if (!cell.isJudged || cell.delayMs !== TARGET_DELAY_MS) return [];
  const where = `${cell.wire}, ${cell.loss * 100} % loss, every ${cell.pattern} ms`;
  const atMost = (what: string, us: number, limitMs: number): Verdict => ({
    text: `${where}: ${what} ${(us / 1000).toFixed(1)} ms, at most ${limitMs} ms`,
    isMet: us <= 1000 * limitMs,
  });
  if (lossRun > 1) {
    if (cell.loss !== RUN_TARGET.loss || lossRun !== RUN_TARGET.lossRun) return [];
    return [atMost('p99', cell.p99Us, RUN_TARGET.p99Ms)];
  }
  const target = targets.find(({ loss }) => loss === cell.loss);
  if (target === undefined) return [];
  const ratio = cell.bytesPerMessage / TCP_BYTES;
  return [
    atMost('p99', cell.p99Us, target.p99Ms),
    atMost('p99.9', cell.p999Us, target.p999Ms),
    {
      text: `${where}: ${ratio.toFixed(2)} times TCP's bytes, at most ${target.bytesRatio}`,
      isMet: ratio <= target.bytesRatio,
    },
  ];
}
