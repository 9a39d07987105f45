import { EventKind } from '../../event-kind.ts';
import type { OutboxAction } from '../../session.ts';

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
