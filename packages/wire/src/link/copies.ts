import type { CopyWait } from './copy-queue.ts';

export interface CopyOptions {
  /** Least share of the records that get a copy, 0–1: a clean link may lose the next packet. */
  readonly copyShareMin: number;
  /** The same while too little is known, or any of the last 1000 packets was lost. */
  readonly copyShareAfterLoss: number;
  /** Share of the records that may need a repair after a round trip where little is lost, 0–1. */
  readonly copyLossGoal: number;
  /** Most copies of a record beyond the first transmission. */
  readonly copiesMax: number;
  /** Longer records get none, bytes. */
  readonly copyRecordBytesMax: number;
  readonly copyDelayMsMin: number;
  readonly copyDelayMsMax: number;
}

export const COPY_DEFAULTS: CopyOptions = {
  copyShareMin: 0.05,
  copyShareAfterLoss: 0.5,
  copyLossGoal: 0.0046,
  copiesMax: 3,
  copyRecordBytesMax: 600,
  copyDelayMsMin: 3,
  copyDelayMsMax: 12,
};

/** Up to this measured loss a record and its copy are hardly ever lost together, so that nobody need hurry to say they came. */
export const CALM_LOSS_MAX = 0.02;

/** An eighth of the round trip lies between two copies, within bounds: losses come in bursts. */
const DELAY_RTT_SHARE = 1 / 8;
/** A copy may go along with a packet when this share of its delay has passed. */
const ALONG_SHARE = 1 / 2;
/** A later copy waits for the next record where that comes within this share of a round trip: well before a repair. */
const NEXT_RTT_SHARE = 3 / 4;
/** So much less than the goal may be late for all that is lost, and the least that is left of it. */
const GOAL_SLOPE = 0.049;
const GOAL_LEAST = 0.35;
/** The least share of copies after a loss comes closer to all by this power of how little may be held up. */
const LEAST_POWER = 1.5;
/** Share of the goal that may be lost of what is late already. */
const PROBE_GOAL_SHARE = 1 / 3;
/** A round trip above so many times the least one, and so many ms, is a queue: no more copies. */
const QUEUE_RTT_FACTOR = 2;
const QUEUE_RTT_MS = 20;

/** So much of a copy may be given before it is owed, or later. */
const TURN_SHARE = 0.5;
/** What is owed beyond is forgotten. */
const OWED_MAX = 2;

/** What the link is like when a copy is due. */
export interface CopyMoment {
  /** Records wait that were never sent. */
  readonly hasNewRecords: boolean;
  /** Free bytes of the congestion window. */
  readonly windowRoomBytes: number;
  /** Bytes that the copy takes. */
  readonly bytes: number;
  /** The pacer lets it go now. */
  readonly isPaced: boolean;
  readonly smoothedMs: number;
  /** The least round-trip time of late; undefined before the first sample. */
  readonly minMs: number | undefined;
}

/**
 * Which records are sent again before anybody can know whether they arrived: docs/wires/link.md "Loss, time and
 * congestion". A fraction of a copy is spread evenly over the records instead of drawn, so that no seed is needed and no
 * run of records goes without.
 */
export class CopyPolicy {
  readonly #options: CopyOptions;
  /** Copies owed. Begins full: the first record of a session gets one. */
  #owed = 1;

  constructor(options: Partial<CopyOptions> = {}) {
    this.#options = { ...COPY_DEFAULTS, ...options };
  }

