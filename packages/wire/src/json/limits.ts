/** Longest line or request, bytes of UTF-8, without its line feed. */
export const JSON_LINE_BYTES_MAX = 65_536;
/** Largest datagram, bytes: what is left of 65535 when the IPv4 and UDP headers are paid for. */
export const JSON_DATAGRAM_BYTES_MAX = 65_507;
/** Longest request id that is a string, UTF-16 code units. */
export const JSON_ID_LENGTH_MAX = 64;
/** User name of the server's own lines. */
export const JSON_SYSTEM_USER = 'system';
/** What the greeting gives as its room; there is none yet. */
export const JSON_SYSTEM_ROOM = 'system';
