import type { LinkPath } from './api.ts';
import type { Received } from './channel-receiver.ts';
import type { ChannelSender } from './channel-sender.ts';
import type { Channels } from './channels.ts';
import type { Cursors } from './cursors.ts';
import type { FrameVisitor, SaidPathReason } from './frames.ts';
import { decodeAckRanges, decodeCursorRanges } from './range-coding.ts';
import type { AckUrgency } from './received-packets.ts';

/** What the inbox passes on. Methods that return false say that the peer breaks the protocol. */
export interface InboxPort {
  ping(data: Uint8Array, via: LinkPath): void;
  acknowledged(spans: readonly number[], delay: number): boolean;
  challenge(data: Uint8Array): void;
  response(data: Uint8Array): void;
  path(path: LinkPath, generation: number, reason: SaidPathReason | undefined, via: LinkPath): boolean;
  ephemeral(channel: number, kind: number, body: Uint8Array): void;
  closed(code: number, text: string): void;
  broken(why: string): void;
  /** A record on the connection did not fit: only a new connection brings it again. */
  streamOverflow(): void;
}

export interface InboxOptions {
  readonly channels: Channels;
  readonly cursors: Cursors;
  /** Nobody waits for the acknowledgement of such a record. */
  readonly isLazy: (channel: number, body: Uint8Array) => boolean;
  readonly port: InboxPort;
}

/** Takes the frames of a packet or of the connection and finds out how soon the packet is to be acknowledged. */
export class Inbox implements FrameVisitor {
  readonly #options: InboxOptions;
  readonly #spans: number[] = [];
  #nowMs = 0;
  #via: LinkPath = 'tcp';
  #urgency: AckUrgency | undefined;
  #isUntaken = false;
  #isCalm = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  begin(nowMs: number, via: LinkPath): this {
    this.#nowMs = nowMs;
    this.#via = via;
    this.#urgency = undefined;
    this.#isUntaken = false;
    this.#isCalm = false;
    return this;
  }

  /** Of the packet that was read; undefined when nothing of ours asks for an acknowledgement. */
  get urgency(): AckUrgency | undefined {
    return this.#isCalm && this.#urgency === 'soon' ? 'lazy' : this.#urgency;
  }

  /** Something of the packet could not be kept, so that it must not be acknowledged. */
  get isUntaken(): boolean {
    return this.#isUntaken;
  }

  ping(data: Uint8Array): void {
    this.#hurry('now');
    this.#options.port.ping(data, this.#via);
  }

  pong(): void {}

  record(channel: number, number: number, body: Uint8Array, isCalm: boolean): void {
    if (isCalm) this.#isCalm = true;
    const receiver = this.#options.channels.receiver(channel);
    if (typeof receiver === 'string') {
      this.#took(receiver === 'closed' ? 'old' : 'full', channel, false);
      return;
    }
    this.#took(receiver.record(number, body), channel, this.#options.isLazy(channel, body));
  }

  part(channel: number, number: number, offset: number, total: number, bytes: Uint8Array): void {
    const receiver = this.#options.channels.receiver(channel);
    if (typeof receiver === 'string') {
      this.#took(receiver === 'closed' ? 'old' : 'full', channel, false);
      return;
    }
    this.#took(receiver.part(number, offset, total, bytes), channel, false);
  }

  skip(channel: number, first: number, last: number): void {
    const receiver = this.#options.channels.receiver(channel);
    if (typeof receiver === 'string') {
      this.#took(receiver === 'closed' ? 'old' : 'full', channel, false);
      return;
    }
    this.#took(receiver.skip(first, last), channel, false);
  }

  cursor(channel: number, next: number, pairs: readonly number[]): void {
    const { channels, port } = this.#options;
    const sender = channels.senders.get(channel);
    if (sender === undefined) return;
    if (!decodeCursorRanges(next, pairs, this.#spans) || !this.#holdSpans(sender, next)) {
      port.broken(`CURSOR of channel ${channel} is beyond what was sent`);
      return;
    }
    channels.touch(sender);
  }

  ack(largest: number, delay: number, first: number, pairs: readonly number[]): void {
    const { port } = this.#options;
    // On the connection there are no packets to acknowledge.
    if (this.#via === 'tcp') return;
    if (!decodeAckRanges(largest, first, pairs, this.#spans) || !port.acknowledged(this.#spans, delay))
      port.broken('ACK of a packet that was never sent');
  }

  pathChallenge(data: Uint8Array): void {
    if (this.#via === 'udp') this.#options.port.challenge(data);
  }

  pathResponse(data: Uint8Array): void {
    if (this.#via === 'udp') this.#options.port.response(data);
  }

  path(path: LinkPath, generation: number, reason: SaidPathReason | undefined): void {
    if (!this.#options.port.path(path, generation, reason, this.#via))
      this.#options.port.broken(`PATH generation ${generation} is too far ahead`);
  }

  ephemeral(channel: number, kind: number, body: Uint8Array): void {
    if (this.#options.channels.isOpen(channel)) this.#options.port.ephemeral(channel, kind, body);
  }

  close(code: number, text: string): void {
    this.#options.port.closed(code, text);
  }

  /** @returns false when some of it was never sent */
  #holdSpans(sender: ChannelSender, next: number): boolean {
    if (!sender.holdBelow(next)) return false;
    for (let index = 0; index < this.#spans.length; index += 2)
      if (!sender.holdRange(this.#spans[index]!, this.#spans[index + 1]!)) return false;
    return true;
  }

  #took(received: Received, channel: number, isLazy: boolean): void {
    if (received === 'broken') {
      this.#options.port.broken(`Record of channel ${channel} is beyond the limits`);
      return;
    }
    if (this.#via === 'tcp') {
      this.#oweCursor(received, channel);
      return;
    }
    if (received === 'full') this.#isUntaken = true;
    else if (received === 'old') this.#hurry(this.#isUnsaid(channel) ? 'soon' : 'repeat');
    else this.#hurry(received === 'gap' ? 'now' : isLazy ? 'lazy' : 'soon');
  }

  /** It may have come on the connection first, and the peer not know yet. */
  #isUnsaid(channel: number): boolean {
    const receiver = this.#options.channels.receiver(channel);
    return typeof receiver !== 'string' && receiver.owedRecords > 0;
  }

  #oweCursor(received: Received, channel: number): void {
    if (received === 'full') {
      this.#options.port.streamOverflow();
      return;
    }
    const receiver = this.#options.channels.receiver(channel);
    if (typeof receiver === 'string') return;
    this.#options.cursors.owe(this.#nowMs, receiver, received === 'gap');
  }

  #hurry(urgency: AckUrgency): void {
    if (this.#urgency === undefined || URGENCIES.indexOf(urgency) > URGENCIES.indexOf(this.#urgency))
      this.#urgency = urgency;
  }
}

/** From the least to the greatest. */
const URGENCIES: readonly AckUrgency[] = ['lazy', 'repeat', 'soon', 'now'];
