import { Histogram } from '../../support/histogram.ts';

/** Counts deliveries exactly: how often each message has come in by each socket. */
export class Tally {
  readonly latencyUs = new Histogram();
  delivered = 0;
  repeated = 0;
  /** Deliveries that came within the measured time, whenever they were sent. */
  deliveredInTime = 0;
  readonly #sockets: number;
  readonly #membersPerSocket: number;
  readonly #measureUs: number;
  readonly #endUs: number;
  #counts = new Uint8Array(1 << 16);

  /** @param membersPerSocket at most 255: so often a message may come in by each of a room's sockets */
  constructor(sockets: number, membersPerSocket: number, measureUs: number, endUs: number) {
    this.#sockets = sockets;
    this.#membersPerSocket = membersPerSocket;
    this.#measureUs = measureUs;
    this.#endUs = endUs;
  }

  /**
   * A message has come in by this one of its room's sockets.
   * @returns false when it has come to everybody there before
   */
  note(number: number, socket: number, sentUs: number, nowUs: number): boolean {
    const index = number * this.#sockets + socket;
    if (index >= this.#counts.length) this.#grow(index);
    const count = this.#counts[index]!;
    const isMeasured = sentUs >= this.#measureUs && sentUs < this.#endUs;
    if (count >= this.#membersPerSocket) {
      if (isMeasured) this.repeated += 1;
      return false;
    }
    this.#counts[index] = count + 1;
    if (isMeasured) {
      this.delivered += 1;
      this.latencyUs.record(nowUs - sentUs);
    }
    if (nowUs >= this.#measureUs && nowUs < this.#endUs) this.deliveredInTime += 1;
    return true;
  }

  /** Whether the message has come in by this socket at all. */
  has(number: number, socket: number): boolean {
    return (this.#counts[number * this.#sockets + socket] ?? 0) > 0;
  }

  #grow(index: number): void {
    const larger = new Uint8Array(2 * index);
    larger.set(this.#counts);
    this.#counts = larger;
  }
}
