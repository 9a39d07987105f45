export * from './delivery.ts';
export * from './delivery-decoder.ts';
export { describeUcrp } from './fields.ts';
export {
  UCRP_DATAGRAM_BYTES_MAX,
  UCRP_LEAVE,
  UCRP_NAME_BYTES_MAX,
  UCRP_REGISTER,
  UCRP_ROOM_CLOSED,
  type UcrpLayout,
} from './limits.ts';
export * from './profile.ts';
export * from './request.ts';
