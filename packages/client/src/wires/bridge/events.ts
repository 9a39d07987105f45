import type { PathKind } from './peer-link.ts';

/**
 * *idle*: unknown to the server. *registered*: others can find us. *waiting*: we have asked, and nobody was there. *found*:
 * somebody is there to talk to. *chatting*. *closed*: the client was closed.
 */
export type BridgeState = 'idle' | 'registered' | 'waiting' | 'found' | 'chatting' | 'closed';

export type BridgeEvent =
  | { readonly type: 'state'; readonly state: BridgeState }
  /** A conversation begins. */
  | {
      readonly type: 'chat';
      readonly peerId: string;
      readonly isSealed: boolean;
      /** Through the server or not. */
      readonly path: PathKind;
      /** Where it leads to, `ip:port`. */
      readonly address: string;
      /** 30 digits, the same on the other side if nobody stands between; of a sealed conversation. */
      readonly code: string | undefined;
    }
  /** The conversation goes another way from now on. */
  | { readonly type: 'path'; readonly path: PathKind; readonly address: string }
  | { readonly type: 'message'; readonly user: string; readonly text: string }
  /** So many of our lines wait for the peer's answer: it takes turns. */
  | { readonly type: 'held'; readonly count: number }
  | { readonly type: 'ended'; readonly reason: BridgeEnd; readonly text: string }
  | { readonly type: 'notice'; readonly text: string }
  /** The last event. */
  | { readonly type: 'closed' };

/** Who ended a conversation: the peer, nobody (it cannot be reached any more), or we. */
export type BridgeEnd = 'peer-left' | 'lost' | 'left';
