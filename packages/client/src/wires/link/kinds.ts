import type { OutboxAction } from '../../session.ts';

/** Kinds of events and posts that this client knows: the numbers are those of the core, which only grow. */
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

const actions: ReadonlyMap<number, OutboxAction> = new Map([
  [EventKind.MESSAGE, 'message'],
  [EventKind.EDIT, 'edit'],
  [EventKind.DELETE, 'withdrawal'],
  [EventKind.REACTION, 'reaction'],
]);

/** What a post of a kind is, for people. */
export function actionOf(kind: number): OutboxAction {
  return actions.get(kind) ?? 'other';
}
