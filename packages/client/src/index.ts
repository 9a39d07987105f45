export { connect, connectors } from './connect.ts';
export { ClientError, type ClientErrorCode } from './errors.ts';
export { urlPathOfRoom } from './room-of-url.ts';
export type * from './session.ts';
export * from './wires/bridge/index.ts';
