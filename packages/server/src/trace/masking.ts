import { maskLinkSecrets } from '@confab/wire/link';
import type { TappedBytes } from '../tap.ts';
import { LineMask, maskTokens, maskUcrpToken, SecretMask } from './secret-mask.ts';

/** Streams whose place in a JSON text is remembered; beyond it the oldest are forgotten. */
const STREAMS_MAX = 4096;
/** The wires whose every unit is whole, so that nothing is to be remembered. */
const datagramWires: ReadonlySet<string> = new Set(['ucrp', 'stage1', 'json-datagrams']);

type Mask = Pick<SecretMask, 'apply'>;

/** Takes passwords and tokens out of what passes the sockets; see every unit of a stream from its beginning on. */
export class Masking {
  readonly #streams = new Map<string, Mask>();

  mask({ wire, direction, peer, bytes, isEnd }: TappedBytes): Uint8Array {
    if (isEnd === true) {
      for (const way of ['in', 'out']) this.#streams.delete(`${wire} ${way} ${peer}`);
      return bytes;
    }
    // Whole packets and frames, each with all that tells where its secrets are.
    if (wire === 'link-tcp') return maskLinkSecrets(bytes);
    if (wire === 'link-udp') return maskLinkSecrets(bytes, direction === 'in' ? 'server' : 'client');
    const mask = datagramWires.has(wire) ? new SecretMask() : this.#stream(wire, `${wire} ${direction} ${peer}`);
    const masked = mask.apply(bytes);
    if (wire === 'ucrp') return maskTokens(direction === 'in' ? maskUcrpToken(masked) : masked);
    return wire === 'tcrp' ? maskTokens(masked) : masked;
  }

  #stream(wire: string, key: string): Mask {
    let mask = this.#streams.get(key);
    if (mask === undefined) {
      for (const oldest of this.#streams.keys()) {
        if (this.#streams.size < STREAMS_MAX) break;
        this.#streams.delete(oldest);
      }
      mask = wire === 'bridge' ? new LineMask() : new SecretMask();
      this.#streams.set(key, mask);
    }
    return mask;
  }
}
