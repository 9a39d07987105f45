import { nowUs } from '../../support/clock.ts';
import { readStolenSeconds } from '../../support/proc.ts';
import type { Collected, Streamed, Usage } from '../agent/protocol.ts';
import type { LossOptions, Pattern } from '../options.ts';
import { quantile } from '../quantile.ts';
import type { LinkFacts } from '../rig/rig.ts';
import { conditionsOf, onStage, type Stage } from '../stage.ts';
import type { LossWire } from '../wires.ts';

/** Size of a message, bytes. */
export const MESSAGE_BYTES = 100;
/**
 * Messages a second in all rooms: few enough that the machine is never what they wait for, and that a room lives long enough
 * to show more than the first minute of a link.
 */
const MESSAGES_PER_SECOND = 100;
const PAIRS_MAX = 60;
const ROOM_MESSAGES_MIN = 1_000;
/** Each room's first messages are for the compilers and for the congestion window. */
const WARM_UP_MESSAGES = 10;
const LEAD_US = 300_000;
/** Nothing has come in any room for so long: what is missing is lost. TCP repeats after 0.2, 0.4, 0.8 … 51 s. */
const PATIENCE_MS = 60_000;

/** One wire, one loss, one pattern. */
export interface Cell {
  readonly wire: string;
  readonly isJudged: boolean;
  readonly loss: number;
  readonly pattern: string;
  readonly gapMs: number;
  readonly burst: number;
  readonly pairs: number;
  readonly delayMs: number;
  readonly sent: number;
  readonly accepted: number;
  readonly firstRefusal: string | undefined;
  readonly delivered: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly broken: number;
  readonly firstBreak: string | undefined;
  readonly measured: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** IP bytes on both legs, both directions, for each message. */
  readonly bytesPerMessage: number;
  /** Worst of what one timer in a thousand of either side was late by, and of what messages were said too late by, µs. */
  readonly lateUs: number;
  /** Share of the time that the server was ready to run and had no core. */
  readonly serverWaitShare: number;
  readonly serverCpuShare: number;
  /** Time of a core that the machine's host gave to others though it was wanted. */
  readonly stolenShare: number;
  readonly link: LinkFacts | undefined;
}

/** Rooms side by side so that a cell does not take longer than it must: each session still has time to know its link. */
export function pairsFor(
  { gapMs, burst }: Pattern,
  { pairs, messages }: Pick<LossOptions, 'pairs' | 'messages'>,
): number {
  const quick = Math.floor((MESSAGES_PER_SECOND * gapMs) / 1000 / burst);
  return pairs ?? Math.max(1, Math.min(PAIRS_MAX, quick, Math.floor(messages / ROOM_MESSAGES_MIN)));
}

export async function measureCell(options: LossOptions, wire: LossWire, loss: number, pattern: Pattern): Promise<Cell> {
  const pairs = pairsFor(pattern, options);
  const { result, facts } = await onStage(options, wire, conditionsOf(options, loss), (stage) =>
    run(stage, options, wire, pattern, pairs),
  );
  const { gapMs, burst, name } = pattern;
  return { wire: wire.name, isJudged: wire.isJudged, loss, pattern: name, gapMs, burst, pairs, ...result, link: facts };
}

async function run(stage: Stage, options: LossOptions, wire: LossWire, { gapMs, burst }: Pattern, pairs: number) {
  await takeSeats(stage, wire, pairs);
  const { a, b, server } = stage;
  const warmUp = Math.ceil(WARM_UP_MESSAGES / burst) * burst;
  const messages = warmUp + Math.ceil(options.messages / pairs);
  const startUs = nowUs() + LEAD_US;
  const stolenBefore = readStolenSeconds();
  const [before, usageBefore] = [await stage.ipBytes(), await server.ask<Usage>({ call: 'usage' })];
  const [streamed, collected] = await Promise.all([
    a.ask<Streamed>({ call: 'stream', startUs, gapUs: gapMs * 1000, burst, messages, messageBytes: MESSAGE_BYTES }),
    b.ask<Collected>({ call: 'collect', messages, measureFrom: warmUp, patienceMs: PATIENCE_MS }),
  ]);
  const [after, usageAfter] = [await stage.ipBytes(), await server.ask<Usage>({ call: 'usage' })];
  const seconds = (nowUs() - startUs) / 1e6;
  const { latenciesUs, sentUs: _, lagUs, ...counts } = collected;
  const { lateUs, lagUs: senderLagUs, ...sent } = streamed;
  return {
    ...sent,
    ...counts,
    delayMs: stage.delayMs,
    measured: latenciesUs.length,
    p50Us: quantile(latenciesUs, 0.5),
    p90Us: quantile(latenciesUs, 0.9),
    p99Us: quantile(latenciesUs, 0.99),
    p999Us: quantile(latenciesUs, 0.999),
    maxUs: quantile(latenciesUs, 1),
    bytesPerMessage: (after - before) / streamed.sent,
    lateUs: Math.max(lateUs, lagUs, senderLagUs),
    serverWaitShare: (usageAfter.waitSeconds - usageBefore.waitSeconds) / seconds,
    serverCpuShare: (usageAfter.cpuSeconds - usageBefore.cpuSeconds) / seconds,
    stolenShare: (readStolenSeconds() - stolenBefore) / seconds,
  };
}

/** A sender and a receiver in each of so many rooms. */
export async function takeSeats({ a, b, hosts }: Stage, wire: LossWire, pairs: number): Promise<void> {
  const seats = (side: 'a' | 'b') =>
    Array.from({ length: pairs }, (_, pair) => ({ url: wire.url(hosts[side], `r${pair}`), user: `${side}${pair}` }));
  await b.ask({ call: 'open', seats: seats('b') });
  await a.ask({ call: 'open', seats: seats('a') });
}
