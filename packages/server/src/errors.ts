import { ChatError } from '@confab/wire';

/** Why a server cannot start. Listed with cause and remedy in docs/errors.md. */
export type ServerErrorCode =
  | 'HOST_UNRESOLVED'
  | 'ADDRESS_UNAVAILABLE'
  | 'PORT_BUSY'
  | 'PORT_FORBIDDEN'
  | 'LISTEN_FAILED'
  | 'LOG_UNWRITABLE';

/** The message is one line that says what to do. */
export class ServerError extends ChatError<ServerErrorCode> {}
