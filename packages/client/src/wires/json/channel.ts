/** What a channel tells its session. Nothing comes after `onEnd`. */
export interface ChannelListener {
  /** One JSON object has come. */
  onText(text: string): void;
  /** The connection is gone, and why, in a few words. */
  onEnd(reason: string): void;
}

/** A connection that carries JSON objects both ways: lines over TCP, or WebSocket frames. Open from the start. */
export interface JsonChannel {
  /** `ip:port`; empty where it cannot be known. */
  readonly localAddress: string;
  /** What has come until now, and what comes from now on, goes there. */
  listen(listener: ChannelListener): void;
  /** Say one JSON object. After the end: nothing happens. */
  send(text: string): void;
  /** Close when what was sent has gone out; fulfils when it has, or when that takes too long. */
  finish(): Promise<void>;
  /** Let go at once; the listener hears nothing more. */
  destroy(): void;
}

/** Longest wait for the peer when a connection is closed in good order, ms. */
export const FINISH_TIMEOUT_MS = 1000;

/** Keeps what comes before somebody listens. */
export class ChannelInbox {
  #listener: ChannelListener | undefined;
  #early: string[] = [];
  #endReason: string | undefined;
  #isEnded = false;

  listen(listener: ChannelListener): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const text of early) this.text(text);
    if (this.#endReason !== undefined) this.#tellEnd(this.#endReason);
  }

  text(text: string): void {
    if (this.#isEnded) return;
    if (this.#listener === undefined) this.#early.push(text);
    else this.#listener.onText(text);
  }

  end(reason: string): void {
    this.#endReason ??= reason;
    if (this.#listener !== undefined) this.#tellEnd(this.#endReason);
  }

  /** Nobody wants to hear any more. */
  close(): void {
    this.#isEnded = true;
  }

  #tellEnd(reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#listener?.onEnd(reason);
  }
}
