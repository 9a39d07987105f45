import type { LinkEvent, LinkLimits } from './api.ts';
import { ChannelReceiver, type HeldBudget, type ReceiverSink } from './channel-receiver.ts';
import { ChannelSender } from './channel-sender.ts';
import type { OutgoingRecord } from './outgoing-record.ts';

/** Channels that were closed and are still told from those that were never open. */
const CLOSED_KEPT_MAX = 1_024;

export interface ChannelsOptions {
  readonly limits: LinkLimits;
  readonly emit: (event: LinkEvent) => void;
}

/** The channels of a session, both directions of each; channel 0 is always there. */
export class Channels {
  readonly senders = new Map<number, ChannelSender>();
  readonly #receivers = new Map<number, ChannelReceiver>();
  readonly #closed = new Set<number>();
  readonly #limits: LinkLimits;
  readonly #emit: (event: LinkEvent) => void;
  readonly #sink: ReceiverSink;
  readonly #budget: HeldBudget = { aheadBytes: 0, partsBytes: 0 };
  /** Senders of which something was taken as held since the last `settle`. */
  readonly #touched = new Set<ChannelSender>();
  #lastTouched: ChannelSender | undefined;

  constructor({ limits, emit }: ChannelsOptions) {
    this.#limits = limits;
    this.#emit = emit;
    this.#sink = {
      record: (channel, number, body) => emit({ type: 'record', channel, number, body }),
      skipped: (channel, first, last) => emit({ type: 'skipped', channel, first, last }),
    };
    this.open(0, 1, 1);
  }

  /** @throws {RangeError} the channel is open or was, or there would be too many: faults of the caller */
  open(channel: number, sendFrom: number, receiveFrom: number): void {
    if (this.senders.has(channel) || this.#closed.has(channel))
      throw new RangeError(`Cannot open channel ${channel} twice`);
    if (this.senders.size >= this.#limits.channelsMax)
      throw new RangeError(`Cannot open more than ${this.#limits.channelsMax} channels`);
    this.senders.set(channel, new ChannelSender(channel, sendFrom, this.#limits));
    const early = this.#receivers.get(channel);
    if (early !== undefined) early.open(receiveFrom);
    else this.#receivers.set(channel, this.#receiver(channel, receiveFrom));
  }

  close(channel: number): void {
    this.senders.get(channel)?.close();
    this.#receivers.get(channel)?.close();
    this.senders.delete(channel);
    this.#receivers.delete(channel);
    this.#closed.add(channel);
    if (this.#closed.size <= CLOSED_KEPT_MAX) return;
    for (const oldest of this.#closed) {
      this.#closed.delete(oldest);
      return;
    }
  }

  /**
   * Where what comes on a channel goes: for one that is not open yet, to be kept until it is.
   * @returns `closed` where it is dropped, `full` when no more channels are kept
   */
  receiver(channel: number): ChannelReceiver | 'closed' | 'full' {
    const known = this.#receivers.get(channel);
    if (known !== undefined) return known;
    if (this.#closed.has(channel)) return 'closed';
    if (this.#receivers.size >= this.#limits.channelsMax) return 'full';
    const early = this.#receiver(channel, undefined);
    this.#receivers.set(channel, early);
    return early;
  }

  isOpen(channel: number): boolean {
    return this.senders.has(channel);
  }

  get openReceivers(): Iterable<ChannelReceiver> {
    return this.#receivers.values();
  }

  /** The peer has a record. */
  hold(record: OutgoingRecord): void {
    const { owner } = record;
    owner.hold(record);
    // Mostly a whole burst of one channel.
    if (owner === this.#lastTouched) return;
    this.#lastTouched = owner;
    this.#touched.add(owner);
  }

  touch(sender: ChannelSender): void {
    this.#touched.add(sender);
  }

  /** Tell what became held. */
  settle(): void {
    if (this.#touched.size === 0) return;
    for (const sender of this.#touched) {
      if (!sender.advance() || !this.senders.has(sender.channel)) continue;
      this.#emit({ type: 'held', channel: sender.channel, next: sender.heldBelow });
      if (sender.takeDrained()) this.#emit({ type: 'drained', channel: sender.channel });
    }
    this.#touched.clear();
    this.#lastTouched = undefined;
  }

  #receiver(channel: number, first: number | undefined): ChannelReceiver {
    return new ChannelReceiver(channel, first, this.#limits, this.#budget, this.#sink);
  }
}
