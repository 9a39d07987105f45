import { ClientError } from '../../errors.ts';
import type { ConnectOptions, Connector, Session } from '../../session.ts';
import type { BridgeClient } from './client.ts';
import type { BridgeEvent } from './events.ts';
import { openBridge } from './open.ts';
import { BridgeSession } from './session.ts';
import { parseBridgeUrl } from './target.ts';

const EVENTS_MAX = 10_000;

/**
 * Rendezvous: registers under the user's name, talks to the one the URL names or else to whoever is there, and waits for them
 * as long as it takes.
 */
export const bridgeConnector: Connector = {
  scheme: 'bridge',
  example: 'bridge://127.0.0.1:7000/BOB',
  connect: openBridgeSession,
};

async function openBridgeSession(url: URL, options: ConnectOptions): Promise<Session> {
  const { user, signal, password, entry } = options;
  if (password !== undefined) throw new ClientError('URL_INVALID', 'bridge:// has no rooms, and so no passwords');
  const { peerId } = parseBridgeUrl(url);
  const eventsMax = options.eventsMax ?? EVENTS_MAX;
  const client = await openBridge(url, { signal, eventsMax, connectTimeoutMs: options.connectTimeoutMs });
  try {
    options.onPhase?.({ phase: 'control-connected', address: client.serverAddress });
    await client.register(user, { signal });
    if (entry !== 'create') await findAndChat(client, peerId, signal);
    const chat = await nextChat(client, signal);
    options.onPhase?.({ phase: 'control-disconnected' });
    options.onPhase?.({ phase: 'data-open', localAddress: client.localAddress });
    return new BridgeSession({ client, chat, eventsMax });
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** Talk to whoever is there; if nobody is, or can be reached, wait to be found. */
async function findAndChat(client: BridgeClient, peerId: string | undefined, signal?: AbortSignal): Promise<void> {
  if ((await client.bridge(peerId, { signal })) === undefined) return;
  await client.chat({ signal });
}

async function nextChat(client: BridgeClient, signal?: AbortSignal): Promise<BridgeEvent & { type: 'chat' }> {
  for await (const event of client.events({ signal })) {
    if (event.type === 'chat') return event;
    if (event.type === 'notice') throw new ClientError('PEER_UNREACHABLE', event.text);
  }
  throw new ClientError('SESSION_CLOSED', 'The client was closed');
}
