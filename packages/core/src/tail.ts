import type { RoomEvent } from './event.ts';

/** Places for the first events, and bytes for their bodies; both double as more are needed. */
const PLACES_MIN = 8;
const SLAB_BYTES_MIN = 256;
/** Numbers of each place: see `Tail.push`. */
const NUMBERS = 6;
/** Stands for a target that an event does not have. */
const NO_TARGET = -1;

/**
 * The newest events of one room's log, consecutive.
 *
 * They are kept as numbers and bytes, and made into objects again when they are read. Most events of a tail are never read,
 * and as objects they would live just long enough to be the dearest kind for a garbage collector: 500 rooms of 256 events
 * are a million small objects, all of which are copied twice and then marked, over and over.
 */
export class Tail {
  readonly #roomId: number;
  /** A ring: an event's place is its sequence number modulo the number of places, which is a power of two. */
  #places = 0;
  #numbers = new Float64Array(0);
  #users: string[] = [];
  /** Bodies one after the other. What is written in it never changes, as events that were read look into it. */
  #slab = new Uint8Array(0);
  #slabEnd = 0;
  #startSeq: number;
  #nextSeq: number;
  /** Of those events that have one. */
  readonly #clientIds = new Map<number, string>();
  readonly #seqByClientId = new Map<string, number>();

  /** @param nextSeq of the first event that will be pushed */
  constructor(roomId: number, nextSeq: number) {
    this.#roomId = roomId;
    this.#startSeq = nextSeq;
    this.#nextSeq = nextSeq;
  }

  /** Sequence number of the oldest event; of the next one when there is none. */
  get startSeq(): number {
    return this.#startSeq;
  }

  get length(): number {
    return this.#nextSeq - this.#startSeq;
  }

  /** Of all bodies. */
  get bytes(): number {
    return this.length === 0 ? 0 : this.#slabEnd - this.#bodyStart(this.#startSeq);
  }

  /** Its sequence number is the one after the newest event's. */
  push(event: RoomEvent): void {
    const { seq, body, clientId } = event;
    if (this.length === this.#places) this.#addPlaces();
    if (this.#slabEnd + body.length > this.#slab.length) this.#renewSlab(body.length);
    const place = seq & (this.#places - 1);
    const numbers = this.#numbers;
    const at = place * NUMBERS;
    numbers[at] = event.position;
    numbers[at + 1] = event.timeMs;
    numbers[at + 2] = 2 * event.kind + (event.isVerified === true ? 1 : 0);
    numbers[at + 3] = event.author;
    numbers[at + 4] = event.target ?? NO_TARGET;
    numbers[at + 5] = this.#slabEnd;
    this.#users[place] = event.user;
    this.#slab.set(body, this.#slabEnd);
    this.#slabEnd += body.length;
    this.#nextSeq = seq + 1;
    if (clientId === undefined) return;
    this.#clientIds.set(seq, clientId);
    this.#seqByClientId.set(clientId, seq);
  }

  /** Forget the oldest event; there is one. */
  shift(): void {
    const seq = this.#startSeq;
    this.#startSeq += 1;
    if (this.#clientIds.size === 0) return;
    const clientId = this.#clientIds.get(seq);
    if (clientId === undefined) return;
    this.#clientIds.delete(seq);
    // The same id may have come again later, when nobody remembered this event.
    if (this.#seqByClientId.get(clientId) === seq) this.#seqByClientId.delete(clientId);
  }

  findByClientId(clientId: string): RoomEvent | undefined {
    const seq = this.#seqByClientId.get(clientId);
    return seq === undefined ? undefined : this.#eventAt(seq);
  }

  /** Events from `fromSeq`, which is not before the tail's start, up; oldest first, at most `limit`. */
  read(fromSeq: number, limit: number): RoomEvent[] {
    const events: RoomEvent[] = [];
    const endSeq = Math.min(this.#nextSeq, fromSeq + limit);
    for (let seq = fromSeq; seq < endSeq; seq += 1) events.push(this.#eventAt(seq));
    return events;
  }

  #eventAt(seq: number): RoomEvent {
    const place = seq & (this.#places - 1);
    const numbers = this.#numbers;
    const at = place * NUMBERS;
    const kindAndFlag = numbers[at + 2]!;
    const isVerified = kindAndFlag % 2 === 1;
    const target = numbers[at + 4]!;
    const bodyEnd = seq + 1 === this.#nextSeq ? this.#slabEnd : this.#bodyStart(seq + 1);
    return {
      roomId: this.#roomId,
      seq,
      position: numbers[at]!,
      kind: (kindAndFlag - (isVerified ? 1 : 0)) / 2,
      timeMs: numbers[at + 1]!,
      author: numbers[at + 3]!,
      user: this.#users[place]!,
      isVerified: isVerified || undefined,
      clientId: this.#clientIds.get(seq),
      target: target === NO_TARGET ? undefined : target,
      body: this.#slab.subarray(numbers[at + 5]!, bodyEnd),
    };
  }

  #bodyStart(seq: number): number {
    return this.#numbers[(seq & (this.#places - 1)) * NUMBERS + 5]!;
  }

  #addPlaces(): void {
    const formerPlaces = this.#places;
    const formerNumbers = this.#numbers;
    const formerUsers = this.#users;
    this.#places = Math.max(PLACES_MIN, 2 * formerPlaces);
    this.#numbers = new Float64Array(this.#places * NUMBERS);
    this.#users = new Array<string>(this.#places).fill('');
    for (let seq = this.#startSeq; seq < this.#nextSeq; seq += 1) {
      const from = seq & (formerPlaces - 1);
      const to = seq & (this.#places - 1);
      this.#numbers.set(formerNumbers.subarray(from * NUMBERS, (from + 1) * NUMBERS), to * NUMBERS);
      this.#users[to] = formerUsers[from]!;
    }
  }

  /** A slab that has room for the bodies that are left, and for as much again. */
  #renewSlab(more: number): void {
    const from = this.length === 0 ? this.#slabEnd : this.#bodyStart(this.#startSeq);
    const slab = new Uint8Array(Math.max(SLAB_BYTES_MIN, 2 * (this.#slabEnd - from + more)));
    slab.set(this.#slab.subarray(from, this.#slabEnd));
    for (let seq = this.#startSeq; seq < this.#nextSeq; seq += 1) {
      this.#numbers[(seq & (this.#places - 1)) * NUMBERS + 5]! -= from;
    }
    this.#slab = slab;
    this.#slabEnd -= from;
  }
}
