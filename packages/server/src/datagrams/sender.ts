import type { DatagramTarget } from './source.ts';

/** Sends datagrams from one socket. What goes to one target goes in order. */
export interface DatagramSender {
  /**
   * Send this, at the latest at the end of this turn of the event loop. Nothing comes of it when the system does not take it:
   * datagrams get lost.
   * @param bytes must not be written to any more; may be the same for many targets, which is the cheapest
   * @param isBorrowed the bytes are good until this returns, and others may be there the next time
   */
  queue(target: DatagramTarget, bytes: Uint8Array, isBorrowed?: boolean): void;
  /** Hand what is queued to the system now. */
  flush(): void;
  /** Fulfils when the system has taken what was queued, or will not. Then nothing may be queued any more. */
  close(): Promise<void>;
}

export interface SenderOptions {
  /** A datagram did not go out; why is told where it is known. */
  readonly onUnsent: (error: Error | undefined) => void;
}

/** What a batch hands on to, one datagram at a time. */
export interface SingleSender extends DatagramSender {
  /** Datagrams wait for room in the socket's send buffer. What is sent now goes behind them. */
  readonly isWaiting: boolean;
}
