import type { Member, Reader } from '@confab/core';
import type { JsonId, JsonRequest } from '@confab/wire/json';
import type { DatagramSource, DatagramTarget } from '../../datagrams/source.ts';
import type { Alarm } from '../alarms.ts';
import type { Outbox } from './outbox.ts';
import type { SeenIds } from './seen-ids.ts';

/** A request that can be acknowledged. */
export type NumberedRequest = Extract<JsonRequest, { type: 'join' | 'message' | 'leave' }> & { readonly id: JsonId };

/** A broadcast with its place in the room's log. */
export interface RoomBroadcast {
  readonly roomSeq: number;
  readonly seq: number;
  readonly bytes: Uint8Array;
}

export interface PeerOptions {
  readonly source: DatagramSource;
  readonly ids: SeenIds;
  readonly outbox: Outbox;
  /** Rings when the outbox has something to do. */
  readonly createAlarm: (ring: (nowMs: number) => void) => Alarm;
  readonly nowMs: () => number;
  /** So many events of the room are left out for this peer. */
  readonly onMissed: (peer: JsonPeer, events: number) => void;
  readonly onDelivered: (count: number) => void;
}

/** Who sends JSON datagrams from one address and port. */
export class JsonPeer implements DatagramSource {
  readonly target: DatagramTarget;
  readonly port: number;
  readonly ip: string;
  readonly key: string;
  readonly ids: SeenIds;
  readonly outbox: Outbox;
  member: Member | undefined;
  /** Whether it is being let into a room. What it asks for meanwhile waits, in order. */
  isEntering = false;
  waiting: NumberedRequest[] = [];
  /** Rises when another program turns out to use the address. */
  generation = 0;
  /** The newest join that was granted: its id and what it asked for. */
  joined: { readonly id: JsonId; readonly join: string } | undefined;
  /** What the peer said before the server was restarted, by id: as text. */
  recalled: ReadonlyMap<JsonId, string> | undefined;
  /** Sequence number of its own joining in the room's log: what is before it is history. */
  #joinSeq = 0;
  #handedSeq = 0;
  #paused: Reader<JsonPeer> | undefined;
  readonly #options: PeerOptions;
  readonly #alarm: Alarm;

  constructor(options: PeerOptions) {
    this.#options = options;
    const { source } = options;
    this.target = source.target;
    this.port = source.port;
    this.ip = source.ip;
    this.key = source.key;
    this.ids = options.ids;
    this.outbox = options.outbox;
    this.#alarm = options.createAlarm((nowMs) => {
      this.outbox.onTimeout(nowMs);
      this.#goOn();
    });
  }

  /** Newest event of the room that was handed over. */
  get handedSeq(): number {
    return this.#handedSeq;
  }

  /** A datagram came. Call before it is dealt with, and `settle` after. */
  heard(bytes: number): void {
    this.outbox.heard(this.#options.nowMs(), bytes);
  }

  /** What was heard is answered: now history may go out, and what waited for an acknowledgement. */
  settle(): void {
    this.outbox.flush(this.#options.nowMs());
    this.#goOn();
  }

  acked(seq: number): void {
    this.outbox.acked(this.#options.nowMs(), seq);
  }

  /** It is in a room as this member; `cursor` is where it begins to read. */
  enter(member: Member, joinSeq: number, cursor: number): void {
    this.member = member;
    this.#joinSeq = joinSeq;
    this.#handedSeq = cursor;
    this.#paused = undefined;
    this.outbox.enterRoom(this.#options.nowMs());
  }

  deliver(reader: Reader<JsonPeer>, broadcasts: readonly RoomBroadcast[]): void {
    const nowMs = this.#options.nowMs();
    for (const { roomSeq, seq, bytes } of broadcasts) {
      this.outbox.post(nowMs, { seq, bytes, isHistory: roomSeq < this.#joinSeq });
    }
    this.#handedSeq = broadcasts[broadcasts.length - 1]!.roomSeq;
    this.#options.onDelivered(broadcasts.length);
    if (this.outbox.isFull) {
      reader.pause();
      this.#paused = reader;
    }
    this.#alarm.ringBy(this.outbox.nextTimeoutMs());
  }

  miss(events: number): void {
    this.#options.onMissed(this, events);
  }

  /** It is gone: nothing more is sent to it. */
  close(): void {
    this.#paused = undefined;
    this.outbox.enterRoom(this.#options.nowMs());
    this.#alarm.cancel();
  }

  #goOn(): void {
    const paused = this.#paused;
    if (paused !== undefined && this.outbox.hasRoom) {
      this.#paused = undefined;
      paused.resume();
    }
    this.#alarm.ringBy(this.outbox.nextTimeoutMs());
  }
}
