/**
 * How its receiver acknowledges a packet: at once, when it next sends something or the longest delay is over, or only
 * along with others (a packet of acknowledgements alone, RFC 9002 §2 "non-ack-eliciting").
 */
export type AckNeed = 'prompt' | 'lazy' | 'none';

/** A packet from when it was sent until its fate is known, and for a while longer if that is that it was lost. */
export class SentPacket<Content> {
  readonly number: number;
  /** Number of the packet sent before it, −1 for the first one. */
  readonly previousNumber: number;
  readonly sentMs: number;
  /** UDP payload, bytes. */
  readonly bytes: number;
  need: AckNeed;
  /** Its fate is not known yet. */
  isFlying = true;
  /** What it carries was last sent then, ms: later than the packet where a copy followed. */
  againMs: number;
  /** A probe went out because its acknowledgement was due. */
  wasProbed = false;
  /** A probe of the path's MTU: losing it says nothing about congestion (RFC 9000 §14.4). */
  readonly isMtuProbe: boolean;
  /** What the session put into it. */
  readonly content: Content;
  /** It was declared lost; if it is acknowledged after that, the loss was spurious. */
  wasLost = false;
  /** Declared lost by time, not because enough newer packets had come. */
  wasLostByTime = false;
  /** Neighbours in the list that it is in; for `SentPackets` alone. */
  older: SentPacket<Content> | undefined = undefined;
  newer: SentPacket<Content> | undefined = undefined;

  constructor(
    number: number,
    previousNumber: number,
    sentMs: number,
    bytes: number,
    need: AckNeed,
    isMtuProbe: boolean,
    content: Content,
  ) {
    this.number = number;
    this.previousNumber = previousNumber;
    this.sentMs = sentMs;
    this.againMs = sentMs;
    this.bytes = bytes;
    this.need = need;
    this.isMtuProbe = isMtuProbe;
    this.content = content;
  }

  /** Counts towards the bytes in flight (RFC 9002 §2). */
  get isInFlight(): boolean {
    return this.need !== 'none';
  }
}

/**
 * Packets in the order of their numbers, linked through themselves: adding the newest and taking any one out cost the
 * same however many there are, and nothing is allocated.
 */
export class SentPackets<Content> {
  #oldest: SentPacket<Content> | undefined;
  #newest: SentPacket<Content> | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get oldest(): SentPacket<Content> | undefined {
    return this.#oldest;
  }

  /** Its number must be above all others'; it must be in no list. */
  addNewest(packet: SentPacket<Content>): void {
    packet.older = this.#newest;
    packet.newer = undefined;
    if (this.#newest === undefined) this.#oldest = packet;
    else this.#newest.newer = packet;
    this.#newest = packet;
    this.#count += 1;
  }

  /** It must be in this list. */
  remove(packet: SentPacket<Content>): void {
    if (packet.older === undefined) this.#oldest = packet.newer;
    else packet.older.newer = packet.newer;
    if (packet.newer === undefined) this.#newest = packet.older;
    else packet.newer.older = packet.older;
    packet.older = undefined;
    packet.newer = undefined;
    this.#count -= 1;
  }

  /**
   * Take out all packets with a number in one of the ranges and add them to `out`, oldest first. Costs one look at each
   * packet below the highest range, and at each range.
   * @param spans `first, last` of each range, highest range first, as `decodeAckRanges` gives them
   */
  takeIn(spans: readonly number[], out: SentPacket<Content>[]): void {
    let packet = this.#oldest;
    for (let index = spans.length - 2; index >= 0 && packet !== undefined; index -= 2) {
      const first = spans[index]!;
      const last = spans[index + 1]!;
      while (packet !== undefined && packet.number < first) packet = packet.newer;
      while (packet !== undefined && packet.number <= last) {
        const newer: SentPacket<Content> | undefined = packet.newer;
        this.remove(packet);
        out.push(packet);
        packet = newer;
      }
    }
  }

  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#count = 0;
  }
}
