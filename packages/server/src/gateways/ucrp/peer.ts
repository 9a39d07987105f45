import type { Member } from '@confab/core';
import type { UcrpProfile } from '@confab/wire/ucrp';
import type { DatagramSocket } from '../../datagrams/socket.ts';
import { type DatagramSource, DatagramTarget } from '../../datagrams/source.ts';

/** A member as UCRP knows it. */
export interface UcrpPeer {
  readonly member: Member;
  profile: UcrpProfile;
  /** Where it is written to; undefined until it was heard of. */
  outlet: UcrpOutlet | undefined;
  /** Monotonic time of the last complaint to this member, ms: a flood of bad input is not answered by another. */
  complainedMs: number;
}

/**
 * An address that a member is written to, from the socket it sends to. A target itself, since a thousand members do not stay in
 * the processor's nearest caches: what a delivery touches of each is its reader and this.
 */
export class UcrpOutlet extends DatagramTarget {
  readonly socket: DatagramSocket;
  readonly source: DatagramSource;

  constructor(socket: DatagramSocket, source: DatagramSource) {
    super(source.target.address, source.target.port);
    this.socket = socket;
    this.source = source;
  }
}
