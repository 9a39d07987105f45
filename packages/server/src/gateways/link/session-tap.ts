import type { Aead, LinkCrypto } from '@confab/wire/link';
import type { Tap } from '../../tap.ts';
import { FrameCutter } from './frame-cutter.ts';

/**
 * Shows to `confab trace` what a session's packets and connections say, in the clear: the packets behind their seal, the
 * connection behind TLS, one frame after the other. Made for sessions that begin while the trace is on; others cost nothing.
 */
export class SessionTap {
  readonly #tap: Tap;
  #peer = '';
  #incoming = new FrameCutter();
  #outgoing = new FrameCutter();
  /** What was sealed since the last datagram was handed out: where it goes is known then. */
  #sealed: Uint8Array | undefined;
  #from = '';

  constructor(tap: Tap) {
    this.#tap = tap;
  }

  /** The same cryptography, of which what it seals and opens is shown. */
  crypto(inner: LinkCrypto): LinkCrypto {
    return {
      randomBytes: (count) => inner.randomBytes(count),
      hmacSha256: (key, data) => inner.hmacSha256(key, data),
      aes128Block: (key) => inner.aes128Block(key),
      aes128Gcm: (key) => this.#shown(inner.aes128Gcm(key)),
    };
  }

  /** A connection of the session, after WELCOME. @param peer `ip:port` */
  streamOpened(peer: string): void {
    this.#peer = peer;
    this.#incoming = new FrameCutter();
    this.#outgoing = new FrameCutter();
  }

  streamReceived(bytes: Uint8Array): void {
    this.#stream('in', this.#incoming, bytes);
  }

  streamSent(bytes: Uint8Array): void {
    this.#stream('out', this.#outgoing, bytes);
  }

  /** What is opened next came from there. */
  datagramFrom(from: string): void {
    this.#from = from;
  }

  /** What was sealed goes there. */
  datagramSent(to: string): void {
    const sealed = this.#sealed;
    this.#sealed = undefined;
    if (sealed !== undefined) this.#tap.watcher?.({ wire: 'link-udp', direction: 'out', peer: to, bytes: sealed });
  }

  #stream(direction: 'in' | 'out', cutter: FrameCutter, bytes: Uint8Array): void {
    for (const frame of cutter.push(bytes)) {
      this.#tap.watcher?.({ wire: 'link-tcp', direction, peer: this.#peer, bytes: frame });
    }
  }

  #shown(inner: Aead): Aead {
    return {
      seal: (nonce, aad, plaintext, out, outOffset) => {
        inner.seal(nonce, aad, plaintext, out, outOffset);
        if (this.#tap.watcher !== undefined) this.#sealed = joined(aad, plaintext);
      },
      open: (nonce, aad, sealed) => {
        const plaintext = inner.open(nonce, aad, sealed);
        if (plaintext !== undefined) {
          const peer = this.#from;
          this.#tap.watcher?.({ wire: 'link-udp', direction: 'in', peer, bytes: joined(aad, plaintext) });
        }
        return plaintext;
      },
    };
  }
}

function joined(head: Uint8Array, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + rest.length);
  bytes.set(head);
  bytes.set(rest, head.length);
  return bytes;
}
