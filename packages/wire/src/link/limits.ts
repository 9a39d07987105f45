/** Body of one frame, bytes: judged before any of it is held. */
export const LINK_FRAME_BYTES_MAX = 65_536;
/** Ranges of one ACK (its first one counted) or CURSOR. */
export const LINK_RANGES_MAX = 32;
/** PING and PONG carry so many bytes of their sender's choosing. */
export const LINK_PING_BYTES_MAX = 8;
/** PATH_CHALLENGE and PATH_RESPONSE, bytes. */
export const LINK_CHALLENGE_BYTES = 8;
/** Names of users and rooms, passwords, bytes of UTF-8. */
export const LINK_NAME_BYTES_MAX = 255;
/** Sentences for people (CLOSE, REFUSE, FAILED …), bytes of UTF-8. */
export const LINK_TEXT_BYTES_MAX = 512;
/** Name and version of a program, an address; bytes of UTF-8. */
export const LINK_AGENT_BYTES_MAX = 64;
/** Member tokens, bytes of UTF-8. */
export const LINK_TOKEN_BYTES_MAX = 128;
/** HELLO, WELCOME or REFUSE, the whole frame, bytes. */
export const LINK_HANDSHAKE_BYTES_MAX = 1_024;
/** Largest datagram an end may say it takes: bounds. */
export const LINK_DATAGRAM_BYTES_MIN = 1_200;
export const LINK_DATAGRAM_BYTES_MAX = 65_507;
/** Connection ids and session ids, bytes. */
export const LINK_ID_BYTES = 8;
/** A record, whole or in parts, bytes. */
export const LINK_RECORD_BYTES_MAX = 32_768;
/** What names an outbox, bytes. */
export const LINK_OUTBOX_ID_BYTES = 16;
