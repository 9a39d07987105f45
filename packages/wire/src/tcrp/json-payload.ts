import { CodecError } from '../errors.ts';
import { decodeUtf8 } from '../text.ts';

/** A JSON object whose members have not been looked at. */
export type JsonMembers = Readonly<Record<string, unknown>>;

/**
 * Parse JSON text. Whatever the parser throws is replaced: its message quotes the text, which may hold a password or a
 * token, so it is not kept as the cause either.
 * @throws {CodecError} CODEC_INVALID_JSON
 */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CodecError('CODEC_INVALID_JSON', `Cannot decode ${what}: its payload is not JSON`, 0);
  }
}

/** Whether a parsed value is an object with members, and neither null nor an array. */
export function isJsonMembers(value: unknown): value is JsonMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A payload that must be a JSON object.
 * @throws {CodecError} CODEC_INVALID_UTF8, CODEC_INVALID_JSON
 */
export function decodeJsonMembers(payload: Uint8Array, what: string): JsonMembers {
  const value = parseJson(decodeUtf8(payload), what);
  if (!isJsonMembers(value)) {
    throw new CodecError('CODEC_INVALID_JSON', `Cannot decode ${what}: its payload is not a JSON object`, 0);
  }
  return value;
}

/**
 * Text from JSON, where an escape such as `"\ud800"` can make a string that has no UTF-8 form and could not be sent on.
 * @throws {CodecError} CODEC_INVALID_FIELD when it is no string, CODEC_INVALID_UTF8 when it holds a lone surrogate
 */
export function requireText(value: unknown, what: string, field: string): string {
  if (typeof value !== 'string') {
    throw new CodecError('CODEC_INVALID_FIELD', `Cannot decode ${what}: ${field} is not a string`, 0);
  }
  if (!value.isWellFormed()) {
    throw new CodecError('CODEC_INVALID_UTF8', `Cannot decode ${what}: ${field} holds a lone surrogate`, 0);
  }
  return value;
}
