export * from './codec.ts';
export * from './errors.ts';
export type { Direction, Field } from './fields.ts';
export * from './text.ts';
