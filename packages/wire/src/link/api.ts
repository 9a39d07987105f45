import type { LinkCrypto } from './crypto.ts';
import type { RecordRun } from './record-run.ts';

/** A way from one end to the other. */
export type LinkPath = 'tcp' | 'udp';

/** Which of them a session may use: both directions are bound by it. */
export type PathMode = 'auto' | LinkPath;

/** Why the path in use changed; the numbers are those of PATH frames. */
export type PathReason =
  | 'proved'
  | 'nothing-acknowledged'
  | 'nothing-received'
  | 'configured'
  | 'socket-failed'
  | 'peer';

export interface LinkSessionOptions {
  readonly role: 'client' | 'server';
  readonly mode: PathMode;
  readonly crypto: LinkCrypto;
  /**
   * 32 bytes from the TLS exporter, label `EXPORTER-confab/1 datagrams`, of the connection that began the session; undefined
   * when datagrams are not offered or not wanted.
   */
  readonly datagramSecret: Uint8Array | undefined;
  /** Connection id to the server, 8 bytes, from WELCOME. */
  readonly connectionId: Uint8Array;
  /** Largest datagram that both ends take, bytes, at least 1200. */
  readonly datagramBytesMax: number;
  /** Address that the client sends its datagrams to; the server learns the client's. Opaque here. */
  readonly peerAddress: string | undefined;
  /**
   * At least as long as the largest datagram. Where it is given, what `pollDatagram` gives is made there and good until the
   * next call; any number of sessions may share it.
   */
  readonly packetBuffer?: Uint8Array;
  readonly limits?: Partial<LinkLimits>;
  readonly tuning?: Partial<LinkTuning>;
}

/** Bounds on what a peer can make us keep; see docs/wires/link.md. */
export interface LinkLimits {
  readonly frameBytesMax: number;
  readonly recordBytesMax: number;
  readonly partsBytesMax: number;
  readonly aheadRecordsMax: number;
  readonly aheadBytesMax: number;
  readonly channelsMax: number;
  readonly windowRecords: number;
  readonly windowBytes: number;
  readonly ackRangesMax: number;
  /** Ephemerals that wait for room; the oldest are dropped. */
  readonly ephemeralsMax: number;
}

/** Times and shares; see docs/wires/link.md. */
export interface LinkTuning {
  readonly keepaliveMs: number;
  readonly ackDelayMsMax: number;
  /** How long an acknowledgement may wait for something to go along with, where an answer is likely. */
  readonly ackGatherMs: number;
  /** On TCP a CURSOR follows after so long, or so many records, whichever comes first. */
  readonly cursorDelayMs: number;
  readonly cursorRecords: number;
  readonly probeIntervalMs: number;
  readonly probeIntervalMsMax: number;
  /** Time from an answered challenge to the next one, where several are needed in a row. */
  readonly probeConfirmMs: number;
  readonly deadAfterPtos: number;
  readonly deadAfterMs: number;
  /** A connection on which nothing comes for so long though something was due is dead. */
  readonly streamDeadMs: number;
  readonly copyShareMin: number;
  readonly copyLossGoal: number;
  readonly copyRecordBytesMax: number;
  readonly keyPackets: number;
}

/** What a session has to tell, oldest first, from `pollEvent`. */
export type LinkEvent =
  /** The channel's next record: in order, each once. */
  | { readonly type: 'record'; readonly channel: number; readonly number: number; readonly body: Uint8Array }
  /** The peer will not send these. */
  | { readonly type: 'skipped'; readonly channel: number; readonly first: number; readonly last: number }
  /** The peer holds every record of ours below `next`. */
  | { readonly type: 'held'; readonly channel: number; readonly next: number }
  /** `send` on this channel was full and has room again. */
  | { readonly type: 'drained'; readonly channel: number }
  | { readonly type: 'ephemeral'; readonly channel: number; readonly kind: number; readonly body: Uint8Array }
  /** Records go this way from now on. */
  | { readonly type: 'path'; readonly path: LinkPath; readonly reason: PathReason }
  /** Nothing comes on the connection though something was due: end it; the client connects anew with its ticket. */
  | { readonly type: 'stream-dead' }
  /** The peer said CLOSE, or broke the protocol (then we say so to it): the session is over. */
  | { readonly type: 'closed'; readonly code: number; readonly text: string; readonly byPeer: boolean };

