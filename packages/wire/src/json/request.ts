import { CodecError, type CodecErrorCode } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import { JSON_LINE_BYTES_MAX } from './limits.ts';
import {
  invalid,
  type JsonId,
  type JsonMembers,
  parseMembers,
  requireCount,
  requireId,
  requireText,
} from './members.ts';
import { jsonErrorTexts, unknownTypeText } from './texts.ts';

/** What a client asks for; one JSON object. All text is well-formed Unicode, and nothing more than that is checked here. */
export type JsonRequest =
  | {
      readonly type: 'join';
      readonly room: string;
      readonly user: string;
      /** Never empty: an empty password is no password. */
      readonly password?: string;
      readonly id?: JsonId;
    }
  | {
      readonly type: 'message';
      readonly text: string;
      /** Where the client believes it is. Left out when it is no text: the joined room counts. */
      readonly room?: string;
      readonly id?: JsonId;
    }
  | { readonly type: 'rooms'; readonly id?: JsonId }
  /** Confab's own: who is in the room. */
  | { readonly type: 'who'; readonly id?: JsonId }
  /** Confab's own: what was said in the room. */
  | {
      readonly type: 'search';
      readonly query: string;
      /** As the answer before said, for what is older. */
      readonly before?: number;
      /** Messages at most. */
      readonly limit?: number;
      readonly id?: JsonId;
    }
  | { readonly type: 'leave'; readonly id?: JsonId }
  /** JSON datagrams: the broadcast with this number has arrived. */
  | { readonly type: 'ack'; readonly seq: number };

/** A request that cannot be understood, with what to tell its sender. */
export interface JsonRequestError {
  readonly kind: 'error';
  /** For counting; the wire has no codes. */
  readonly code: CodecErrorCode;
  /** One sentence, ready for `encodeJsonError`. Holds nothing of the request but the name of an unknown type. */
  readonly text: string;
}

/**
 * A line or datagram to a request, or to the error to answer it with. Members that the type does not have are ignored, and
 * `null` is as good as leaving an optional member out. Never throws.
 *
 * Errors, `code` and `text`:
 *
 *     CODEC_TOO_LARGE       Request too long: the limit is 65536 bytes
 *     CODEC_INVALID_UTF8    Invalid UTF-8; Field f holds a lone surrogate
 *     CODEC_INVALID_JSON    Invalid JSON; Not a JSON object
 *     CODEC_INVALID_FIELD   Missing field: f; Field f must be …; Unknown message type: t
 */
export function decodeJsonRequest(input: string | Uint8Array): JsonRequest | JsonRequestError {
  if (typeof input === 'string' && input.length <= JSON_LINE_BYTES_MAX) {
    // What is plain takes a third of the time that JSON.parse takes, and means the same.
    const text = PLAIN_MESSAGE.exec(input)?.[1];
    if (text !== undefined) return { type: 'message', text };
  }
  try {
    // The length of a string is at most that of its UTF-8, so this refuses no string that is within the limit.
    if (input.length > JSON_LINE_BYTES_MAX) throw invalid(jsonErrorTexts.tooLong, 'CODEC_TOO_LARGE');
    return requestOf(parseMembers(input));
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { kind: 'error', code: error.code, text: error.message };
  }
}

/**
 * A request as one line of JSON, without a line feed; members in the order of the {@link JsonRequest} type.
 * @throws {CodecError} whatever `decodeJsonRequest` would answer with an error: CODEC_INVALID_FIELD, CODEC_INVALID_UTF8,
 *   CODEC_TOO_LARGE
 */
export function encodeJsonRequest(request: JsonRequest): string {
  const text = JSON.stringify(requestOf(request as unknown as JsonMembers));
  if (encodeUtf8(text).length > JSON_LINE_BYTES_MAX) throw invalid(jsonErrorTexts.tooLong, 'CODEC_TOO_LARGE');
  return text;
}

/**
 * A message as nearly all programs write it, compact or as Python's `json.dumps` does, with text that stands for itself: no
 * quotation mark, backslash or control character (RFC 8259 §7), and no lone surrogate.
 */
const PLAIN_MESSAGE = /^\{"type": ?"message", ?"text": ?"([^"\\\u0000-\u001f\ud800-\udfff]*)"\}$/u;

/** The members that make a request, checked, and in the order in which they are written. */
function requestOf(members: JsonMembers): JsonRequest {
  const type = requireText(members, 'type');
  switch (type) {
    case 'join': {
      const join = { type, room: requireText(members, 'room'), user: requireText(members, 'user') } as const;
      return { ...join, ...passwordOf(members), ...idOf(members) };
    }
    case 'message':
      return { type, text: requireText(members, 'text'), ...roomOf(members), ...idOf(members) };
    case 'rooms':
    case 'who':
    case 'leave':
      return { type, ...idOf(members) };
    case 'search': {
      const bounds = { ...optionalCount(members, 'before'), ...optionalCount(members, 'limit') };
      return { type, query: requireText(members, 'query'), ...bounds, ...idOf(members) };
    }
    case 'ack':
      return { type, seq: requireCount(members, 'seq') };
    default:
      throw invalid(unknownTypeText(type));
  }
}

function passwordOf(members: JsonMembers): { password?: string } {
  const password = members.password ?? '';
  return password === '' ? {} : { password: requireText(members, 'password') };
}

/** The room of a message says nothing to the server, so one of a wrong type is an extra member and no error. */
function roomOf({ room }: JsonMembers): { room?: string } {
  return typeof room === 'string' && room.isWellFormed() ? { room } : {};
}

function optionalCount<Field extends string>(members: JsonMembers, field: Field): { [F in Field]?: number } {
  if ((members[field] ?? undefined) === undefined) return {};
  return { [field]: requireCount(members, field) } as { [F in Field]: number };
}

function idOf(members: JsonMembers): { id?: JsonId } {
  return (members.id ?? undefined) === undefined ? {} : { id: requireId(members) };
}
