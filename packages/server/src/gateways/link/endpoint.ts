import { LinkSession, type LinkSessionOptions } from '@confab/wire/link';
import type { WireStats } from '../../stats.ts';
import type { SessionTap } from './session-tap.ts';

/** A session's state machine that counts what goes out, and shows what passes to who watches. */
export class CountedSession extends LinkSession {
  readonly #stats: WireStats;
  readonly #tap: SessionTap | undefined;

  /** @param tap undefined: nobody watched when it began */
  constructor(options: LinkSessionOptions, stats: WireStats, tap: SessionTap | undefined) {
    super(tap === undefined ? options : { ...options, crypto: tap.crypto(options.crypto) });
    this.#stats = stats;
    this.#tap = tap;
  }

  /** The connection that comes next, `ip:port`. */
  connectionFrom(peer: string): void {
    this.#tap?.streamOpened(peer);
  }

  override streamReceived(nowMs: number, bytes: Uint8Array): void {
    this.#tap?.streamReceived(bytes);
    super.streamReceived(nowMs, bytes);
  }

  override datagramReceived(nowMs: number, datagram: Uint8Array, from: string): void {
    this.#tap?.datagramFrom(from);
    super.datagramReceived(nowMs, datagram, from);
  }

  override pollStream(nowMs: number, bytesMax: number): Uint8Array | undefined {
    const bytes = this.#count(super.pollStream(nowMs, bytesMax));
    if (bytes !== undefined) this.#tap?.streamSent(bytes);
    return bytes;
  }

  override pollDatagram(nowMs: number): { readonly to: string; readonly bytes: Uint8Array } | undefined {
    const datagram = super.pollDatagram(nowMs);
    this.#count(datagram?.bytes);
    if (datagram !== undefined) this.#tap?.datagramSent(datagram.to);
    return datagram;
  }

  #count(bytes: Uint8Array | undefined): Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    this.#stats.sent += 1;
    this.#stats.sentBytes += bytes.length;
    return bytes;
  }
}
