import { type CoreError, type CoreErrorCode, EventKind, type RoomEvent } from '@confab/core';
import { encodeJsonMessage, encodeJsonSystem, jsonErrorTexts, jsonTexts } from '@confab/wire/json';
import { correctionOf, type OlderWires, reactionOf, textOf } from './degraded.ts';

/**
 * An event of a room as the JSON wires tell it (docs/wires/json-lines.md): one JSON object, without a line feed; undefined
 * when they do not tell it. Its `seq` is the event's position: server-wide, and the same for everybody and for ever.
 */
export function jsonTextOf(event: RoomEvent, room: string, olderWires: OlderWires): string | undefined {
  const { kind, user, position } = event;
  switch (kind) {
    case EventKind.MESSAGE:
      return encodeJsonMessage(room, user, textOf(event), position);
    case EventKind.EDIT: {
      const correction = correctionOf(event, olderWires);
      return correction === undefined ? undefined : encodeJsonMessage(room, user, correction, position);
    }
    case EventKind.REACTION: {
      const reaction = reactionOf(event, olderWires);
      return reaction === undefined ? undefined : encodeJsonSystem(room, reaction, position);
    }
    case EventKind.JOIN:
      return encodeJsonSystem(room, jsonTexts.joined(user), position);
    case EventKind.LEAVE:
      return encodeJsonSystem(room, jsonTexts.left(user), position);
    case EventKind.CLOSE:
      return encodeJsonSystem(room, jsonTexts.roomClosed, position);
    case EventKind.NOTICE:
      return encodeJsonSystem(room, textOf(event), position);
    default:
      return undefined;
  }
}

/**
 * The cursor (sequence number in the room's log) from which somebody who joined reads: first the newest `historyMax` events
 * from before its own join, oldest first, then the join, then what is said. May be below the log's first event.
 * @param joinSeq sequence number of its JOIN, from `Hub.join`
 */
export function historyCursor(joinSeq: number, historyMax: number): number {
  return joinSeq - 1 - historyMax;
}

/** What the JSON wires say for each refusal of the core. A code that is new to the core does not compile until it stands here. */
const errorTexts = {
  // Somebody makes a hosted room of this name just now.
  ROOM_EXISTS: jsonErrorTexts.serverBusy,
  ROOM_NOT_FOUND: jsonErrorTexts.serverBusy,
  ROOM_FULL: jsonErrorTexts.roomFull,
  ROOM_CLOSED: jsonTexts.roomClosed,
  ROOM_NAME_INVALID: jsonErrorTexts.invalidRoomName,
  USER_NAME_INVALID: jsonErrorTexts.invalidUserName,
  NAME_TAKEN: jsonErrorTexts.invalidUserName,
  PASSWORD_WRONG: jsonErrorTexts.incorrectPassword,
  PASSWORD_INVALID: jsonErrorTexts.incorrectPassword,
  MESSAGE_TOO_LONG: jsonErrorTexts.messageTooLong,
  NOT_A_MEMBER: jsonErrorTexts.joinRoomFirst,
  RATE_LIMITED: jsonErrorTexts.tooManyRequests,
  LIMIT_REACHED: jsonErrorTexts.serverBusy,
  SERVER_CLOSING: jsonErrorTexts.serverClosing,
  NOT_THE_AUTHOR: jsonErrorTexts.notYours,
  POST_INVALID: jsonErrorTexts.serverError,
  CONDITION_FAILED: jsonErrorTexts.serverError,
  QUERY_INVALID: (message: string) => jsonErrorTexts.invalidQuery(message.replace(/^Cannot search: /, '')),
  SEARCH_UNAVAILABLE: jsonErrorTexts.searchUnavailable,
  STORE_FAILED: jsonErrorTexts.serverError,
  STORE_FENCED: jsonErrorTexts.serverError,
} as const satisfies Record<CoreErrorCode, string | ((message: string) => string)>;

/**
 * The text of the error line for a refusal.
 * @param notAMember what the wire says to who is in no room; default: that of JSON lines
 */
export function jsonErrorOf(error: CoreError, notAMember: string = jsonErrorTexts.joinRoomFirst): string {
  if (error.code === 'NOT_A_MEMBER') return notAMember;
  const text = errorTexts[error.code];
  return typeof text === 'string' ? text : text(error.message);
}
