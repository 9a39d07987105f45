export * from './event.ts';
export * from './event-decoder.ts';
export { describeJson } from './fields.ts';
export * from './limits.ts';
export * from './line-decoder.ts';
export type { JsonId } from './members.ts';
export * from './request.ts';
export * from './texts.ts';
