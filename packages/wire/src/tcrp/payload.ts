import { CodecError } from '../errors.ts';
import { decodeUtf8, encodeUtf8, type JsonValue, pythonJson } from '../text.ts';
import type { TcrpFrame } from './frame.ts';
import { isJsonWhiteSpace } from './json-end.ts';
import { isJsonMembers, type JsonMembers, parseJson, requireText } from './json-payload.ts';

/** The two forms of payload: a bare JSON string, the user name; or a JSON object. */
export type TcrpDialect = 'string' | 'object';

/**
 * Confab's extension of the object dialect: members that existing servers ignore and existing programs do not send. A
 * server that knows them repeats in its last answer what it granted, so a client can tell.
 */
export interface TcrpOptions {
  /** Dialect of the chat datagrams (docs/wires/ucrp.md); JSON member `dialect`. */
  readonly chatDialect?: TcrpDialect;
  /** Whether joins, leaves and system notices are wanted. */
  readonly notices?: boolean;
  /** Whether a member's own chat lines are wanted back. */
  readonly echo?: boolean;
}

/** What a client asks for, beside room and operation. */
export interface TcrpRequest {
  readonly dialect: TcrpDialect;
  /** Not validated beyond being well-formed Unicode. */
  readonly user: string;
  /** Never empty: an empty password is no password. Object dialect only. */
  readonly password?: string | undefined;
  /** Object dialect only. */
  readonly options: TcrpOptions;
}

const WHAT = 'TCRP request';

/**
 * The dialect that the first byte of a payload tells: `"` string, `{` object; anything else `undefined`. White space before
 * it is passed over. Looks no further, so a gateway can refuse in the right dialect what cannot be decoded.
 */
export function dialectOf(payload: Uint8Array): TcrpDialect | undefined {
  const first = payload.find((byte) => !isJsonWhiteSpace(byte));
  if (first === 0x22) return 'string';
  return first === 0x7b ? 'object' : undefined;
}

/**
 * The payload of a request frame:
 *
 *     "Alice"                                                      string dialect
 *     {"username": "Alice", "password": "…" or null}               object dialect, with members of TcrpOptions
 *     Alice                                                        name-first layout only: string dialect
 *
 * In the name-first layout everything that is neither a JSON string nor a JSON object is the bare user name, less one line
 * ending. Options of a wrong type are ignored, as by servers that do not know them.
 * @throws {CodecError} CODEC_INVALID_UTF8; CODEC_INVALID_JSON: not JSON, or neither string nor object;
 *   CODEC_INVALID_FIELD: `username` missing or no string, `password` neither string nor null. Offsets count from the start
 *   of the payload.
 */
export function decodeTcrpRequest(frame: TcrpFrame): TcrpRequest {
  const text = decodeUtf8(frame.payload);
  if (frame.layout === 'name-first' && !isStringOrObject(text)) {
    return { dialect: 'string', user: text.replace(/(?:\r\n|\n|\r)$/, ''), options: {} };
  }
  const value = parseJson(text, WHAT);
  if (typeof value === 'string') return { dialect: 'string', user: requireText(value, WHAT, 'user name'), options: {} };
  if (isJsonMembers(value)) return decodeObjectRequest(value);
  throw new CodecError('CODEC_INVALID_JSON', `Cannot decode ${WHAT}: its payload is neither string nor object`, 0);
}

function isStringOrObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' || isJsonMembers(value);
  } catch {
    return false;
  }
}

function decodeObjectRequest(members: JsonMembers): TcrpRequest {
  const request = {
    dialect: 'object',
    user: requireText(members.username, WHAT, 'member "username"'),
    options: decodeTcrpOptions(members),
  } as const;
  const password = members.password ?? '';
  if (password === '') return request;
  return { ...request, password: requireText(password, WHAT, 'member "password"') };
}

/** The options among the members of a request, or those confirmed in an answer. Wrong types are ignored. */
export function decodeTcrpOptions(members: JsonMembers): TcrpOptions {
  const { dialect, notices, echo } = members;
  return {
    ...(dialect === 'string' || dialect === 'object' ? { chatDialect: dialect } : {}),
    ...(typeof notices === 'boolean' ? { notices } : {}),
    ...(typeof echo === 'boolean' ? { echo } : {}),
  };
}

/** Options as members of a request or an answer, in the order of docs/wires/tcrp.md. */
export function encodeTcrpOptions(options: TcrpOptions): Record<string, JsonValue | undefined> {
  return { dialect: options.chatDialect, notices: options.notices, echo: options.echo };
}

/**
 * The payload of a request, as Python programs write it.
 * @throws {CodecError} CODEC_INVALID_FIELD: a password or options in the string dialect, which cannot carry them;
 *   CODEC_INVALID_UTF8: text with a lone surrogate
 */
export function encodeTcrpRequest(request: TcrpRequest): Uint8Array {
  const { user, options } = request;
  const password = request.password === '' ? undefined : request.password;
  if (request.dialect === 'object') {
    return encodeUtf8(pythonJson({ username: user, password: password ?? null, ...encodeTcrpOptions(options) }));
  }
  if (password !== undefined || Object.values(options).some((option) => option !== undefined)) {
    const message = `Cannot encode ${WHAT}: the string dialect carries neither password nor options`;
    throw new CodecError('CODEC_INVALID_FIELD', message, 0);
  }
  return encodeUtf8(pythonJson(user));
}
