import type { ChannelSender } from './channel-sender.ts';

/** As much as datagrams carry in their first round trip anyway (RFC 9002 §7.2): so little is not worth waiting for, bytes. */
const BACKLOG_BYTES_MIN = 12_000;

/**
 * What the connection was given before records moved to datagrams, when it is much: it stands in the connection's queue and
 * in that of a slow line, and the same once more by datagrams would stand behind it, come twice, and be given up before it
 * could be acknowledged. So it is left to the connection as long as that makes progress; what is new follows it.
 */
export class StreamBacklog {
  /** By sender: the number up to which, exclusive, the connection was given records. */
  readonly #ends = new Map<ChannelSender, number>();
  #held = 0;
  #movedMs = 0;

  /** Some of it has not come, as far as is known. */
  get isLeft(): boolean {
    return this.#ends.size > 0;
  }

  /** Records move to datagrams while the connection is up. */
  begin(nowMs: number, senders: Iterable<ChannelSender>): void {
    this.#ends.clear();
    let bytes = 0;
    for (const sender of senders) {
      const given = sender.streamBytes;
      if (given === 0) continue;
      bytes += given;
      this.#ends.set(sender, sender.streamNext);
    }
    if (bytes < BACKLOG_BYTES_MIN) this.#ends.clear();
    this.#held = this.#countHeld();
    this.#movedMs = nowMs;
  }

  /** The peer has said something. @returns whether that was the end of it */
  heard(nowMs: number): boolean {
    if (!this.isLeft) return false;
    const held = this.#countHeld();
    if (held > this.#held) this.#movedMs = nowMs;
    this.#held = held;
    for (const [sender, end] of this.#ends) if (sender.heldBelow < end) return false;
    this.#ends.clear();
    return true;
  }

  /** When it counts as stuck unless there is progress. @param patienceMs without any */
  dueMs(patienceMs: number): number | undefined {
    return this.isLeft ? this.#movedMs + patienceMs : undefined;
  }

  /** @returns whether there was any */
  end(): boolean {
    const wasLeft = this.isLeft;
    this.#ends.clear();
    return wasLeft;
  }

  #countHeld(): number {
    let held = 0;
    for (const sender of this.#ends.keys()) held += sender.heldBelow;
    return held;
  }
}
