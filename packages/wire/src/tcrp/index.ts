export * from './answer-decoder.ts';
export * from './answer-payload.ts';
export { describeTcrp } from './fields.ts';
export {
  encodeTcrpFrame,
  TCRP_PAYLOAD_BYTES_MAX,
  TCRP_ROOM_BYTES_MAX,
  type TcrpFrame,
  type TcrpLayout,
  TcrpOperation,
  TcrpState,
} from './frame.ts';
export {
  decodeTcrpRequest,
  dialectOf,
  encodeTcrpRequest,
  type TcrpDialect,
  type TcrpOptions,
  type TcrpRequest,
} from './payload.ts';
export * from './request-decoder.ts';
export * from './status.ts';
