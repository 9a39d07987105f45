import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { ServerError } from './errors.ts';

/** IPv4 in IPv6 clothes (`::ffff:127.0.0.1`) is the same address: compare and count it as such. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** `host:port` as in a URL. */
export function hostPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The IP address to listen on for a configured host. A name that has both kinds (as `localhost` mostly has) means the
 * IPv4 one, which is where existing programs look.
 * @throws {ServerError} HOST_UNRESOLVED
 */
export async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const found = await lookup(host, { all: true });
    const chosen = found.find(({ family }) => family === 4) ?? found[0];
    if (chosen !== undefined) return chosen.address;
  } catch (cause) {
    throw unresolved(host, cause);
  }
  throw unresolved(host);
}

function unresolved(host: string, cause?: unknown): ServerError {
  return new ServerError(
    'HOST_UNRESOLVED',
    `Cannot listen on "${host}": the name does not resolve; give --host an address of this machine, such as 127.0.0.1`,
    { cause },
  );
}

/** Turn what a socket says when it cannot listen into one line that says what to do. */
export function listenError(
  cause: unknown,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  key: string,
): ServerError {
  const code = (cause as NodeJS.ErrnoException).code;
  const place = `${protocol} ${hostPort(address, port)}`;
  switch (code) {
    case 'EADDRINUSE':
      return new ServerError(
        'PORT_BUSY',
        `Cannot listen on ${place}: the port is busy; stop the program that uses it or set ${key} to another`,
        { cause },
      );
    case 'EACCES':
      return new ServerError(
        'PORT_FORBIDDEN',
        `Cannot listen on ${place}: not allowed; set ${key} to a port above 1023`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
      return new ServerError(
        'ADDRESS_UNAVAILABLE',
        `Cannot listen on ${place}: not an address of this machine; give --host one that is, such as 127.0.0.1`,
        { cause },
      );
    default:
      return new ServerError('LISTEN_FAILED', `Cannot listen on ${place}: ${(cause as Error).message}`, { cause });
  }
}
