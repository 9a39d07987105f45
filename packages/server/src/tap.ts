/** One datagram, or one chunk of a stream, as it passed a socket of a plaintext wire. */
export interface TappedBytes {
  /** The wire's name, such as `ucrp`. */
  readonly wire: string;
  readonly direction: 'in' | 'out';
  /** The peer, `ip:port`. */
  readonly peer: string;
  readonly bytes: Uint8Array;
  /** The stream is over; there are no more bytes. */
  readonly isEnd?: boolean;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Where gateways show what passes their sockets, for `confab trace`. `watcher` is undefined unless somebody watches, so that
 * a gateway asks first and pays one comparison otherwise:
 *
 *     this.#tap.watcher?.({ wire: 'ucrp', direction: 'in', peer, bytes });
 */
export class Tap {
  watcher: ((bytes: TappedBytes) => void) | undefined;

  /** A connection is gone: nothing more comes of its streams, whose place another one may take. */
  end(wire: string, peer: string): void {
    this.watcher?.({ wire, direction: 'in', peer, bytes: NO_BYTES, isEnd: true });
  }
}
