import { LinkSession, type LinkSessionOptions } from '@confab/wire/link';
import type { WireStats } from '../../stats.ts';

/** A session's state machine that counts what goes out. */
export class CountedSession extends LinkSession {
  readonly #stats: WireStats;

  constructor(options: LinkSessionOptions, stats: WireStats) {
    super(options);
    this.#stats = stats;
  }

  override pollStream(nowMs: number, bytesMax: number): Uint8Array | undefined {
    return this.#count(super.pollStream(nowMs, bytesMax));
  }

  override pollDatagram(nowMs: number): { readonly to: string; readonly bytes: Uint8Array } | undefined {
    const datagram = super.pollDatagram(nowMs);
    this.#count(datagram?.bytes);
    return datagram;
  }

  #count(bytes: Uint8Array | undefined): Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    this.#stats.sent += 1;
    this.#stats.sentBytes += bytes.length;
    return bytes;
  }
}
