import { LinkSetupError, type LinkSetupErrorCode } from '@confab/link';
import { LinkErrorCode, linkErrorName } from '@confab/wire/link';
import { ClientError, type ClientErrorCode } from '../../errors.ts';

/** What stands not here is REFUSED. */
const codes: ReadonlyMap<number, ClientErrorCode> = new Map([
  [LinkErrorCode.PROTOCOL_ERROR, 'PROTOCOL_BROKEN'],
  [LinkErrorCode.VERSION_NOT_SPOKEN, 'PROTOCOL_BROKEN'],
  [LinkErrorCode.INTERNAL_ERROR, 'SERVER_ERROR'],
  [LinkErrorCode.SERVER_CLOSING, 'SERVER_ERROR'],
  [LinkErrorCode.GUESTS_NOT_ALLOWED, 'UNAUTHORIZED'],
  [LinkErrorCode.USER_NAME_TAKEN, 'USER_NAME_TAKEN'],
  [LinkErrorCode.DEVICE_PROOF_WRONG, 'UNAUTHORIZED'],
  [LinkErrorCode.ROOM_EXISTS, 'ROOM_EXISTS'],
  [LinkErrorCode.ROOM_NOT_FOUND, 'ROOM_NOT_FOUND'],
  [LinkErrorCode.ROOM_FULL, 'ROOM_FULL'],
  [LinkErrorCode.ROOM_CLOSED, 'SESSION_CLOSED'],
  [LinkErrorCode.PASSWORD_WRONG, 'UNAUTHORIZED'],
  [LinkErrorCode.MESSAGE_TOO_LONG, 'MESSAGE_TOO_LONG'],
  [LinkErrorCode.NOT_THE_AUTHOR, 'UNAUTHORIZED'],
]);

/** Refusals that may not be repeated when the same is asked a little later. */
const passing: ReadonlySet<number> = new Set([
  LinkErrorCode.INTERNAL_ERROR,
  LinkErrorCode.SERVER_CLOSING,
  LinkErrorCode.RATE_LIMITED,
  LinkErrorCode.LIMIT_REACHED,
]);

export function isPassing(code: number): boolean {
  return passing.has(code);
}

/** A refusal by the server. */
export class LinkRefusal extends ClientError {
  /** As the wire has it. */
  readonly wireCode: number;

  /** @param nameCode which name it is when one is not valid */
  constructor(wireCode: number, action: string, text: string, nameCode: ClientErrorCode = 'ROOM_NAME_INVALID') {
    const reason = text === '' ? (linkErrorName(wireCode) ?? `code ${wireCode}`) : text;
    const code = wireCode === LinkErrorCode.NAME_INVALID ? nameCode : (codes.get(wireCode) ?? 'REFUSED');
    super(code, `${action}: ${reason}`);
    this.wireCode = wireCode;
  }
}

const setupCodes: Readonly<Record<LinkSetupErrorCode, ClientErrorCode>> = {
  PIN_MISMATCH: 'PIN_MISMATCH',
  TRUST_INVALID: 'URL_INVALID',
  CERTIFICATE_UNTRUSTED: 'CERTIFICATE_UNTRUSTED',
  CERTIFICATE_UNUSABLE: 'CERTIFICATE_UNTRUSTED',
  DEVICE_KEY_UNUSABLE: 'DEVICE_KEY_UNUSABLE',
  KNOWN_SERVERS_UNUSABLE: 'KNOWN_SERVERS_UNUSABLE',
  CONNECT_FAILED: 'CONNECT_FAILED',
  CONNECT_TIMEOUT: 'CONNECT_TIMEOUT',
  NOT_LINK: 'PROTOCOL_BROKEN',
};

/** What the parts that server and client share throw, as this library says it; anything else as it is. */
export function clientErrorOf(error: unknown): unknown {
  if (!(error instanceof LinkSetupError)) return error;
  return new ClientError(setupCodes[error.code], error.message, { cause: error });
}

/** Whether trying again may help. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof LinkRefusal) return isPassing(error.wireCode);
  if (!(error instanceof ClientError)) return false;
  // Somebody else may answer for a moment while the server is away: a proxy, say.
  return ['CONNECT_FAILED', 'CONNECT_TIMEOUT', 'PROTOCOL_BROKEN'].includes(error.code);
}
