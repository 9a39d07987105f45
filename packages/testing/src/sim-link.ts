import { type LinkEvent, LinkSession, type LinkSessionOptions } from '@confab/wire/link';
import {
  type DatagramFaults,
  NO_DATAGRAM_FAULTS,
  NO_STREAM_FAULTS,
  type SimLane,
  type SimNetwork,
  type SimPipe,
  type StreamFaults,
} from './sim-network.ts';

/** Bytes that a connection's driver takes at once. */
const STREAM_BYTES = 16_384;

/** One end of a session: does what a driver does, in virtual time. */
export class SimEnd {
  session: LinkSession;
  readonly #network: SimNetwork;
  readonly #onEvent: (event: LinkEvent) => void;
  /** Where its bytes and datagrams go; undefined while there is no connection. */
  pipe: SimPipe | undefined;
  lane: ((to: string, datagram: Uint8Array) => void) | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #isFlushing = false;
  isGone = false;

  constructor(network: SimNetwork, options: LinkSessionOptions, onEvent: (event: LinkEvent) => void) {
    this.#network = network;
    this.session = new LinkSession(options);
    this.#onEvent = onEvent;
  }

  /** After anything was done with the session: events, then what goes out, then the timer. */
  flush(): void {
    if (this.isGone || this.#isFlushing) return;
    this.#isFlushing = true;
    const { nowMs } = this.#network;
    const { session } = this;
    for (let event = session.pollEvent(); event !== undefined; event = session.pollEvent()) this.#onEvent(event);
    for (let bytes = this.#pollStream(nowMs); bytes !== undefined; bytes = this.#pollStream(nowMs))
      this.pipe?.write(bytes);
    for (let packet = session.pollDatagram(nowMs); packet !== undefined; packet = session.pollDatagram(nowMs))
      this.lane?.(packet.to, packet.bytes);
    for (let event = session.pollEvent(); event !== undefined; event = session.pollEvent()) this.#onEvent(event);
    this.#isFlushing = false;
    this.#schedule();
  }

  #pollStream(nowMs: number): Uint8Array | undefined {
    return this.pipe === undefined ? undefined : this.session.pollStream(nowMs, STREAM_BYTES);
  }

  #schedule(): void {
    const nextMs = this.session.nextTimeoutMs();
    if (nextMs === undefined || nextMs >= this.#timerMs) return;
    const atMs = Math.max(nextMs, this.#network.nowMs);
    this.#timerMs = atMs;
    this.#network.at(atMs, () => {
      if (this.#timerMs !== atMs) return;
      this.#timerMs = Number.POSITIVE_INFINITY;
      if (this.isGone) return;
      this.session.onTimeout(this.#network.nowMs);
      this.flush();
    });
  }
}

export interface SimWireFaults {
  readonly up: Partial<DatagramFaults>;
  readonly down: Partial<DatagramFaults>;
  readonly streamUp: Partial<StreamFaults>;
  readonly streamDown: Partial<StreamFaults>;
  /** Connections share the lines of the datagrams. */
  readonly isOneLine: boolean;
}

/**
 * What lies between a client and the server: two lanes and, for each connection, two pipes. Faults stay as they are when a
 * connection is made anew.
 */
export class SimWire {
  readonly up: SimLane;
  readonly down: SimLane;
  readonly streamUp: StreamFaults;
  readonly streamDown: StreamFaults;
  /** Connections that are made from now on share the lines of the datagrams. */
  isOneLine: boolean;
  pipeUp: SimPipe | undefined;
  pipeDown: SimPipe | undefined;
  /** The client as the server sees it; another one when a NAT forgets. */
  address = 'client:1';
  client: SimEnd | undefined;
  server: SimEnd | undefined;
  readonly #network: SimNetwork;
  readonly #addresses = new Set<string>([this.address]);

  constructor(network: SimNetwork, faults: Partial<SimWireFaults> = {}) {
    this.#network = network;
    this.isOneLine = faults.isOneLine ?? false;
    this.streamUp = { ...NO_STREAM_FAULTS, ...faults.streamUp };
    this.streamDown = { ...NO_STREAM_FAULTS, ...faults.streamDown };
    this.up = network.lane({ ...NO_DATAGRAM_FAULTS, ...faults.up }, (datagram) => {
      const { server } = this;
      if (server === undefined || server.isGone) return;
      server.session.datagramReceived(network.nowMs, datagram, this.address);
      server.flush();
    });
    this.down = network.lane({ ...NO_DATAGRAM_FAULTS, ...faults.down }, (datagram) => {
      const { client } = this;
      if (client === undefined || client.isGone) return;
      client.session.datagramReceived(network.nowMs, datagram, 'server');
      client.flush();
    });
  }

  /** Give a pair of ends their datagrams. */
  join(client: SimEnd, server: SimEnd): void {
    this.client = client;
    this.server = server;
    client.lane = (_to, datagram) => this.up.send(datagram);
    server.lane = (to, datagram) => {
      if (to === this.address) this.down.send(datagram);
    };
  }

  /** A NAT gives the client another address: what is sent to the old one is lost. */
  changeAddress(): void {
    this.address = `client:${this.#addresses.size + 1}`;
    this.#addresses.add(this.address);
  }

  /** A TLS connection between the two, HELLO and WELCOME done. */
  connect(): void {
    const { client, server } = this;
    if (client === undefined || server === undefined) return;
    this.pipeUp = this.#network.pipe(this.streamUp, (bytes) => {
      if (server.isGone) return;
      server.session.streamReceived(this.#network.nowMs, bytes);
      server.flush();
    });
    this.pipeDown = this.#network.pipe(this.streamDown, (bytes) => {
      if (client.isGone) return;
      client.session.streamReceived(this.#network.nowMs, bytes);
      client.flush();
    });
    // Faults that are changed later hold for this connection too.
    this.pipeUp.faults = this.streamUp;
    this.pipeDown.faults = this.streamDown;
    if (this.isOneLine) {
      this.pipeUp.line = this.up;
      this.pipeDown.line = this.down;
    }
    client.pipe = this.pipeUp;
    server.pipe = this.pipeDown;
    client.session.streamOpened(this.#network.nowMs);
    server.session.streamOpened(this.#network.nowMs);
    client.flush();
    server.flush();
  }

  /** The connection breaks for both. */
  disconnect(): void {
    if (this.pipeUp === undefined) return;
    this.pipeUp.close();
    this.pipeDown?.close();
    this.pipeUp = undefined;
    this.pipeDown = undefined;
    for (const end of [this.client, this.server]) {
      if (end?.pipe === undefined) continue;
      end.pipe = undefined;
      end.session.streamClosed(this.#network.nowMs);
      end.flush();
    }
  }

  get isConnected(): boolean {
    return this.pipeUp !== undefined;
  }

  blockStream(direction: 'up' | 'down', isBlocked: boolean): void {
    const [pipe, faults] = direction === 'up' ? [this.pipeUp, this.streamUp] : [this.pipeDown, this.streamDown];
    faults.isBlocked = isBlocked;
    pipe?.setBlocked(isBlocked);
  }
}
