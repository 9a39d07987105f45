/**
 * What a session tells of the path that it uses. Wires with one path tell nothing; those with more send events of type
 * `link` that name the path in use and why it changed.
 */
export interface PathNote {
  readonly path: string;
  readonly reason: string;
}

/** Read without the event's type, so that the benchmark also runs with a client library that has no such event. */
export function pathNoteOf(event: { readonly type: string }): PathNote | undefined {
  if (event.type !== 'link') return undefined;
  const { path, reason } = event as { readonly path?: unknown; readonly reason?: unknown };
  return typeof path === 'string' ? { path, reason: typeof reason === 'string' ? reason : '' } : undefined;
}
