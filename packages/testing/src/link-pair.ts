import type { LinkEvent, LinkLimits, LinkTuning, PathMode } from '@confab/wire/link';
import { fakeLinkCrypto } from './fake-link-crypto.ts';
import { SimEnd, SimWire, type SimWireFaults } from './sim-link.ts';
import { SimNetwork } from './sim-network.ts';

export interface LinkPairOptions {
  readonly seed?: number;
  readonly faults?: Partial<SimWireFaults>;
  readonly clientMode?: PathMode;
  readonly serverMode?: PathMode;
  readonly limits?: Partial<LinkLimits>;
  readonly tuning?: Partial<LinkTuning>;
  readonly datagramBytesMax?: number;
}

export type Side = 'client' | 'server';

/** A client and a server with one session between them in a virtual network, both noting what happens. */
export class LinkPair {
  readonly network: SimNetwork;
  readonly wire: SimWire;
  readonly client: SimEnd;
  readonly server: SimEnd;
  /** Events as they happened, with their times. */
  readonly events: Record<Side, { readonly atMs: number; readonly event: LinkEvent }[]> = { client: [], server: [] };
  /** Called for each event, too. */
  onEvent: (side: Side, event: LinkEvent) => void = () => {};

  constructor(options: LinkPairOptions = {}) {
    this.network = new SimNetwork({ seed: options.seed ?? 1 });
    this.wire = new SimWire(this.network, options.faults);
    const random = this.network.random.fork();
    const shared = {
      crypto: fakeLinkCrypto(random),
      datagramSecret: random.bytes(32),
      connectionId: random.bytes(8),
      datagramBytesMax: options.datagramBytesMax ?? 1_472,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.tuning === undefined ? {} : { tuning: options.tuning }),
    };
    const end = (role: Side, mode: PathMode): SimEnd =>
      new SimEnd(
        this.network,
        { ...shared, role, mode, peerAddress: role === 'client' ? 'server' : undefined },
        (event) => {
          this.events[role].push({ atMs: this.network.nowMs, event });
          this.onEvent(role, event);
        },
      );
    this.client = end('client', options.clientMode ?? 'auto');
    this.server = end('server', options.serverMode ?? 'auto');
    this.wire.join(this.client, this.server);
  }

  /** Connect, open channel 1 on both sides, and let some time pass. */
  start(durationMs = 1_000): this {
    this.wire.connect();
    this.open(1);
    this.pass(durationMs);
    return this;
  }

  open(channel: number): void {
    for (const side of [this.client, this.server]) side.session.openChannel(channel, { sendFrom: 1, receiveFrom: 1 });
  }

  pass(durationMs: number): void {
    this.network.runUntil(this.network.nowMs + durationMs);
  }

  send(side: Side, body: Uint8Array, channel = 1): { readonly number: number; readonly isFull: boolean } {
    const sent = this[side].session.send(channel, body);
    this[side].flush();
    return sent;
  }

  /** The bodies that came to a side on a channel, in order. */
  bodies(side: Side, channel = 1): Uint8Array[] {
    const bodies: Uint8Array[] = [];
    for (const { event } of this.events[side])
      if (event.type === 'record' && event.channel === channel) bodies.push(event.body);
    return bodies;
  }

  /** The paths that a side moved to, and why. */
  moves(side: Side): string[] {
    const moves: string[] = [];
    for (const { event } of this.events[side]) if (event.type === 'path') moves.push(`${event.path}: ${event.reason}`);
    return moves;
  }

  /** When a side last moved to a path. */
  movedAtMs(side: Side, path: 'tcp' | 'udp'): number {
    const move = this.events[side].findLast(({ event }) => event.type === 'path' && event.path === path);
    return move?.atMs ?? Number.NaN;
  }
}
