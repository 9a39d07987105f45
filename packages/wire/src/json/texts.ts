import { JSON_LINE_BYTES_MAX } from './limits.ts';

/** What the server says in `system` lines. Existing programs know `Welcome!` at the start, ` joined` and ` left`. */
export const jsonTexts = {
  welcome: 'Welcome! Join a room to start chatting.',
  joined: (name: string): string => `${name} joined`,
  left: (name: string): string => `${name} left`,
  roomClosed: 'Room closed: the host has left',
} as const;

/**
 * What the server says in `error` lines. The text is all there is: these wires have no error numbers, so a client that wants
 * to know which error it was compares the text. What is wrong with a request beside these is told by `decodeJsonRequest`.
 */
export const jsonErrorTexts = {
  // About the bytes
  invalidUtf8: 'Invalid UTF-8',
  invalidJson: 'Invalid JSON',
  notAnObject: 'Not a JSON object',
  tooLong: `Request too long: the limit is ${JSON_LINE_BYTES_MAX} bytes`,
  // About the moment
  alreadyInRoom: 'Already in that room',
  /** JSON lines: a message before a join. */
  joinRoomFirst: 'Join a room first',
  /** JSON datagrams: a message before a join. */
  joinFirst: 'Join first',
  serverBusy: 'Server busy, try again later',
  serverClosing: 'Server is shutting down',
  serverError: 'Server error',
  tooManyRequests: 'Too many requests, slow down',
  /** A request that did not arrive whole in time. */
  timedOut: 'Request timed out',
  /** WebSocket: requests are text. */
  binaryFrame: 'Binary frames are not accepted',
  /** Somebody who reads too slowly: so many events of the room are left out. */
  eventsMissed: (count: number): string => `Too slow: ${count} events left out`,
  // About what is asked for
  invalidRoomName: 'Invalid room name',
  invalidUserName: 'Invalid user name',
  incorrectPassword: 'Incorrect password',
  roomFull: 'Room is full',
  messageTooLong: 'Message too long',
  notYours: 'Not your message',
  invalidQuery: (reason: string): string => `Invalid search: ${reason}`,
  searchUnavailable: 'Search is not available',
} as const;

/** Longest type name repeated in an error, UTF-16 code units; an error is a sentence, not a mirror. */
const TYPE_LENGTH_MAX = 64;

/** `Unknown message type: x`. A type above 64 characters is cut, between characters, and ends in `…`. */
export function unknownTypeText(type: string): string {
  return `Unknown message type: ${type.length <= TYPE_LENGTH_MAX ? type : `${headOf(type)}…`}`;
}

function headOf(type: string): string {
  const head = type.slice(0, TYPE_LENGTH_MAX);
  return head.isWellFormed() ? head : head.slice(0, -1);
}
