import type { Duplex } from 'node:stream';
import type { LinkEndpoint, LinkEvent } from '@confab/wire/link';
import type { Alarm } from './alarms.ts';
import type { LinkLoop } from './loop.ts';

/** Bytes of a stream that wait for the system, beyond which the session is asked for no more. */
export const STREAM_BYTES_MAX = 65_536;
/** Datagrams and events of one session in one flush; the rest come after others have had their turn. */
export const FLUSH_DATAGRAMS_MAX = 64;
export const FLUSH_EVENTS_MAX = 1024;
/** How long what is left to write may take after a session is over, ms; then the connection is cut. */
export const LINGER_MS = 2000;

export interface LinkDriverOptions {
  readonly endpoint: LinkEndpoint;
  readonly loop: LinkLoop;
  /** Hand a datagram to the system; `to` is what `datagramReceived` was given as `from`. Absent: none are sent. */
  readonly sendDatagram?: ((bytes: Uint8Array, to: string) => void) | undefined;
  /** What the session has to tell, in order. May call the endpoint, the driver, or `end`. */
  readonly onEvent: (event: LinkEvent) => void;
  /** The session is over because of a fault of our own, here or in `onEvent`; nothing is called after this. */
  readonly onFault: (error: unknown) => void;
  /** Default {@link STREAM_BYTES_MAX}. */
  readonly streamBytesMax?: number;
}

/**
 * Joins one session to its sockets: feeds it what arrives, writes what it gives once a turn, wakes it when its time has come,
 * and asks it for no more than its connection takes. Whoever calls the endpoint itself says `wake` afterwards. Faults end
 * this session and no other.
 */
export class LinkDriver {
  readonly endpoint: LinkEndpoint;
  readonly #options: LinkDriverOptions;
  readonly #streamBytesMax: number;
  readonly #alarm: Alarm;
  readonly #linger: Alarm;
  #stream: Duplex | undefined;
  /** Whether the session has, or may have, more for the connection than it takes at the moment. */
  #isStreamFull = false;
  /** *over*: the session has ended, and what it said last is on its way. */
  #state: 'running' | 'over' | 'ended' = 'running';

  constructor(options: LinkDriverOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    this.#streamBytesMax = options.streamBytesMax ?? STREAM_BYTES_MAX;
    this.#alarm = options.loop.alarms.create((nowMs) => this.#ring(nowMs));
    this.#linger = options.loop.alarms.create(() => this.end());
  }

  /** Whether the session still has a driver that does something. */
  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  get hasStream(): boolean {
    return this.#stream !== undefined;
  }

  /**
   * A TLS connection on which HELLO and WELCOME are done. The one before it, if there is one, is cut.
   * @param early bytes that came together with the handshake
   */
  openStream(stream: Duplex, early?: Uint8Array): void {
    if (this.#state !== 'running') {
      stream.on('error', ignore);
      stream.destroy();
      return;
    }
    this.#dropStream();
    this.#stream = stream;
    this.#isStreamFull = false;
    // `close` follows each error and says all there is to say.
    stream.on('error', ignore);
    stream.on('data', (bytes: Uint8Array) => {
      if (this.#stream === stream) this.#tell((nowMs) => this.endpoint.streamReceived(nowMs, bytes));
    });
    stream.once('close', () => this.#streamClosed(stream));
    this.#tell((nowMs) => {
      this.endpoint.streamOpened(nowMs);
      if (early !== undefined && early.length > 0) this.endpoint.streamReceived(nowMs, early);
    });
    // A connection that died before it came here says no more.
    if (stream.destroyed) this.#streamClosed(stream);
  }

