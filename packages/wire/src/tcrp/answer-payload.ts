import { CodecError } from '../errors.ts';
import { encodeUtf8, pythonJson } from '../text.ts';
import { TcrpOperation } from './frame.ts';
import { decodeJsonMembers, type JsonMembers, requireText } from './json-payload.ts';
import { decodeTcrpOptions, encodeTcrpOptions, type TcrpDialect, type TcrpOptions } from './payload.ts';
import { TcrpStatus, type TcrpVerdict } from './status.ts';

/** A verdict as a client reads it; the string dialect has neither status nor message. */
export interface TcrpVerdictRead {
  readonly accepted: boolean;
  /** One of TcrpStatus, or a number that this version does not know. */
  readonly statusCode?: number;
  readonly message?: string;
}

/** What an accepted client is given. Confirmed options (docs/wires/tcrp.md) are part of it, object dialect only. */
export interface TcrpGrant extends TcrpOptions {
  /** Proves membership in chat datagrams; empty after a refusal in the string dialect. A secret: never logged. */
  readonly token: string;
  /** User name of the room's host. Object dialect. */
  readonly hostUser?: string;
  /** Members of the room, the joiner included. Object dialect, after a join. */
  readonly participantCount?: number;
}

/**
 * Payload of the state 1 answer: `{"success": 1}` or `{"success": 0}` in the string dialect,
 * `{"status_code": n, "message": "…"}` in the object dialect.
 * @throws {CodecError} CODEC_INVALID_FIELD: a status code outside 0–7; CODEC_INVALID_UTF8
 */
export function encodeTcrpVerdict(dialect: TcrpDialect, verdict: TcrpVerdict): Uint8Array {
  const { statusCode, message } = verdict;
  if (!(Number.isInteger(statusCode) && statusCode >= 0 && statusCode <= TcrpStatus.UNAUTHORIZED)) {
    throw new CodecError(
      'CODEC_INVALID_FIELD',
      `Cannot encode TCRP verdict: status ${statusCode} is not within 0–7`,
      0,
    );
  }
  const isAccepted = statusCode === TcrpStatus.SUCCESS;
  return encodeUtf8(
    pythonJson(dialect === 'string' ? { success: isAccepted ? 1 : 0 } : { status_code: statusCode, message }),
  );
}

/**
 * Payload of the state 2 answer:
 *
 *     {"token": "…"}                                                                         string dialect
 *     {"token": "…", "host_username": "…", "room_created": true}                             object dialect, create
 *     {"token": "…", "host_username": "…", "participant_count": n, "room_joined": true}      object dialect, join
 *
 * then, in the object dialect, the confirmed options. The string dialect sends an empty token after a refusal.
 * @throws {CodecError} CODEC_INVALID_FIELD: `hostUser` or, to a join, `participantCount` is missing in the object dialect;
 *   CODEC_INVALID_UTF8
 */
export function encodeTcrpGrant(dialect: TcrpDialect, operation: TcrpOperation, grant: TcrpGrant): Uint8Array {
  const { token, hostUser, participantCount } = grant;
  if (dialect === 'string') return encodeUtf8(pythonJson({ token }));
  if (hostUser === undefined) throw incomplete('hostUser');
  const options = encodeTcrpOptions(grant);
  if (operation === TcrpOperation.CREATE) {
    return encodeUtf8(pythonJson({ token, host_username: hostUser, room_created: true, ...options }));
  }
  if (participantCount === undefined) throw incomplete('participantCount');
  return encodeUtf8(
    pythonJson({
      token,
      host_username: hostUser,
      participant_count: participantCount,
      room_joined: true,
      ...options,
    }),
  );
}

/**
 * A state 1 payload in either dialect, or with the fields of both; then both must accept. `success` may be an integer or,
 * from other servers, a boolean.
 * @throws {CodecError} CODEC_INVALID_UTF8; CODEC_INVALID_JSON: not a JSON object; CODEC_INVALID_FIELD: neither field is
 *   there, or one has another type
 */
export function decodeTcrpVerdict(payload: Uint8Array): TcrpVerdictRead {
  const members = decodeJsonMembers(payload, 'TCRP verdict');
  const success = decodeSuccess(members.success);
  const statusCode = members.status_code;
  if (statusCode !== undefined && !Number.isSafeInteger(statusCode))
    throw invalidVerdict('"status_code" is not an integer');
  if (success === undefined && statusCode === undefined)
    throw invalidVerdict('it holds neither "success" nor "status_code"');
  return {
    accepted: (success ?? true) && (statusCode ?? TcrpStatus.SUCCESS) === TcrpStatus.SUCCESS,
    ...(statusCode === undefined ? {} : { statusCode: statusCode as number }),
    ...optionalText(members, 'message', 'message'),
  };
}

function decodeSuccess(value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  if (value !== 0 && value !== 1) throw invalidVerdict('"success" is neither 0 nor 1');
  return value === 1;
}

/**
 * A state 2 payload in either dialect. Only the token is required; other members of a wrong type are ignored.
 * @throws {CodecError} CODEC_INVALID_UTF8; CODEC_INVALID_JSON: not a JSON object; CODEC_INVALID_FIELD: `token` is missing
 *   or no string
 */
export function decodeTcrpGrant(payload: Uint8Array): TcrpGrant {
  const members = decodeJsonMembers(payload, 'TCRP grant');
  const count = members.participant_count;
  return {
    token: requireText(members.token, 'TCRP grant', 'member "token"'),
    ...optionalText(members, 'host_username', 'hostUser'),
    ...(Number.isSafeInteger(count) && (count as number) >= 0 ? { participantCount: count as number } : {}),
    ...decodeTcrpOptions(members),
  };
}

/** `{[name]: text}` if the member is text that can be sent on, else nothing. */
function optionalText<Name extends string>(members: JsonMembers, member: string, name: Name): { [K in Name]?: string } {
  const value = members[member];
  return typeof value === 'string' && value.isWellFormed() ? ({ [name]: value } as { [K in Name]: string }) : {};
}

function invalidVerdict(why: string): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot decode TCRP verdict: ${why}`, 0);
}

function incomplete(field: string): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot encode TCRP grant: ${field} is missing`, 0);
}
