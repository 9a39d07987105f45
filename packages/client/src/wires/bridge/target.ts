import type { BridgeMode } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';

export interface BridgeTarget {
  readonly host: string;
  readonly port: number;
  /** Undefined: to be found out. */
  readonly mode: BridgeMode | undefined;
  /** Whom one wants to talk to; undefined: whoever is there. */
  readonly peerId: string | undefined;
}

const DEFAULT_PORT = 7000;

/**
 * `bridge://host[:port][/PEER-ID][?mode=tcp|udp]`. The id is percent-encoded.
 * @throws {ClientError} URL_INVALID
 */
export function parseBridgeUrl(url: URL): BridgeTarget {
  if (url.protocol !== 'bridge:') throw invalid(url, 'its scheme is not bridge://');
  if (url.hostname === '') throw invalid(url, 'it names no host, as in bridge://127.0.0.1:7000');
  const mode = url.searchParams.get('mode') ?? undefined;
  if (mode !== undefined && mode !== 'tcp' && mode !== 'udp')
    throw invalid(url, `mode "${mode}" is neither tcp nor udp`);
  let peerId: string;
  try {
    peerId = decodeURIComponent(url.pathname.replace(/^\//, ''));
  } catch {
    throw invalid(url, 'the client id is not properly percent-encoded');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    mode,
    peerId: peerId === '' ? undefined : peerId,
  };
}

function invalid(url: URL, fault: string): ClientError {
  return new ClientError('URL_INVALID', `Cannot connect to "${url.href}": ${fault}`);
}
