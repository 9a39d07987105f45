import { CoreError } from './errors.ts';
import { EventKind, isServerKind, type RoomEvent } from './event.ts';
import { CONDITION_KIND_MIN } from './log.ts';
import type { Member } from './member.ts';
import type { Post } from './requests.ts';

/** A client id longer than this is refused. */
export const CLIENT_ID_LENGTH_MAX = 128;
/** Highest number of an event kind: unsigned, 32 bits. */
export const EVENT_KIND_MAX = 0xffff_ffff;

/** What is wrong with the numbers and the id of a post. */
export function postFault({ kind = EventKind.MESSAGE, clientId, target, condition }: Post): string | undefined {
  if (!isCount(kind, EVENT_KIND_MAX)) return `event kind ${kind} is not a whole number from 1 to ${EVENT_KIND_MAX}`;
  if (isServerKind(kind)) return `event kind ${kind} is the server's own`;
  if (target === undefined && needsTarget(kind)) return `event kind ${kind} names no event`;
  if (target !== undefined && !isCount(target)) return `target ${target} is not a sequence number`;
  if (condition !== undefined) {
    if (!isCount(condition.kind, EVENT_KIND_MAX) || condition.kind < CONDITION_KIND_MIN) {
      return `a condition names kinds from ${CONDITION_KIND_MIN} up, not ${condition.kind}`;
    }
    if (condition.seq !== 0 && !isCount(condition.seq)) return `condition ${condition.seq} is not a sequence number`;
  }
  if (clientId === undefined) return undefined;
  if (clientId.length > CLIENT_ID_LENGTH_MAX) return `client id exceeds ${CLIENT_ID_LENGTH_MAX} characters`;
  // Two broken ids could become one on their way into the store.
  return clientId.isWellFormed() ? undefined : 'client id is not well-formed Unicode';
}

/** Whether a post of this kind stands for nothing without the event that it names. */
export function needsTarget(kind: number): boolean {
  return kind === EventKind.EDIT || kind === EventKind.DELETE || kind === EventKind.REACTION;
}

/**
 * Why a member may not edit, withdraw or react to an event.
 * @param target the event; undefined: the log has none of this number
 */
export function targetFault(kind: number, member: Member, target: RoomEvent | undefined): CoreError | undefined {
  if (target === undefined) return new CoreError('POST_INVALID', 'Cannot post: the event it names does not exist');
  if (!mayBeTarget(kind, target.kind)) {
    const fault = `event ${target.seq}, of kind ${target.kind}, is nothing that kind ${kind} can name`;
    return new CoreError('POST_INVALID', `Cannot post: ${fault}`);
  }
  if (kind === EventKind.REACTION || target.author === member.id) return undefined;
  return new CoreError('NOT_THE_AUTHOR', `Cannot post: event ${target.seq} is somebody else's`);
}

/** What people said can be edited, withdrawn and reacted to; a reaction can be withdrawn. Applications' kinds are theirs. */
function mayBeTarget(kind: number, targetKind: number): boolean {
  if (targetKind === EventKind.REACTION) return kind === EventKind.DELETE;
  return targetKind === EventKind.MESSAGE || targetKind >= CONDITION_KIND_MIN;
}

function isCount(value: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}
