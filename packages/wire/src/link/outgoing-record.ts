import type { ChannelSender } from './channel-sender.ts';
import type { PacketContent } from './packet-content.ts';
import { RangeSet } from './ranges.ts';
import type { RunFrames } from './record-run.ts';
import type { SentPacket } from './sent-packets.ts';

/**
 * A record, a run of records that were encoded together, or a stretch of records that will not come, from when it is handed
 * over until the peer holds it.
 */
export class OutgoingRecord {
  readonly owner: ChannelSender;
  /** First number it stands for. */
  readonly number: number;
  /** Last number it stands for: the same but for a run or a skip. A run that is split ends earlier. */
  last: number;
  /** Undefined for a run or a skip. Never copied: the caller's bytes. */
  readonly body: Uint8Array | undefined;
  /** Of a run: frames of these records, and perhaps of others around them. */
  readonly run: RunFrames | undefined;
  /** Nobody waits for it: acknowledged with what goes anyway, and not copied. */
  readonly isLazy: boolean;
  /** The peer has it, or the channel was closed: nothing more is to be done. */
  isDone = false;
  /** It was put into a packet since the datagram path was last begun anew. */
  isSent = false;
  /** It waits to be sent again, since all packets that carried it were lost. */
  isLost = false;
  /** Packets of unknown fate that carry it or a part of it. */
  flights = 0;
  /** The last probe that carried it. */
  probeMark = 0;
  /** Copies that are still to be sent, and when the next one goes, ms: in a packet of its own, or along with another. */
  copiesLeft = 0;
  copyDueMs = 0;
  copyAlongMs = 0;
  /** Copies since it was last planned how many it gets. */
  copiesSent = 0;
  /** It waits to be copied. For `CopyQueue` alone. */
  isCopyQueued = false;
  /** The last packet that carried it and was to be acknowledged promptly. */
  lastPacket: SentPacket<PacketContent> | undefined = undefined;
  /** Of a record that is longer than a packet: which bytes are where. */
  parts: OutgoingParts | undefined = undefined;

  constructor(
    owner: ChannelSender,
    number: number,
    last: number,
    body: Uint8Array | undefined,
    isLazy: boolean,
    run?: RunFrames,
  ) {
    this.owner = owner;
    this.number = number;
    this.last = last;
    this.body = body;
    this.isLazy = isLazy;
    this.run = run;
  }

  /** Of the body; of a run those of its frames. */
  get bytes(): number {
    const { run } = this;
    if (run !== undefined) return run.starts[this.runTo]! - run.starts[this.runFrom]!;
    return this.body?.length ?? 0;
  }

  /** Records in it, as the window counts them: a skip is one. */
  get records(): number {
    return this.run === undefined ? 1 : this.last - this.number + 1;
  }

  /** Its first frame among those of the run. */
  get runFrom(): number {
    return this.number - this.run!.first;
  }

  /** The first one behind it. */
  get runTo(): number {
    return this.last + 1 - this.run!.first;
  }

  /** From when it is first sent in pieces. */
  inParts(): OutgoingParts {
    this.parts ??= new OutgoingParts();
    return this.parts;
  }
}

/** Pieces of one record that the peer holds beyond gaps: with more the lowest is sent again. */
const PIECES_MAX = 128;

/** How far a record that needs several packets has come. Offsets are bytes of the record. */
export class OutgoingParts {
  /** Bytes that the peer holds. */
  readonly held = new RangeSet(PIECES_MAX);
  /** Everything below was sent since the datagram path was last begun anew. */
  sentTo = 0;
  /** `from, to` of pieces that were lost, in turn. */
  readonly lost: number[] = [];

  /** The first byte from `sentTo` on that is to be sent; the length of the record when there is none. */
  nextOffset(): number {
    return this.held.firstGap(this.sentTo);
  }

  /** The piece of `from` to `to` is held. @returns whether all of the record is */
  hold(from: number, to: number, totalBytes: number): boolean {
    this.held.addRange(from, to - 1);
    return this.held.size === totalBytes;
  }

  /** Begin anew with what is not held. */
  rewind(): void {
    this.sentTo = 0;
    this.lost.length = 0;
  }
}
