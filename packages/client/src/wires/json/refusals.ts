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
  [jsonErrorTexts.tooLong, 'MESSAGE_TOO_LONG'],
  [jsonErrorTexts.serverBusy, 'SERVER_ERROR'],
  [jsonErrorTexts.serverClosing, 'SERVER_ERROR'],
  [jsonErrorTexts.serverError, 'SERVER_ERROR'],
  [jsonTexts.roomClosed, 'SESSION_CLOSED'],
]);

/** An error line as an error. `action`: what failed, such as `Cannot send`. */
export function refusalOf(text: string, action: string): ClientError {
  return new ClientError(codes.get(text) ?? 'REFUSED', `${action}: ${text}`);
}

/** A refused join after which one is still where one was: it was refused before that room was left. */
export function isStillInRoom(text: string): boolean {
  return (
    text === jsonErrorTexts.alreadyInRoom ||
    text === jsonErrorTexts.invalidRoomName ||
    text === jsonErrorTexts.invalidUserName
  );
}
