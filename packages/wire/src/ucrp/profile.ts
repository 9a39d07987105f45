import { CodecError } from '../errors.ts';
import type { UcrpLayout } from './limits.ts';

/** Where a member's datagrams come from, and the port of ours that it sends to and expects answers from. */
export interface UcrpAddress {
  /** IP address as text. */
  readonly address: string;
  /** The member's UDP port, 1–65535. */
  readonly port: number;
  /** Our UDP port, 1–65535. */
  readonly localPort: number;
}

/** What a server must remember of a member to reach it again after a restart, in the form it understands. */
export interface UcrpProfile {
  /** How chat is sent to it: string dialect or typed datagrams. */
  readonly dialect: 'string' | 'object';
  /** Whether it is told of joins, leaves and system notices. */
  readonly notices: boolean;
  /** Whether it is sent its own chat lines. */
  readonly echo: boolean;
  /** Layout of its datagrams. In `wide`, everything goes to it as wide chat lines, whatever the dialect. */
  readonly layout: UcrpLayout;
  /** Missing until it has sent its first datagram. */
  readonly address?: UcrpAddress | undefined;
}

/** Version of the stored form; a change that older servers would misread gets the next number. */
const VERSION = 1;

/**
 * A profile to one line of JSON, `{"v":1,…}`, for a store that does not look into it.
 * @throws {CodecError} CODEC_INVALID_FIELD: what `decodeUcrpProfile` would refuse
 */
export function encodeUcrpProfile(profile: UcrpProfile): string {
  const { dialect, notices, echo, layout, address } = checkProfile({ ...profile });
  return JSON.stringify({ v: VERSION, dialect, notices, echo, layout, address });
}

/**
 * The profile in stored JSON. Members that this version does not know are ignored.
 * @throws {CodecError} CODEC_INVALID_JSON: not a JSON object; CODEC_INVALID_FIELD: another version, or a missing or
 *   impossible member
 */
export function decodeUcrpProfile(text: string): UcrpProfile {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch (cause) {
    throw new CodecError('CODEC_INVALID_JSON', 'Cannot decode UCRP profile: not JSON', 0, { cause });
  }
  if (!isMembers(stored)) throw new CodecError('CODEC_INVALID_JSON', 'Cannot decode UCRP profile: not an object', 0);
  if (stored.v !== VERSION) throw invalid(`version ${JSON.stringify(stored.v)} is not ${VERSION}`);
  return checkProfile(stored);
}

function checkProfile(members: Record<string, unknown>): UcrpProfile {
  const { dialect, notices, echo, layout, address } = members;
  if (dialect !== 'string' && dialect !== 'object') throw invalid('dialect is neither "string" nor "object"');
  if (typeof notices !== 'boolean') throw invalid('notices is not a boolean');
  if (typeof echo !== 'boolean') throw invalid('echo is not a boolean');
  if (layout !== 'compact' && layout !== 'wide') throw invalid('layout is neither "compact" nor "wide"');
  const profile = { dialect, notices, echo, layout } as const;
  return address === undefined ? profile : { ...profile, address: checkAddress(address) };
}

function checkAddress(value: unknown): UcrpAddress {
  if (!isMembers(value)) throw invalid('address is not an object');
  const { address, port, localPort } = value;
  if (typeof address !== 'string' || address === '') throw invalid('address has no IP address');
  if (!isPort(port)) throw invalid('port is not within 1–65535');
  if (!isPort(localPort)) throw invalid('localPort is not within 1–65535');
  return { address, port, localPort };
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(why: string): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `UCRP profile is not valid: ${why}`, 0);
}
