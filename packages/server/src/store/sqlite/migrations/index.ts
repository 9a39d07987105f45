import type { Database } from '../database.ts';
import { firstSchema } from './0001-first-schema.ts';
import { namesAndKeys } from './0002-names-and-keys.ts';
import { toSegments } from './0003-segments.ts';
import { namesInUse } from './0004-names-in-use.ts';

/** SQL text, or what does more than that; within a transaction. */
export type Migration = string | ((database: Database) => void);

/**
 * Every change to the schema, in order; the place in this list, from 1, is the schema's version. Only ever appended to:
 * a migration that has been released is never edited.
 */
export const migrations: readonly Migration[] = [firstSchema, namesAndKeys, toSegments, namesInUse];
