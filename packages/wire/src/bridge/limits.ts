/** Largest packet in either direction, bytes; also the most that is held of an unfinished one. */
export const BRIDGE_PACKET_BYTES_MAX = 1024;
/** Longest client id, bytes of UTF-8; two of them fit a packet with room to spare. */
export const BRIDGE_ID_BYTES_MAX = 255;
/** Longest address text, bytes of UTF-8. */
export const BRIDGE_IP_BYTES_MAX = 255;
/** How packets travel: a TCP connection for each to the server, one for all between peers; or UDP datagrams. */
export type BridgeMode = 'tcp' | 'udp';
