export * from './decode.ts';
export * from './encode.ts';
export * from './limits.ts';
export type { BridgePacket, BridgePeer } from './packet.ts';
export * from './stream-decoder.ts';
