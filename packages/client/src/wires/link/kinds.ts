/** Kinds of events and posts that this client knows: the numbers are those of the core, which only grow. */
export const EventKind = { MESSAGE: 1, JOIN: 2, LEAVE: 3, CLOSE: 4, NOTICE: 5 } as const;
