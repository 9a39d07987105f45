export type { BridgeClient } from './client.ts';
export type { BridgeEnd, BridgeEvent, BridgeState } from './events.ts';
export { type BridgeOptions, openBridge } from './open.ts';
export { type PeerLinkTimes, peerLinkTimes } from './peer-link.ts';
export type { Found, Introduction } from './rendezvous.ts';
export { chatText, heldText, wayText } from './session.ts';
