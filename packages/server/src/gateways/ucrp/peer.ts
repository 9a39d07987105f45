import type { Member } from '@confab/core';
import type { UcrpProfile } from '@confab/wire/ucrp';
import type { DatagramSocket } from '../../datagrams/socket.ts';
import type { DatagramSource, DatagramTarget } from '../../datagrams/source.ts';

/** A member as UCRP knows it. */
export interface UcrpPeer {
  readonly member: Member;
  profile: UcrpProfile;
  /** Where it is written to; undefined until it was heard of. */
  outlet: UcrpOutlet | undefined;
  /** Monotonic time of the last complaint to this member, ms: a flood of bad input is not answered by another. */
  complainedMs: number;
}

/** An address that a member is written to, from the socket it sends to. */
export interface UcrpOutlet {
  readonly socket: DatagramSocket;
  readonly source: DatagramSource;
  /** The source's: what each delivery asks for is here, and not two objects away. */
  readonly target: DatagramTarget;
}
