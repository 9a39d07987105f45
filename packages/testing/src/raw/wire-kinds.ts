import { hybridKinds } from './hybrid-kind.ts';
import { jsonKinds } from './json-kinds.ts';
import { linkKinds } from './link-kind.ts';
import type { WireKind } from './member.ts';
import { stage1Kinds } from './stage1-kind.ts';

/** Every wire that has rooms, in each of its dialects and layouts. */
export const wireKinds: readonly WireKind[] = [...hybridKinds, ...stage1Kinds, ...jsonKinds, ...linkKinds];
