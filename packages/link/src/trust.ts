import { LinkSetupError } from './errors.ts';
import { isFingerprint } from './fingerprint.ts';
import { type KnownServers, serverName } from './known-servers.ts';

/** What makes a client believe that a server is the one it wants. */
export type Trust =
  /** This key and no other. */
  | { readonly kind: 'pin'; readonly fingerprint: string }
  /** A name that an authority vouches for; `authorities` (PEM) instead of those that Node knows. */
  | { readonly kind: 'ca'; readonly authorities?: string | readonly string[] }
  /** The key that was there the first time. */
  | { readonly kind: 'known'; readonly servers: KnownServers };

/**
 * What a URL says of trust: `?pin=FINGERPRINT` or `?trust=ca`; otherwise known servers.
 * @throws {LinkSetupError} TRUST_INVALID
 */
export function trustOf(url: URL, servers: KnownServers): Trust {
  const pins = url.searchParams.getAll('pin');
  const trusts = url.searchParams.getAll('trust');
  if (pins.length + trusts.length > 1) {
    throw new LinkSetupError('TRUST_INVALID', 'Cannot connect: the URL names more than one pin or trust');
  }
  const [pin] = pins;
  if (pin !== undefined) {
    if (isFingerprint(pin)) return { kind: 'pin', fingerprint: pin };
    throw new LinkSetupError(
      'TRUST_INVALID',
      `Cannot connect: pin ${JSON.stringify(pin)} is not 43 characters of base64url`,
    );
  }
  const [trust] = trusts;
  if (trust === 'ca') return { kind: 'ca' };
  if (trust === undefined) return { kind: 'known', servers };
  throw new LinkSetupError('TRUST_INVALID', `Cannot connect: trust ${JSON.stringify(trust)} is not "ca"`);
}

/**
 * Hold a server's key against what is trusted, and remember it on first use. With `ca`, TLS has judged already.
 * @returns whether the server was met for the first time, so that people should compare the fingerprint
 * @throws {LinkSetupError} PIN_MISMATCH, KNOWN_SERVERS_UNUSABLE
 */
export function judge(trust: Trust, host: string, port: number, fingerprint: string): boolean {
  if (trust.kind === 'ca') return false;
  const server = serverName(host, port);
  if (trust.kind === 'pin') {
    if (trust.fingerprint !== fingerprint) throw mismatch(server, fingerprint, trust.fingerprint, PIN_REMEDY);
    return false;
  }
  const { servers } = trust;
  const before = servers.find(server);
  const known = before ?? servers.add(server, fingerprint);
  if (known.fingerprint !== fingerprint) {
    const remedy = `remove line ${known.line} ("${server} …") from ${servers.place} and connect again`;
    throw mismatch(server, fingerprint, known.fingerprint, remedy);
  }
  return before === undefined;
}

const PIN_REMEDY = 'connect with a URL that has the new pin';

function mismatch(server: string, actual: string, expected: string, remedy: string): LinkSetupError {
  return new LinkSetupError(
    'PIN_MISMATCH',
    `The server at ${server} has another key than expected: ${actual} instead of ${expected}. Somebody may be standing ` +
      'between you and it, or it was set up anew. Nothing was sent. Ask its operator for the fingerprint that ' +
      `"confab serve" prints; only if that is ${actual}, ${remedy}`,
  );
}
