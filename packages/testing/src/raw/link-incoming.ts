/** The receiving half of link's channels, from docs/wires/link.md "The idea" alone. */

export interface RawRecord {
  readonly channel: number;
  readonly number: number;
  readonly body: Buffer;
}

interface Incoming {
  /** The first that is missing; −1 while nobody has asked for the channel. */
  next: number;
  readonly ahead: Map<number, Buffer | undefined>;
  readonly parts: Map<number, { bytes: Buffer; held: Set<number> }>;
}

/** Hands records over in the order of their channel, each once, and keeps what comes before its turn. */
export class RawIncoming {
  readonly #channels = new Map<number, Incoming>();
  readonly #onRecord: (record: RawRecord) => void;

  constructor(onRecord: (record: RawRecord) => void) {
    this.#onRecord = onRecord;
  }

  /** Records are wanted from this number on. */
  open(channel: number, next: number): void {
    const incoming = this.#of(channel);
    incoming.next = next;
    this.#handOver(channel, incoming);
  }

  /** Of each open channel what is missing first. */
  next(): [channel: number, next: number][] {
    return [...this.#channels].filter(([, { next }]) => next >= 0).map(([channel, { next }]) => [channel, next]);
  }

  record(channel: number, number: number, body: Buffer): void {
    const incoming = this.#of(channel);
    if (number < incoming.next) return;
    incoming.ahead.set(number, body);
    this.#handOver(channel, incoming);
  }

  part(channel: number, number: number, offset: number, total: number, bytes: Buffer): void {
    const incoming = this.#of(channel);
    if (number < incoming.next || incoming.ahead.has(number)) return;
    let part = incoming.parts.get(number);
    if (part === undefined) {
      part = { bytes: Buffer.alloc(total), held: new Set() };
      incoming.parts.set(number, part);
    }
    bytes.copy(part.bytes, offset);
    for (let index = 0; index < bytes.length; index += 1) part.held.add(offset + index);
    if (part.held.size < total) return;
    incoming.parts.delete(number);
    this.record(channel, number, part.bytes);
  }

  skip(channel: number, first: number, last: number): void {
    const incoming = this.#of(channel);
    for (let number = Math.max(first, incoming.next); number <= last; number += 1)
      incoming.ahead.set(number, undefined);
    this.#handOver(channel, incoming);
  }

  #handOver(channel: number, incoming: Incoming): void {
    while (incoming.next >= 0 && incoming.ahead.has(incoming.next)) {
      const number = incoming.next;
      const body = incoming.ahead.get(number);
      incoming.ahead.delete(number);
      incoming.next += 1;
      if (body !== undefined) this.#onRecord({ channel, number, body });
    }
  }

  #of(channel: number): Incoming {
    let incoming = this.#channels.get(channel);
    if (incoming === undefined) {
      incoming = { next: -1, ahead: new Map(), parts: new Map() };
      this.#channels.set(channel, incoming);
    }
    return incoming;
  }
}
