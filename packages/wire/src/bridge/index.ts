export * from './decode.ts';
export * from './encode.ts';
export type { BridgeExtra } from './extra.ts';
export { describeBridge } from './fields.ts';
export * from './limits.ts';
export type { BridgePacket, BridgePeer } from './packet.ts';
export * from './sealed-frame.ts';
export * from './sealed-message.ts';
export * from './stream-decoder.ts';