  /**
   * How many copies a record that is sent for the first time gets. Each call counts as one record.
   * @param lossShare measured loss towards the peer, 0–1
   * @param isClean enough packets are known of, and none of the last 1000 was lost
   * @param goalShare of the goal: less where one late record holds up several others
   * @param turn whether this record is one to be copied rather than others (1) or others rather than this one (−1): which
   *   of them are changes nothing of how many are
   */
  copiesFor(recordBytes: number, lossShare: number, isClean: boolean, goalShare = 1, turn: -1 | 0 | 1 = 0): number {
    if (!this.isCopied(recordBytes)) return 0;
    const share = copyShare(lossShare, isClean, this.#options, goalShare);
    this.#owed += share;
    // A tenth added ten times is a little less than one.
    const owed = Math.max(Math.floor(this.#owed + turn * TURN_SHARE + 1e-9), 0);
    const copies = Math.min(owed, turn === 0 ? this.#options.copiesMax : Math.ceil(share));
    this.#owed = Math.min(Math.max(this.#owed - copies, turn === 0 ? 0 : -TURN_SHARE), OWED_MAX);
    return copies;
  }

  /**
   * Whether what is sent again with a probe gets a copy: that is late already, but mostly not missing. What was sent t times is missing
   * where all were lost, p^t, and probed for in vain where only the acknowledgement was, p; a probe is lost as often as that.
   * @param transmissions of the record so far
   */
  isProbeCopied(recordBytes: number, lossShare: number, transmissions: number): boolean {
    if (!this.isCopied(recordBytes)) return false;
    const missing = lossShare ** transmissions;
    return (missing / (missing + lossShare)) * lossShare > this.#options.copyLossGoal * PROBE_GOAL_SHARE;
  }

  /** Whether records of this size get copies at all. */
  isCopied(recordBytes: number): boolean {
    return recordBytes <= this.#options.copyRecordBytesMax;
  }

  /** From the first transmission to the first copy. */
  firstWait(smoothedMs: number): CopyWait {
    const aloneMs = this.delayMs(smoothedMs);
    return { aloneMs, alongMs: aloneMs * ALONG_SHARE };
  }

  /**
   * From a copy to the next one of the same record. Where that is hardly ever needed it may come a little later, and for
   * nothing but its own bytes, with the next record or that one's first copy.
   * @param gapMs how far apart new records are
   * @param copiesSent copies of the record so far
   */
  laterWait(smoothedMs: number, gapMs: number, lossShare: number, copiesSent: number): CopyWait {
    const delayMs = this.delayMs(smoothedMs);
    const withNextMs = gapMs + delayMs;
    const isNeeded = lossShare ** (copiesSent + 1) > this.#options.copyLossGoal;
    if (isNeeded || withNextMs > smoothedMs * NEXT_RTT_SHARE) return this.firstWait(smoothedMs);
    return { aloneMs: withNextMs, alongMs: delayMs };
  }

  /** The least time between two transmissions of a record, ms. */
  delayMs(smoothedMs: number): number {
    const { copyDelayMsMin, copyDelayMsMax } = this.#options;
    return Math.min(Math.max(smoothedMs * DELAY_RTT_SHARE, copyDelayMsMin), copyDelayMsMax);
  }

  /** Whether a copy that is due may be sent. If not it is given up: the link is full, or has something better to do. */
  mayCopy({ hasNewRecords, windowRoomBytes, bytes, isPaced, smoothedMs, minMs }: CopyMoment): boolean {
    if (hasNewRecords || !isPaced || bytes > windowRoomBytes) return false;
    return minMs === undefined || smoothedMs < QUEUE_RTT_FACTOR * minMs + QUEUE_RTT_MS;
  }
}

/**
 * Copies beyond the first transmission that a record gets on average.
 *
 * Let k be the largest number of transmissions, all of which are lost more often than the goal r allows: p^k > r. Then k
 * transmissions are too few and k + 1 more than enough, so a share f of the records gets k + 1 of them, such that
 * (1 − f) p^k + f p^(k+1) = r, which is f = (p^k − r) / (p^k − p^(k+1)); on average k − 1 + f copies.
 *
 * @param isClean enough is known, and nothing of it was lost
 * @param goalShare of the goal that holds
 */
export function copyShare(
  lossShare: number,
  isClean: boolean,
  options: CopyOptions = COPY_DEFAULTS,
  goalShare = 1,
): number {
  const { copyShareMin, copyShareAfterLoss, copiesMax, copyLossGoal } = options;
  const goal = goalShare * lossGoal(lossShare, copyLossGoal);
  // The fewer may be late, the fewer may go without a copy until enough losses were seen to tell how many there are.
  const least = isClean
    ? copyShareMin
    : Math.max(copyShareMin, 1 - (1 - copyShareAfterLoss) * goalShare ** LEAST_POWER);
  let transmissions = 0;
  let allLost = 1;
  while (allLost * lossShare > goal && transmissions <= copiesMax) {
    transmissions += 1;
    allLost *= lossShare;
  }
  if (transmissions > copiesMax) return copiesMax;
  const share = transmissions - 1 + (allLost - goal) / (allLost - allLost * lossShare);
  return Math.min(Math.max(share, least), copiesMax);
}

/** The more is lost, the more repairs are lost as well, and the fewer may be needed. */
function lossGoal(lossShare: number, goal: number): number {
  return Math.max(goal - GOAL_SLOPE * lossShare, GOAL_LEAST * goal);
}
