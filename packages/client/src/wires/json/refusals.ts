import { jsonErrorTexts, jsonTexts, unknownTypeText } from '@confab/wire/json';
import { ClientError, type ClientErrorCode } from '../../errors.ts';

/** These wires tell errors apart by their text alone. What stands not here is REFUSED. */
const codes: ReadonlyMap<string, ClientErrorCode> = new Map([
  [jsonErrorTexts.invalidRoomName, 'ROOM_NAME_INVALID'],
  [jsonErrorTexts.invalidUserName, 'USER_NAME_INVALID'],
  [jsonErrorTexts.incorrectPassword, 'UNAUTHORIZED'],
  [jsonErrorTexts.roomFull, 'ROOM_FULL'],
  [jsonErrorTexts.messageTooLong, 'MESSAGE_TOO_LONG'],
  // Servers that are not Confab's do not know it.
  [unknownTypeText('who'), 'NOT_SUPPORTED'],
  [unknownTypeText('search'), 'NOT_SUPPORTED'],
  [jsonErrorTexts.searchUnavailable, 'SERVER_ERROR'],
  [jsonErrorTexts.tooLong, 'MESSAGE_TOO_LONG'],
  [jsonErrorTexts.serverBusy, 'SERVER_ERROR'],
  [jsonErrorTexts.serverClosing, 'SERVER_ERROR'],
  [jsonErrorTexts.serverError, 'SERVER_ERROR'],
  [jsonTexts.roomClosed, 'SESSION_CLOSED'],
]);

/** An error line as an error. `action`: what failed, such as `Cannot send`. */
export function refusalOf(text: string, action: string): ClientError {
  const badQuery = invalidQueryOf(text);
  if (badQuery !== undefined) return badQuery;
  return new ClientError(codes.get(text) ?? 'REFUSED', `${action}: ${text}`);
}

const INVALID_QUERY = jsonErrorTexts.invalidQuery('');

/** What is wrong with a query, if that is what an error line says. */
export function invalidQueryOf(text: string): ClientError | undefined {
  if (!text.startsWith(INVALID_QUERY)) return undefined;
  return new ClientError('QUERY_INVALID', `Cannot search: ${text.slice(INVALID_QUERY.length)}`);
}

/** A refused join after which one is still where one was: it was refused before that room was left. */
export function isStillInRoom(text: string): boolean {
  return (
    text === jsonErrorTexts.alreadyInRoom ||
    text === jsonErrorTexts.invalidRoomName ||
    text === jsonErrorTexts.invalidUserName
  );
}
