/** `status_code` of an object dialect verdict. The numbers are the protocol's. */
export const TcrpStatus = {
  SUCCESS: 0,
  ROOM_EXISTS: 1,
  ROOM_NOT_FOUND: 2,
  ROOM_FULL: 3,
  USER_NAME_INVALID: 4,
  ROOM_NAME_INVALID: 5,
  SERVER_ERROR: 6,
  UNAUTHORIZED: 7,
} as const;
export type TcrpStatus = (typeof TcrpStatus)[keyof typeof TcrpStatus];

/** What a server decided about a request, before the token. */
export interface TcrpVerdict {
  readonly statusCode: TcrpStatus;
  /** A sentence for people; the string dialect cannot carry it. */
  readonly message: string;
}

/**
 * The verdicts with the texts that existing servers use, so that programs which compare them go on working. Existing
 * servers have no text for a full room or a fault of their own; those two are Confab's. A closed room is told as one that
 * is not there, since to its client it is the same.
 */
export const TcrpVerdicts = {
  CREATED: { statusCode: TcrpStatus.SUCCESS, message: 'Room creation approved' },
  JOINED: { statusCode: TcrpStatus.SUCCESS, message: 'Join room successful' },
  ROOM_EXISTS: { statusCode: TcrpStatus.ROOM_EXISTS, message: 'Room already exists' },
  ROOM_NOT_FOUND: { statusCode: TcrpStatus.ROOM_NOT_FOUND, message: 'Room does not exist' },
  ROOM_CLOSED: { statusCode: TcrpStatus.ROOM_NOT_FOUND, message: 'Room is no longer active' },
  ROOM_FULL: { statusCode: TcrpStatus.ROOM_FULL, message: 'Room is full' },
  USER_NAME_INVALID: { statusCode: TcrpStatus.USER_NAME_INVALID, message: 'Invalid username' },
  ROOM_NAME_INVALID: { statusCode: TcrpStatus.ROOM_NAME_INVALID, message: 'Invalid room name' },
  SERVER_ERROR: { statusCode: TcrpStatus.SERVER_ERROR, message: 'Server error' },
  PASSWORD_WRONG: { statusCode: TcrpStatus.UNAUTHORIZED, message: 'Incorrect password' },
} as const satisfies Record<string, TcrpVerdict>;
