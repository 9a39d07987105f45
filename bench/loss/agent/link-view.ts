import type { SessionEvent } from '@confab/client';

/** A session has taken another path. */
export interface PathNote {
  readonly path: string;
  readonly reason: string;
}

/** What a session tells of a change of path; wires with one path tell nothing. */
export function pathNoteOf(event: SessionEvent): PathNote | undefined {
  if (event.type !== 'link' || !event.isChange) return undefined;
  return { path: event.status.path, reason: event.status.reason ?? '' };
}
