import type { LinkLimits, LinkTuning } from './api.ts';
import { LINK_FRAME_BYTES_MAX, LINK_RANGES_MAX, LINK_RECORD_BYTES_MAX } from './limits.ts';

/** docs/wires/link.md "Limits". */
export const LINK_LIMITS: LinkLimits = {
  frameBytesMax: LINK_FRAME_BYTES_MAX,
  recordBytesMax: LINK_RECORD_BYTES_MAX,
  partsBytesMax: 131_072,
  aheadRecordsMax: 1_024,
  aheadBytesMax: 1_048_576,
  channelsMax: 256,
  windowRecords: 1_024,
  windowBytes: 1_048_576,
  ackRangesMax: LINK_RANGES_MAX,
  ephemeralsMax: 64,
};

/** docs/wires/link.md "Paths" and "Loss, time and congestion". */
export const LINK_TUNING: LinkTuning = {
  keepaliveMs: 10_000,
  ackDelayMsMax: 250,
  ackGatherMs: 5,
  cursorDelayMs: 50,
  cursorRecords: 64,
  probeIntervalMs: 1_000,
  probeIntervalMsMax: 1_500,
  probeConfirmMs: 100,
  deadAfterPtos: 3,
  deadAfterMs: 500,
  streamDeadMs: 5_000,
  copyShareMin: 0.05,
  copyLossGoal: 0.0046,
  copyRecordBytesMax: 600,
  keyPackets: 2 ** 20,
};
