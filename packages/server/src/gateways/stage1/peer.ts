import type { Member } from '@confab/core';
import type { Stage1Datagram, Stage1Layout } from '@confab/wire/stage1';
import type { DatagramSource } from '../../datagrams/source.ts';

/** An address that has joined, or (plain layout) has been heard. */
export interface Stage1Peer extends DatagramSource {
  readonly layout: Stage1Layout;
  /** Undefined while the core lets it in. */
  member: Member | undefined;
  /** What it said meanwhile, in order. */
  waiting: Stage1Datagram[];
  /** Whether more than one datagram came from it: as near to a proof that it is there as this wire has. */
  isHeardAgain: boolean;
  /** Monotonic time of the last complaint to it, ms: a flood of bad input is not answered by another. */
  complainedMs: number;
}
