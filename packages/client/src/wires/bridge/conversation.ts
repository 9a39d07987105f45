import type { BridgePacket, SealedFrame } from '@confab/wire/bridge';
import type { SendReceipt } from '../../session.ts';
import type { PathKind } from './peer-link.ts';

/** What a conversation tells its client. */
export interface ConversationHandlers {
  /** It is open, or goes another way from now on. */
  onPath(kind: PathKind, path: string): void;
  onLine(text: string): void;
  /** Lines wait for the peer's answer. */
  onHeld(count: number): void;
  /** It is over. Called once, unless it was closed from here. */
  onEnd(reason: ConversationEnd): void;
}

export type ConversationEnd =
  /** The peer said goodbye. */
  | 'peer-left'
  /** The peer cannot be reached any more. */
  | 'lost'
  /** The peer could never be reached. */
  | 'no-path';

/** Two clients who talk, however they do. */
export interface Conversation {
  readonly peerId: string;
  readonly isSealed: boolean;
  /** 30 digits to compare; of a sealed one. */
  readonly code: string | undefined;
  readonly isOpen: boolean;
  /** Longest line, bytes of UTF-8. */
  readonly textBytesMax: number;
  /** @throws {ClientError} as `Session.send` does */
  send(text: string, signal?: AbortSignal): Promise<SendReceipt>;
  /** Whether it is the conversation of this packet or frame. */
  hearPlain(path: string, packet: BridgePacket): boolean;
  hearSealed(path: string, kind: PathKind, frame: SealedFrame): boolean;
  pathOpened(path: string, kind: PathKind): void;
  pathClosed(path: string): void;
  /** Say goodbye and let go. Repeated calls do nothing. */
  close(): void;
}
