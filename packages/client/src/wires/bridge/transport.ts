import type { BridgeMode, BridgePacket, SealedFrame } from '@confab/wire/bridge';
import type { PathKind } from './peer-link.ts';

/** What comes in, besides the answers to what was asked. */
export interface TransportHandlers {
  /** UDP mode: the server says something by itself. */
  onServerPacket(packet: BridgePacket): void;
  onPlain(path: string, packet: BridgePacket): void;
  onSealed(path: string, kind: PathKind, frame: SealedFrame): void;
  onPathClosed(path: string): void;
}

export interface AskOptions {
  /** For the answer, ms. */
  readonly timeoutMs: number;
  /** UDP mode: times that it is asked, within that time. */
  readonly attempts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The path through the server. */
export const RELAY_PATH = 'relay';

/**
 * The sockets of one mode. A path leads to one peer: in TCP mode a connection, in UDP mode an address.
 */
export interface BridgeTransport {
  readonly mode: BridgeMode;
  /** Where peers find us. */
  readonly ip: string;
  readonly port: number;
  /** IP address of the server, and its port. */
  readonly serverAddress: string;
  readonly serverPort: number;
  /**
   * Send a packet to the server. Fulfils with its answer; undefined: there was none, in time or at all.
   * @throws {ClientError} CONNECT_FAILED, or the signal's reason
   */
  ask(packet: BridgePacket, options: AskOptions): Promise<BridgePacket | undefined>;
  /** Send a packet that has no answer. Never rejects. */
  tell(packet: BridgePacket): Promise<void>;
  /**
   * Open a path to a peer's address.
   * @throws {ClientError} CONNECT_FAILED, CONNECT_TIMEOUT, or the signal's reason
   */
  dial(ip: string, port: number, options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<string>;
  /** Open the path through the server; undefined: it will not. */
  openRelay(request: BridgePacket, options: { timeoutMs: number }): Promise<string | undefined>;
  send(path: string, bytes: Uint8Array): void;
  /** Where a path leads to, `ip:port`. */
  describe(path: string): string;
  closePath(path: string): void;
  close(): Promise<void>;
}
