/** How many there are. */
export interface CrowdSize {
  readonly rooms: number;
  readonly membersPerRoom: number;
}

/** Where a server listens. */
export interface Address {
  readonly pid: number;
  /** What the load goes to. */
  readonly port: number;
  /** Where members get in, for a wire that has another port for that. */
  readonly controlPort?: number;
}

/** What a member says to get in, each time until it has been told what it waits for; nothing to wait for: an empty one. */
export interface Step {
  readonly say: Uint8Array;
  readonly await: Uint8Array;
}

/** One member, as the generator plays it. */
export interface MemberScript {
  readonly room: number;
  readonly steps: readonly Step[];
  /** What stands around the 64 bytes of a message's text. */
  readonly before: Uint8Array;
  readonly behind: Uint8Array;
}

/** How to play the members of one protocol. A new wire is one of these. */
export interface LoadWire {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  /** Spoken by the generator itself (native/link*.c) and not by scripts; then steps name the user and the room. */
  readonly isLink?: boolean;
  /** Whether who says something is told it, too. */
  readonly hasEcho: boolean;
  script(room: number, place: number, address: Address): MemberScript | Promise<MemberScript>;
}

/** Bytes of a message's text; as in native/crowd.h. */
export const BODY_BYTES = 64;

export const bytesOf = (text: string): Uint8Array => Buffer.from(text);
export const NOTHING = new Uint8Array(0);
export const roomName = (room: number): string => `r${room}`;
export const userName = (room: number, place: number): string => `u${room}-${place}`;
