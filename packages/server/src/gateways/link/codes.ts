import { CoreError, type CoreErrorCode } from '@confab/core';
import { LINK_TEXT_BYTES_MAX, LinkErrorCode } from '@confab/wire/link';

/** What link says for each refusal of the core. A code that is new to the core does not compile until it stands here. */
export const linkCodes = {
  ROOM_EXISTS: LinkErrorCode.ROOM_EXISTS,
  ROOM_NOT_FOUND: LinkErrorCode.ROOM_NOT_FOUND,
  ROOM_FULL: LinkErrorCode.ROOM_FULL,
  ROOM_CLOSED: LinkErrorCode.ROOM_CLOSED,
  ROOM_NAME_INVALID: LinkErrorCode.NAME_INVALID,
  USER_NAME_INVALID: LinkErrorCode.NAME_INVALID,
  NAME_TAKEN: LinkErrorCode.USER_NAME_TAKEN,
  PASSWORD_WRONG: LinkErrorCode.PASSWORD_WRONG,
  PASSWORD_INVALID: LinkErrorCode.NOT_VALID,
  MESSAGE_TOO_LONG: LinkErrorCode.MESSAGE_TOO_LONG,
  POST_INVALID: LinkErrorCode.NOT_VALID,
  CONDITION_FAILED: LinkErrorCode.NOT_VALID,
  RATE_LIMITED: LinkErrorCode.RATE_LIMITED,
  LIMIT_REACHED: LinkErrorCode.LIMIT_REACHED,
  NOT_A_MEMBER: LinkErrorCode.NOT_A_MEMBER,
  NOT_THE_AUTHOR: LinkErrorCode.NOT_THE_AUTHOR,
  SERVER_CLOSING: LinkErrorCode.SERVER_CLOSING,
  QUERY_INVALID: LinkErrorCode.NOT_VALID,
  SEARCH_UNAVAILABLE: LinkErrorCode.INTERNAL_ERROR,
  STORE_FAILED: LinkErrorCode.INTERNAL_ERROR,
  STORE_FENCED: LinkErrorCode.INTERNAL_ERROR,
} as const satisfies Record<CoreErrorCode, number>;

/** Why something is not done, as the wire says it. */
export interface Refusal {
  readonly code: LinkErrorCode;
  /** At most 512 bytes. */
  readonly text: string;
}

/** Quotes of three bytes for each character would still fit. */
const TEXT_LENGTH_MAX = Math.floor(LINK_TEXT_BYTES_MAX / 3);

export function refusal(code: LinkErrorCode, text: string): Refusal {
  return { code, text: text.slice(0, TEXT_LENGTH_MAX).toWellFormed() };
}

/** What the core says, for people and programs; anything else is a fault of our own, and thrown. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof CoreError) return refusal(linkCodes[error.code], error.message);
  throw error;
}