/** How good the link is, for people. Times in ms; undefined where nothing was measured yet. */
export interface LinkReadout {
  readonly path: LinkPath;
  /** Whether the other path works at the moment as well. */
  readonly paths: Readonly<Record<LinkPath, 'up' | 'probing' | 'down' | 'off'>>;
  readonly rttMs: number | undefined;
  readonly rttMinMs: number | undefined;
  /** Mean deviation of the round-trip time (RTTVAR). */
  readonly jitterMs: number | undefined;
  /** Share of our packets that were lost, of the last 500; 0–1. */
  readonly lossOut: number | undefined;
  /** Share of the peer's packets that did not come, of the last 500 numbers; 0–1. */
  readonly lossIn: number | undefined;
  /** Largest packet known to pass, bytes of UDP payload. */
  readonly mtuBytes: number;
  /** When something of ours was last acknowledged, on the session's clock. */
  readonly confirmedMs: number | undefined;
  readonly copies: number;
  readonly retransmissions: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Packets dropped, by reason: `unauthentic`, `duplicate`, `malformed`. */
  readonly dropped: Readonly<Record<string, number>>;
}

/**
 * One session of link, as a state machine: bytes and time in, bytes, deadlines and events out. Times are ms on one
 * monotonic clock, with fractions. After any call that takes bytes, records or time: write what `pollStream` and
 * `pollDatagram` give, handle what `pollEvent` gives, and call `onTimeout` when `nextTimeoutMs` has come.
 */
export interface LinkEndpoint {
  /** A TLS connection is there for this session (the first, or a later one with its ticket); HELLO and WELCOME are done. */
  streamOpened(nowMs: number): void;
  /** Bytes from the connection, after HELLO or WELCOME; any split. */
  streamReceived(nowMs: number, bytes: Uint8Array): void;
  streamClosed(nowMs: number): void;
  /** Bytes to write to the connection, at most about `bytesMax`; stop asking while the socket is full. */
  pollStream(nowMs: number, bytesMax: number): Uint8Array | undefined;

  /** A datagram with this session's connection id. `from` is opaque; equal strings are equal addresses. */
  datagramReceived(nowMs: number, datagram: Uint8Array, from: string): void;
  pollDatagram(nowMs: number): { readonly to: string; readonly bytes: Uint8Array } | undefined;
  /** The local datagram socket was replaced, or failed (then no datagrams until it is replaced). */
  datagramSocket(nowMs: number, state: 'replaced' | 'failed'): void;

  /** Begin a channel: number of the first record we send and of the first one we get. Channel 0 is there from the start. */
  openChannel(channel: number, options: { readonly sendFrom: number; readonly receiveFrom: number }): void;
  /** Forget it: what is not acknowledged is given up, what still arrives is dropped. */
  closeChannel(channel: number): void;
  /**
   * Append a record to a channel. The bytes are not copied: never write to them again.
   * @returns its number, and whether the window is full now: then send no more until `drained`
   */
  send(channel: number, body: Uint8Array): { readonly number: number; readonly isFull: boolean };
  /** As `send` for each of them, in order. @returns whether the window is full now */
  sendAll(channel: number, bodies: readonly Uint8Array[]): boolean;
  /**
   * As `sendAll`, of records that many sessions send: what they have in common is made once. The run begins with the
   * channel's next number, and none of it is an own event.
   * @returns whether the window is full now
   */
  sendRun(channel: number, run: RecordRun): boolean;
  /** Instead of the next records up to this number: they will not come. */
  skip(channel: number, last: number): void;
  /** Sent once and forgotten. */
  sendEphemeral(channel: number, kind: number, body: Uint8Array): void;

  /** When to call `onTimeout` at the latest; undefined: nothing is due. Calls that come early do nothing. */
  nextTimeoutMs(): number | undefined;
  onTimeout(nowMs: number): void;
  pollEvent(): LinkEvent | undefined;
  /** Say CLOSE on every path that works; nothing but what `pollStream` and `pollDatagram` still give goes out after it. */
  close(nowMs: number, code: number, text: string): void;
  readonly readout: LinkReadout;
}
