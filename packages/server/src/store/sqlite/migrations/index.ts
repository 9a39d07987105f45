import { firstSchema } from './0001-first-schema.ts';
import { namesAndKeys } from './0002-names-and-keys.ts';
import { namesInUse } from './0003-names-in-use.ts';

/**
 * Every change to the schema, in order; the place in this list, from 1, is the schema's version. Only ever appended to:
 * a migration that has been released is never edited.
 */
export const migrations: readonly string[] = [firstSchema, namesAndKeys, namesInUse];