  /** A datagram with this session's connection id. */
  receiveDatagram(bytes: Uint8Array, from: string): void {
    if (this.#state !== 'running') return;
    // Without a closure for each packet.
    try {
      this.endpoint.datagramReceived(this.#options.loop.clock.monotonicMs(), bytes, from);
    } catch (error) {
      this.#fault(error);
    }
    this.wake();
  }

  /** The local datagram socket was replaced, or has failed. */
  datagramSocket(state: 'replaced' | 'failed'): void {
    this.#tell((nowMs) => this.endpoint.datagramSocket(nowMs, state));
  }

  /** The endpoint was called from outside and may have something to write, to tell, or to wait for. */
  wake(): void {
    if (this.#state !== 'ended') this.#options.loop.flushSoon(this);
  }

  /** Say goodbye and end when that is written, or after {@link LINGER_MS}. */
  close(code: number, text: string): void {
    this.#tell((nowMs) => this.endpoint.close(nowMs, code, text));
    this.#finish();
  }

  /** Let go at once: nothing is written, and nobody is told. */
  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#alarm.cancel();
    this.#linger.cancel();
    this.#options.loop.forget(this);
    this.#dropStream();
  }

  /** Write, tell and wait for what the endpoint has; for the loop to call. */
  flush(): void {
    try {
      this.#flush();
    } catch (error) {
      this.#fault(error);
    }
  }

  #flush(): void {
    if (this.#state === 'ended') return;
    let hasMore = this.#tellEvents() === FLUSH_EVENTS_MAX;
    // An event may have been answered by `end`.
    if (this.isEnded) return;
    const nowMs = this.#options.loop.clock.monotonicMs();
    this.#writeStream(nowMs);
    hasMore = this.#sendDatagrams(nowMs) || hasMore;
    // Room in a window is news that only writing brings.
    hasMore = this.#tellEvents() > 0 || hasMore;
    if (this.isEnded) return;
    if (this.#state === 'over') this.#endStream();
    else {
      if (hasMore) this.wake();
      this.#alarm.ringBy(this.endpoint.nextTimeoutMs());
    }
  }

  /** How many were told: whoever hears them may have called the endpoint. */
  #tellEvents(): number {
    let count = 0;
    while (count < FLUSH_EVENTS_MAX && this.#state === 'running') {
      const event = this.endpoint.pollEvent();
      if (event === undefined) break;
      count += 1;
      this.#options.onEvent(event);
      if (event.type === 'closed') this.#finish();
    }
    return count;
  }

  #writeStream(nowMs: number): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.writableEnded) return;
    let isCorked = false;
    try {
      for (;;) {
        const room = this.#streamBytesMax - stream.writableLength;
        this.#isStreamFull = room <= 0;
        if (this.#isStreamFull) return;
        const bytes = this.endpoint.pollStream(nowMs, room);
        if (bytes === undefined) return;
        // Most turns have nothing for the connection.
        if (!isCorked) stream.cork();
        isCorked = true;
        stream.write(bytes, () => this.#written(stream));
      }
    } finally {
      if (isCorked) stream.uncork();
    }
  }

  #written(stream: Duplex): void {
    if (stream !== this.#stream || !this.#isStreamFull) return;
    if (stream.writableLength >= this.#streamBytesMax) return;
    this.#isStreamFull = false;
    this.wake();
  }

  /** Whether there are more. */
  #sendDatagrams(nowMs: number): boolean {
    const { sendDatagram } = this.#options;
    if (sendDatagram === undefined) return false;
    for (let count = 0; count < FLUSH_DATAGRAMS_MAX; count += 1) {
      const datagram = this.endpoint.pollDatagram(nowMs);
      if (datagram === undefined) return false;
      try {
        sendDatagram(datagram.bytes, datagram.to);
      } catch {
        // A socket that is closed, say. The session goes its other way.
        this.endpoint.datagramSocket(nowMs, 'failed');
        return true;
      }
    }
    return true;
  }

  #ring(nowMs: number): void {
    if (this.#isEarly(nowMs)) return;
    this.#contain(() => {
      if (this.#state === 'running') this.endpoint.onTimeout(nowMs);
    });
    this.flush();
  }

  /** Most deadlines move on before they come: then there is nothing to do but to wait for the later one. */
  #isEarly(nowMs: number): boolean {
    let dueMs: number | undefined;
    this.#contain(() => {
      dueMs = this.endpoint.nextTimeoutMs();
    });
    if (this.#state !== 'running') return false;
    if (dueMs !== undefined && dueMs <= nowMs) return false;
    this.#alarm.ringBy(dueMs);
    return true;
  }

  #streamClosed(stream: Duplex): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.#isStreamFull = false;
    if (this.#state === 'over') this.end();
    else this.#tell((nowMs) => this.endpoint.streamClosed(nowMs));
  }

  #finish(): void {
    if (this.#state !== 'running') return;
    this.#state = 'over';
    this.#alarm.cancel();
    this.#linger.ringBy(this.#options.loop.clock.monotonicMs() + LINGER_MS);
    this.wake();
  }

  /** After the last flush: the connection ends when what it has is written, and the driver with it. */
  #endStream(): void {
    const stream = this.#stream;
    if (stream === undefined) {
      this.end();
      return;
    }
    // A full connection gets the rest, and its end, once it takes more.
    if (!this.#isStreamFull) stream.end();
  }

  #dropStream(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.destroy();
  }

  #tell(call: (nowMs: number) => void): void {
    if (this.#state !== 'running') return;
    this.#contain(() => call(this.#options.loop.clock.monotonicMs()));
    this.wake();
  }

  #contain(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    if (this.#state === 'ended') return;
    this.end();
    this.#options.onFault(error);
  }
}

function ignore(): void {}
