/** What can be wrong with a request to the core. Stable; listed with cause and remedy in docs/errors.md. */
export type CoreErrorCode =
  | 'ROOM_EXISTS'
  | 'ROOM_NOT_FOUND'
  | 'ROOM_FULL'
  | 'ROOM_CLOSED'
  | 'ROOM_NAME_INVALID'
  | 'USER_NAME_INVALID'
  | 'NAME_TAKEN'
  | 'PASSWORD_WRONG'
  | 'PASSWORD_INVALID'
  | 'MESSAGE_TOO_LONG'
  | 'POST_INVALID'
  | 'NOT_THE_AUTHOR'
  | 'CONDITION_FAILED'
  | 'QUERY_INVALID'
  | 'SEARCH_UNAVAILABLE'
  | 'RATE_LIMITED'
  | 'LIMIT_REACHED'
  | 'NOT_A_MEMBER'
  | 'SERVER_CLOSING'
  | 'STORE_FAILED'
  | 'STORE_FENCED';

/** A refusal by the core: match on `code`; the message is a sentence for people, without secrets or message text. */
export class CoreError extends Error {
  override readonly name = 'CoreError';
  readonly code: CoreErrorCode;

  constructor(code: CoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
