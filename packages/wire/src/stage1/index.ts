export * from './decode.ts';
export * from './encode.ts';
export { describeStage1 } from './fields.ts';
export {
  STAGE1_DATAGRAM_BYTES_MAX,
  STAGE1_SYSTEM_USER,
  STAGE1_USER_BYTES_MAX,
  type Stage1Layout,
  Stage1Type,
} from './limits.ts';
export * from './texts.ts';
