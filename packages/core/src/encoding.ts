import type { RoomEvent } from './event.ts';
import type { Reader } from './reader.ts';

/** One encoded piece of an event: a datagram, or a stretch of a stream. Shared by all readers of a group: never written to. */
export interface Unit {
  readonly seq: number;
  /** Member who caused the event, for wires that do not echo to the sender. */
  readonly author: number;
  readonly bytes: Uint8Array;
}

/** Neighbours in a log that were encoded together. Shared by all readers of a group: never written to. */
export interface UnitRun {
  /** The oldest and the newest of the events, whether the wire shows them or not. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Events that are shown. */
  readonly count: number;
  /** One of the events alone; undefined when the wire does not show it. */
  unitOf(seq: number): Unit | undefined;
}

/**
 * How the members of one wire and dialect are shown events. A gateway makes one object per way of encoding and uses that
 * same object for all members it fits: readers are grouped by it, and an event is encoded once per group.
 */
export interface Encoding<Outlet> {
  /** For logs and metrics, such as `ucrp/string`. */
  readonly name: string;
  /**
   * Whether readers of this encoding ever read older events (they join with history, resume, or their outlets fill up). If
   * so, the encoded form of the log's tail is kept and shared; if not, keeping it would be a waste.
   */
  readonly isReplayed: boolean;
  /** The event's bytes, in one or several pieces; none when this wire does not show such events. */
  encode(event: RoomEvent, roomName: string): readonly Uint8Array[];
  /**
   * Several events at once, for encodings that can share work among them: the same bytes in the same order as `encode` gives
   * for each, at most one unit for each event. When it throws, the events are encoded one by one.
   * @param events neighbours in the log, at least one
   */
  encodeTogether?(events: readonly RoomEvent[], roomName: string): UnitRun;
  /** As `deliver`, for all of a run that `encodeTogether` made. Belongs to it. */
  deliverRun?(run: UnitRun, readers: readonly Reader<Outlet>[]): void;
  /**
   * Write the units, oldest first, to each reader's outlet. Must not throw and must not wait: an outlet that is full calls
   * `reader.pause()` after this write, and `reader.resume()` when it has drained. The list is the group's own: do not keep
   * it. A reader that was detached while the list is being walked may still come up in it; its `state` tells.
   */
  deliver(units: readonly Unit[], readers: readonly Reader<Outlet>[]): void;
  /** The reader lagged too far, or the log has lost them: events `firstSeq`–`lastSeq` are left out for it. */
  skipped?(reader: Reader<Outlet>, firstSeq: number, lastSeq: number): void;
}
