import type { CoreErrorCode } from '@confab/core';
import { TcrpStatus, type TcrpVerdict, TcrpVerdicts } from '@confab/wire/tcrp';

const serverError = (message: string): TcrpVerdict => ({ statusCode: TcrpStatus.SERVER_ERROR, message });
const unauthorized = (message: string): TcrpVerdict => ({ statusCode: TcrpStatus.UNAUTHORIZED, message });

/** What TCRP says for each refusal of the core. A code that is new to the core does not compile until it stands here. */
export const verdicts = {
  ROOM_EXISTS: TcrpVerdicts.ROOM_EXISTS,
  ROOM_NOT_FOUND: TcrpVerdicts.ROOM_NOT_FOUND,
  ROOM_CLOSED: TcrpVerdicts.ROOM_CLOSED,
  ROOM_FULL: TcrpVerdicts.ROOM_FULL,
  ROOM_NAME_INVALID: TcrpVerdicts.ROOM_NAME_INVALID,
  USER_NAME_INVALID: TcrpVerdicts.USER_NAME_INVALID,
  NAME_TAKEN: TcrpVerdicts.USER_NAME_INVALID,
  PASSWORD_WRONG: TcrpVerdicts.PASSWORD_WRONG,
  PASSWORD_INVALID: unauthorized('Invalid password'),
  NOT_A_MEMBER: unauthorized('Not a member of the room'),
  RATE_LIMITED: serverError('Too many requests, try again later'),
  LIMIT_REACHED: serverError('Server is full'),
  SERVER_CLOSING: serverError('Server is shutting down'),
  STORE_FAILED: TcrpVerdicts.SERVER_ERROR,
  STORE_FENCED: TcrpVerdicts.SERVER_ERROR,
  MESSAGE_TOO_LONG: TcrpVerdicts.SERVER_ERROR,
  NOT_THE_AUTHOR: unauthorized('Not your message'),
  POST_INVALID: TcrpVerdicts.SERVER_ERROR,
  CONDITION_FAILED: TcrpVerdicts.SERVER_ERROR,
  QUERY_INVALID: TcrpVerdicts.SERVER_ERROR,
  SEARCH_UNAVAILABLE: TcrpVerdicts.SERVER_ERROR,
} as const satisfies Record<CoreErrorCode, TcrpVerdict>;
