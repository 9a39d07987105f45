import { nowUs } from '../../support/clock.ts';
import type { Collected, Streamed } from '../agent/protocol.ts';
import type { LossOptions } from '../options.ts';
import { conditionsOf, onStage } from '../stage.ts';
import type { LossWire } from '../wires.ts';
import { takeSeats } from './latency.ts';

const MESSAGE_BYTES = 1000;
/** Messages on their way at a time: enough to fill the link and its queue. */
const WINDOW = 32;
const WARM_UP_US = 1_000_000;
const PATIENCE_MS = 60_000;

/** What a bulk sender got through a slow link. */
export interface LimitFigures {
  readonly wire: string;
  readonly isJudged: boolean;
  readonly loss: number;
  readonly rateKbit: number;
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly firstRefusal: string | undefined;
  /** Text that came in the measured time, kbit/s. */
  readonly goodputKbit: number;
  readonly bytesPerMessage: number;
}

export async function measureLimit(options: LossOptions, wire: LossWire, loss: number): Promise<LimitFigures> {
  const { rateKbit, seconds } = options;
  const { result } = await onStage(options, wire, { ...conditionsOf(options, loss), rateKbit }, async (stage) => {
    await takeSeats(stage, wire, 1);
    const before = await stage.ipBytes();
    const startUs = nowUs() + 100_000;
    const measureUs = startUs + WARM_UP_US;
    const endUs = measureUs + seconds * 1e6;
    const streamed = await stage.a.ask<Streamed>({
      call: 'bulk',
      startUs,
      endUs,
      window: WINDOW,
      messageBytes: MESSAGE_BYTES,
    });
    const { latenciesUs, sentUs, ...counts } = await stage.b.ask<Collected>({
      call: 'collect',
      messages: streamed.sent,
      measureFrom: 0,
      patienceMs: PATIENCE_MS,
    });
    const arrivals = latenciesUs.map((latencyUs, at) => sentUs[at]! + latencyUs);
    const inTime = arrivals.filter((timeUs) => timeUs >= measureUs && timeUs < endUs).length;
    return {
      sent: streamed.sent,
      firstRefusal: streamed.firstRefusal,
      lost: counts.lost,
      doubled: counts.doubled,
      outOfOrder: counts.outOfOrder,
      goodputKbit: (inTime * MESSAGE_BYTES * 8) / 1000 / seconds,
      bytesPerMessage: ((await stage.ipBytes()) - before) / streamed.sent,
    };
  });
  return { wire: wire.name, isJudged: wire.isJudged, loss, rateKbit, ...result };
}
