/** Kinds of events that clients know: the numbers are those of the server's log, which only grow. */
export const EventKind = {
  MESSAGE: 1,
  JOIN: 2,
  LEAVE: 3,
  CLOSE: 4,
  NOTICE: 5,
  EDIT: 6,
  DELETE: 7,
  REACTION: 8,
} as const;
