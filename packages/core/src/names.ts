import { CoreError } from './errors.ts';

/** Longest room or user name, bytes of UTF-8. */
export const NAME_BYTES_MAX = 255;

/** The server's own voice on every wire; nobody may take it, in any letter case. */
export const SYSTEM_USER = 'system';
/** By Unicode case folding, which knows a second small `s` (U+017F). */
const systemUser = new RegExp(`^${SYSTEM_USER}$`, 'iu');

/** Length of a well-formed string in bytes of UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes, so each half counts two.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/**
 * Room names: case-sensitive, 1–255 bytes of UTF-8, no control characters, no white space at either end. Validated, never
 * normalised: two names are the same only if their bytes are.
 * @throws {CoreError} ROOM_NAME_INVALID
 */
export function validateRoomName(name: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) throw new CoreError('ROOM_NAME_INVALID', `Invalid room name ${quoted(name)}: ${fault}`);
}

/**
 * User names: as room names, and not the server's own name, `system`.
 * @throws {CoreError} USER_NAME_INVALID
 */
export function validateUserName(name: string): void {
  const fault = nameFault(name) ?? (systemUser.test(name) ? 'it is reserved for the server' : undefined);
  if (fault !== undefined) throw new CoreError('USER_NAME_INVALID', `Invalid user name ${quoted(name)}: ${fault}`);
}

function nameFault(name: string): string | undefined {
  if (name.length === 0) return 'it is empty';
  if (!name.isWellFormed()) return 'it is not well-formed Unicode';
  if (/\p{Cc}/u.test(name)) return 'it holds a control character';
  if (name.trim() !== name) return 'it begins or ends with white space';
  const bytes = utf8Length(name);
  return bytes > NAME_BYTES_MAX ? `${bytes} bytes exceed ${NAME_BYTES_MAX}` : undefined;
}

/** A name fit for one line of an error message, whatever it holds. */
function quoted(name: string): string {
  const text = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
  // JSON leaves DEL, C1 and the line separators as they are; a terminal or a log viewer may obey them.
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
