/** Largest datagram in either direction, bytes, header included. */
export const STAGE1_DATAGRAM_BYTES_MAX = 4096;
/** Longest user name, bytes of UTF-8: what its one-byte length can say. */
export const STAGE1_USER_BYTES_MAX = 255;
/** The user that the server's own lines come from. */
export const STAGE1_SYSTEM_USER = 'SYSTEM';

/** Byte 0 of a typed datagram: what it is for. The server goes by it, never by the text. */
export const Stage1Type = { CHAT: 0, JOIN: 1, SYSTEM: 2, HEARTBEAT: 3, DISCONNECT: 4, PING: 5 } as const;
export type Stage1Type = (typeof Stage1Type)[keyof typeof Stage1Type];

/**
 * How a datagram is laid out (docs/wires/stage1.md): with a type byte, as programs send, or without one, as in a
 * description. A client is answered in the layout of its first datagram.
 */
export type Stage1Layout = 'typed' | 'plain';

/** Number of bytes before the user name. */
export const HEAD_BYTES = { typed: 2, plain: 1 } as const satisfies Record<Stage1Layout, number>;

/** Whether a first byte is a type; any other first byte can only be the length of a user name. */
export function isStage1Type(byte: number): byte is Stage1Type {
  return Number.isInteger(byte) && byte >= Stage1Type.CHAT && byte <= Stage1Type.PING;
}
