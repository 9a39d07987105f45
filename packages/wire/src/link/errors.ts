/** Error codes of link, for CLOSE, REFUSE, FAILED and REFUSED: docs/wires/link.md "Error codes". */
export const LinkErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  NOT_UNDERSTOOD: 2,
  VERSION_NOT_SPOKEN: 3,
  INTERNAL_ERROR: 4,
  SERVER_CLOSING: 5,
  GUESTS_NOT_ALLOWED: 6,
  USER_NAME_TAKEN: 7,
  DEVICE_PROOF_WRONG: 8,
  NAME_INVALID: 9,
  ROOM_EXISTS: 10,
  ROOM_NOT_FOUND: 11,
  ROOM_FULL: 12,
  ROOM_CLOSED: 13,
  PASSWORD_WRONG: 14,
  NOT_A_MEMBER: 15,
  MESSAGE_TOO_LONG: 16,
  RATE_LIMITED: 17,
  LIMIT_REACHED: 18,
  NOT_VALID: 19,
  NOT_THE_AUTHOR: 20,
} as const;
export type LinkErrorCode = (typeof LinkErrorCode)[keyof typeof LinkErrorCode];
/** Their names, such as `ROOM_FULL`. */
export type LinkErrorName = keyof typeof LinkErrorCode;

const names = new Map<number, LinkErrorName>(
  Object.entries(LinkErrorCode).map(([name, code]) => [code, name as LinkErrorName]),
);

/** The name of a code; undefined when this version has none: a later one may. */
export function linkErrorName(code: number): LinkErrorName | undefined {
  return names.get(code);
}
