import { createSocket, type Socket } from 'node:dgram';
import { type Prng, prng } from './prng.ts';

export interface LossyRelayOptions {
  /** Same seed, same packets in the same order: the same fate for each of them. */
  readonly seed: number;
  /** Probability that a datagram is lost, 0–1. */
  readonly loss?: number;
  /** … that it arrives twice. */
  readonly duplicate?: number;
  /** … that it is overtaken by up to three that come after it. */
  readonly reorder?: number;
}

export interface RelayCounts {
  /** Datagrams that came to the relay. */
  taken: number;
  forwarded: number;
  lost: number;
  duplicated: number;
  overtaken: number;
}

/** A datagram is held back until others have overtaken it, or for so long, ms: the last one of all has no others. */
const HELD_MS = 15;

/** One direction of one client: what happens to each datagram is drawn from a sequence of its own. */
class Lane {
  readonly #options: LossyRelayOptions;
  readonly #random: Prng;
  readonly #counts: RelayCounts;
  readonly #pass: (datagram: Uint8Array) => void;
  readonly #held = new Set<{ datagram: Uint8Array; overtakers: number; timer: NodeJS.Timeout }>();
  isHealed = false;

  constructor(options: LossyRelayOptions, random: Prng, counts: RelayCounts, pass: (datagram: Uint8Array) => void) {
    this.#options = options;
    this.#random = random;
    this.#counts = counts;
    this.#pass = pass;
  }

  take(datagram: Uint8Array): void {
    this.#counts.taken += 1;
    const { loss = 0, duplicate = 0, reorder = 0 } = this.#options;
    // All three are drawn for each datagram, so that the fate of one does not move that of the next.
    const isLost = this.#random.chance(loss) && !this.isHealed;
    const isDouble = this.#random.chance(duplicate) && !this.isHealed;
    const overtakers = this.#random.chance(reorder) && !this.isHealed ? this.#random.int(1, 3) : 0;
    if (isLost) {
      this.#counts.lost += 1;
    } else {
      if (overtakers > 0) this.#hold(datagram, overtakers);
      else this.#forward(datagram);
      if (isDouble) {
        this.#counts.duplicated += 1;
        this.#forward(datagram);
      }
    }
  }

  close(): void {
    for (const { timer } of this.#held) clearTimeout(timer);
    this.#held.clear();
  }

  #hold(datagram: Uint8Array, overtakers: number): void {
    this.#counts.overtaken += 1;
    const held = { datagram, overtakers, timer: setTimeout(() => this.#release(held), HELD_MS) };
    this.#held.add(held);
  }

  #release(held: { datagram: Uint8Array; overtakers: number; timer: NodeJS.Timeout }): void {
    clearTimeout(held.timer);
    if (!this.#held.delete(held)) return;
    this.#counts.forwarded += 1;
    this.#pass(held.datagram);
  }

  #forward(datagram: Uint8Array): void {
    this.#counts.forwarded += 1;
    this.#pass(datagram);
    for (const held of [...this.#held]) {
      held.overtakers -= 1;
      if (held.overtakers <= 0) this.#release(held);
    }
  }
}

interface Client {
  readonly upstream: Socket;
  readonly up: Lane;
  readonly down: Lane;
}

/**
 * A bad network on loopback: clients send to it and hear from it as if it were the server. Each client gets a socket of its
 * own towards the server, so that the server tells them apart.
 */
export class LossyRelay {
  readonly counts: RelayCounts = { taken: 0, forwarded: 0, lost: 0, duplicated: 0, overtaken: 0 };
  readonly #options: LossyRelayOptions;
  readonly #server: { readonly address: string; readonly port: number };
  readonly #socket: Socket;
  readonly #clients = new Map<number, Client>();
  #isHealed = false;

  /** @param server where datagrams are passed on to */
  static async open(
    server: { readonly address: string; readonly port: number },
    options: LossyRelayOptions,
  ): Promise<LossyRelay> {
    const socket = createSocket('udp4');
    await bound(socket);
    return new LossyRelay(socket, server, options);
  }

  private constructor(
    socket: Socket,
    server: { readonly address: string; readonly port: number },
    options: LossyRelayOptions,
  ) {
    this.#socket = socket;
    this.#server = server;
    this.#options = options;
    socket.on('error', () => {});
    socket.on('message', (datagram, { port }) => this.#clientAt(port).up.take(datagram));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** No more faults from now on. */
  heal(): void {
    this.#isHealed = true;
    for (const { up, down } of this.#clients.values()) {
      up.isHealed = true;
      down.isHealed = true;
    }
  }

  close(): void {
    for (const { upstream, up, down } of this.#clients.values()) {
      up.close();
      down.close();
      upstream.close();
    }
    this.#clients.clear();
    this.#socket.close();
  }

  #clientAt(port: number): Client {
    const known = this.#clients.get(port);
    if (known !== undefined) return known;
    const upstream = createSocket('udp4');
    upstream.on('error', () => {});
    // Clients differ by when they first spoke, and the two directions of one draw from different sequences.
    const random = prng(this.#options.seed * 1009 + this.#clients.size);
    const lane = (pass: (datagram: Uint8Array) => void): Lane => {
      const created = new Lane(this.#options, random.fork(), this.counts, pass);
      created.isHealed = this.#isHealed;
      return created;
    };
    const client: Client = {
      upstream,
      up: lane((datagram) => upstream.send(datagram, this.#server.port, this.#server.address)),
      down: lane((datagram) => this.#socket.send(datagram, port, '127.0.0.1')),
    };
    upstream.on('message', (datagram, { port: from }) => {
      // Not from a server that wrote to the port's last owner.
      if (from === this.#server.port) client.down.take(datagram);
    });
    this.#clients.set(port, client);
    return client;
  }
}

function bound(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: '127.0.0.1', port: 0 }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
