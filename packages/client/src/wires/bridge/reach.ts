import type { BridgePacket } from '@confab/wire/bridge';
import { candidatesOf } from './candidates.ts';
import type { ConversationHandlers } from './conversation.ts';
import type { Introduced } from './introductions.ts';
import type { PeerLinkTimes } from './peer-link.ts';
import { SealedConversation } from './sealed-conversation.ts';
import type { BridgeTransport } from './transport.ts';

export interface ReachOptions {
  readonly transport: BridgeTransport;
  readonly introduced: Introduced;
  readonly path: 'any' | 'direct' | 'relay';
  /** What the relay is asked for with; undefined: it cannot be. */
  readonly relayRequest: BridgePacket | undefined;
  /** For a connection and its answer, ms. */
  readonly timeoutMs: number;
  readonly times: PeerLinkTimes | undefined;
  readonly handlers: ConversationHandlers;
}

/**
 * Try to reach somebody we were introduced to, on every path that is wanted; they try likewise. The conversation opens when
 * one of them is proved.
 */
export function reach(options: ReachOptions): SealedConversation {
  const { transport, introduced, path, relayRequest, timeoutMs, times, handlers } = options;
  const { found, sealer, code } = introduced;

  const openRelay = async (): Promise<void> => {
    if (path === 'direct' || !found.introduction.isRelayed || relayRequest === undefined) return;
    const relay = await transport.openRelay(relayRequest, { timeoutMs });
    if (relay !== undefined) conversation.pathOpened(relay, 'relay');
  };
  const conversation: SealedConversation = new SealedConversation({
    transport,
    sealer,
    code,
    peerId: found.clientId,
    times,
    handlers: { ...handlers, onRelayWanted: () => void openRelay() },
  });
  if (path === 'relay') {
    void openRelay();
    return conversation;
  }
  for (const { ip, port } of candidatesOf(found, transport.mode)) {
    transport.dial(ip, port, { timeoutMs }).then(
      (direct) => conversation.pathOpened(direct, 'direct'),
      // That is what the other paths are for.
      () => {},
    );
  }
  return conversation;
}
