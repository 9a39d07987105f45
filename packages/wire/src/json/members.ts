import { CodecError, type CodecErrorCode } from '../errors.ts';
import { decodeUtf8 } from '../text.ts';
import { JSON_ID_LENGTH_MAX } from './limits.ts';
import { jsonErrorTexts } from './texts.ts';

/**
 * A JSON object whose members have not been looked at. `JSON.parse` makes a member named `__proto__` an own property like any
 * other, and nothing here looks members up by a name that came from a peer.
 */
export type JsonMembers = Readonly<Record<string, unknown>>;

/** What a client numbers its requests with: an integer or a short string, repeated to it as it was given. */
export type JsonId = number | string;

/**
 * Parse what must be a JSON object. Whatever the parser throws is replaced: its message quotes the text, which may hold a
 * password, so it is not kept as the cause either.
 * @throws {CodecError} CODEC_INVALID_UTF8, CODEC_INVALID_JSON
 */
export function parseMembers(input: string | Uint8Array): JsonMembers {
  const text = typeof input === 'string' ? input : textOf(input);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(jsonErrorTexts.invalidJson, 'CODEC_INVALID_JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(jsonErrorTexts.notAnObject, 'CODEC_INVALID_JSON');
  }
  return value as JsonMembers;
}

function textOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new CodecError('CODEC_INVALID_UTF8', jsonErrorTexts.invalidUtf8, cause.offset, { cause });
  }
}

/**
 * A member that must be text. An escape such as `"\ud800"` makes a string that has no UTF-8 form and could not be sent on.
 * @throws {CodecError} CODEC_INVALID_FIELD: missing or no string; CODEC_INVALID_UTF8: a lone surrogate
 */
export function requireText(members: JsonMembers, field: string): string {
  const value = members[field];
  if (value === undefined) throw missing(field);
  if (typeof value !== 'string') throw invalid(`Field ${field} must be a string`);
  if (!value.isWellFormed()) throw invalid(`Field ${field} holds a lone surrogate`, 'CODEC_INVALID_UTF8');
  return value;
}

/**
 * A member that must be a whole number from 0 on.
 * @throws {CodecError} CODEC_INVALID_FIELD
 */
export function requireCount(members: JsonMembers, field: string): number {
  const value = members[field];
  if (value === undefined) throw missing(field);
  if (!isCount(value)) throw invalid(`Field ${field} must be an integer of 0 or more`);
  return value;
}

/** Whether a value is a whole number from 0 on that JavaScript holds exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * A request id: an integer that JavaScript holds exactly (±(2^53 − 1)), since it is repeated as given, or a string.
 * @throws {CodecError} CODEC_INVALID_FIELD; CODEC_INVALID_UTF8: a lone surrogate
 */
export function requireId(members: JsonMembers): JsonId {
  const { id } = members;
  if (id === undefined) throw missing('id');
  if (Number.isSafeInteger(id)) return id as number;
  if (typeof id !== 'string' || id.length > JSON_ID_LENGTH_MAX) {
    throw invalid(`Field id must be an integer or a string of at most ${JSON_ID_LENGTH_MAX} characters`);
  }
  return requireText(members, 'id');
}

function missing(field: string): CodecError {
  return invalid(`Missing field: ${field}`);
}

/** An error whose message goes out to the peer as it is. */
export function invalid(message: string, code: CodecErrorCode = 'CODEC_INVALID_FIELD'): CodecError {
  return new CodecError(code, message, 0);
}
