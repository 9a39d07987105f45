import { ChatError } from '@confab/wire';

/** What can go wrong for a client. Listed with cause and remedy in docs/errors.md. */
export type ClientErrorCode =
  | 'URL_INVALID'
  | 'CONNECT_FAILED'
  | 'CONNECT_TIMEOUT'
  | 'PROTOCOL_BROKEN'
  | 'REFUSED'
  | 'ROOM_EXISTS'
  | 'ROOM_NOT_FOUND'
  | 'ROOM_FULL'
  | 'USER_NAME_INVALID'
  | 'ROOM_NAME_INVALID'
  | 'UNAUTHORIZED'
  | 'SERVER_ERROR'
  | 'MESSAGE_TOO_LONG'
  | 'MESSAGE_RESERVED'
  | 'SEND_UNCERTAIN'
  | 'SESSION_CLOSED'
  | 'ID_TAKEN'
  | 'PEER_UNREACHABLE'
  | 'NOT_SUPPORTED'
  | 'QUERY_INVALID'
  | 'USER_NAME_TAKEN'
  | 'PIN_MISMATCH'
  | 'CERTIFICATE_UNTRUSTED'
  | 'DEVICE_KEY_UNUSABLE'
  | 'KNOWN_SERVERS_UNUSABLE'
  | 'KEY_INVALID'
  | 'OUTBOX_FULL'
  | 'OUTBOX_FAILED';

export class ClientError extends ChatError<ClientErrorCode> {}
