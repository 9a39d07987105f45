import { ClientError } from './errors.ts';
import type { ConnectOptions, Connector, Session } from './session.ts';
import { bridgeConnector } from './wires/bridge/connector.ts';
import { jsonLinesConnector, secureWebSocketConnector, webSocketConnector } from './wires/json/connectors.ts';
import { jsonuConnector } from './wires/jsonu/connector.ts';
import { linkConnector } from './wires/link/connector.ts';
import { stage1Connector } from './wires/stage1/connector.ts';
import { ucrpConnector } from './wires/ucrp/connector.ts';

/** Every wire this library speaks. A new wire is one line here. */
export const connectors: readonly Connector[] = [
  linkConnector,
  ucrpConnector,
  jsonLinesConnector,
  webSocketConnector,
  secureWebSocketConnector,
  jsonuConnector,
  stage1Connector,
  bridgeConnector,
];

/**
 * Enter a room. The URL's scheme chooses the wire:
 *
 *     const session = await connect('ucrp://127.0.0.1:9090/lobby', { user: 'Ann' });
 *     await session.send('Hello');
 *     for await (const event of session.events()) if (event.type === 'message') console.log(event.user, event.text);
 *
 * @throws {ClientError} URL_INVALID, CONNECT_FAILED, CONNECT_TIMEOUT, what the server refused with, or the signal's reason
 */
export async function connect(url: string | URL, options: ConnectOptions): Promise<Session> {
  options.signal?.throwIfAborted();
  const parsed = parseUrl(url);
  const scheme = parsed.protocol.slice(0, -1);
  const connector = connectors.find((candidate) => candidate.scheme === scheme);
  if (connector === undefined) {
    const known = connectors.map((candidate) => `${candidate.scheme}://`).join(', ');
    throw new ClientError('URL_INVALID', `Cannot connect to "${String(url)}": unknown scheme; known: ${known}`);
  }
  return connector.connect(parsed, options);
}

function parseUrl(url: string | URL): URL {
  if (url instanceof URL) return url;
  const parsed = URL.parse(url);
  if (parsed !== null) return parsed;
  throw new ClientError(
    'URL_INVALID',
    `Cannot connect to "${url}": not a URL such as ${connectors.map((connector) => connector.example).join(' or ')}`,
  );
}
