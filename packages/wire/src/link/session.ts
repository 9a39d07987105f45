import { CodecError } from '../errors.ts';
import { AddressBook } from './address-book.ts';
import type {
  LinkEndpoint,
  LinkEvent,
  LinkLimits,
  LinkPath,
  LinkReadout,
  LinkSessionOptions,
  LinkTuning,
  PathReason,
} from './api.ts';
import { Channels } from './channels.ts';
import { Cursors } from './cursors.ts';
import { Datagrams } from './datagrams.ts';
import { LinkErrorCode } from './errors.ts';
import { EventList } from './event-list.ts';
import { Inbox } from './inbox.ts';
import { PathControl } from './path-control.ts';
import { readoutOf } from './readout.ts';
import type { RecordRun } from './record-run.ts';
import { isOwnEventBody } from './records.ts';
import { Sayings } from './sayings.ts';
import { StreamBacklog } from './stream-backlog.ts';
import { StreamPath } from './stream-path.ts';
import { LINK_LIMITS, LINK_TUNING } from './tuning.ts';

/** How much longer than the path in use the connection may be silent before it is asked. */
const IDLE_STREAM_FACTOR = { client: 2, server: 3 } as const;

/**
 * One session of link at one end: docs/wires/link.md. Puts the units together: `Channels` (what is to arrive), `PathControl`
 * (which way it goes), `StreamPath` and `Datagrams` (the two ways), `Cursors` (what was heard on the connection), and says
 * what happened. No socket, clock, timer or randomness of its own.
 *
 * `openChannel` is to be called while the event that tells of the channel is handled, before further bytes are given.
 */
export class LinkSession implements LinkEndpoint {
  readonly #role: 'client' | 'server';
  readonly #limits: LinkLimits;
  readonly #tuning: LinkTuning;
  readonly #events = new EventList();
  readonly #channels: Channels;
  readonly #cursors: Cursors;
  readonly #paths: PathControl;
  readonly #stream: StreamPath;
  readonly #datagrams: Datagrams | undefined;
  readonly #inbox: Inbox;
  readonly #sayings: Sayings;
  readonly #backlog = new StreamBacklog();
  #isDual = false;
  #isStarted = false;
  #isDeadTold = false;
  #nowMs = 0;

  constructor(options: LinkSessionOptions) {
    const { role, mode, crypto, datagramSecret } = options;
    this.#role = role;
    this.#limits = { ...LINK_LIMITS, ...options.limits };
    this.#tuning = { ...LINK_TUNING, ackGatherMs: role === 'server' ? LINK_TUNING.ackGatherMs : 0, ...options.tuning };
    const emit = (event: LinkEvent): void => this.#events.push(event);
    this.#channels = new Channels({ limits: this.#limits, emit });
    this.#cursors = new Cursors({ ...this.#tuning, ackRangesMax: this.#limits.ackRangesMax });
    const random = (bytes: number): Uint8Array => crypto.randomBytes(bytes);
    const addresses = role === 'server' ? new AddressBook(random) : undefined;
    this.#paths = new PathControl({
      role,
      mode,
      hasDatagrams: datagramSecret !== undefined && mode !== 'tcp',
      tuning: this.#tuning,
      random,
      isAddressProved: () =>
        addresses === undefined || (addresses.current !== undefined && addresses.unproved === undefined),
      onMove: (path, reason) => this.#moved(path, reason),
    });
    this.#sayings = new Sayings({
      paths: this.#paths,
      cursors: this.#cursors,
      ephemeralsMax: this.#limits.ephemeralsMax,
    });
    if (datagramSecret !== undefined && mode !== 'tcp')
      this.#datagrams = new Datagrams({
        session: { ...options, datagramSecret },
        tuning: this.#tuning,
        limits: this.#limits,
        addresses,
        paths: this.#paths,
        onHeld: (record) => this.#channels.hold(record),
        extras: {
          isWaiting: (nowMs) => this.#sayings.isWaitingForDatagram(nowMs),
          write: (_nowMs, writer) => {
            this.#sayings.writeDatagram(writer);
            return false;
          },
        },
      });
    this.#stream = new StreamPath(this.#limits.frameBytesMax, {
      isWaiting: (nowMs) => this.#sayings.isWaitingForStream(nowMs),
      write: (_nowMs, writer) => this.#sayings.writeStream(writer),
    });
    this.#inbox = new Inbox({
      channels: this.#channels,
      cursors: this.#cursors,
      isLazy: (channel, body) => role === 'client' && isLazyRecord(channel, body),
      port: {
        ping: (data, via) => this.#sayings.pong(data, via),
        acknowledged: (spans, delay) => this.#datagrams!.acknowledged(this.#nowMs, spans, delay),
        challenge: (data) => this.#datagrams!.challenged(this.#nowMs, data),
        response: (data) => this.#datagrams!.responded(this.#nowMs, data),
        path: (path, generation, reason, via) => this.#paths.heard(this.#nowMs, path, generation, reason, via),
        ephemeral: (channel, kind, body) => emit({ type: 'ephemeral', channel, kind, body }),
        closed: (code, text) => this.#ended(code, text),
        broken: (why) => this.#break(why),
        streamOverflow: () => this.#streamDead(),
      },
    });
  }

  streamOpened(nowMs: number): void {
    this.#begin(nowMs);
    if (this.#isStarted) this.#cursors.oweAll(nowMs, this.#channels.openReceivers);
    else this.#datagrams?.start(nowMs);
    this.#stream.opened(nowMs);
    this.#isDeadTold = false;
    this.#paths.streamUp();
    if (!this.#isStarted) this.#paths.start(nowMs);
    this.#isStarted = true;
    for (const sender of this.#channels.senders.values()) sender.rewindStream();
    if (this.#paths.current === 'tcp') this.#sendOnStream();
    else if (this.#backlog.end()) this.#sendAgainOnDatagrams();
  }

  streamReceived(nowMs: number, bytes: Uint8Array): void {
    if (!this.#begin(nowMs) || !this.#stream.isUp) return;
    const error = this.#stream.received(nowMs, bytes, this.#inbox.begin(nowMs, 'tcp'));
    this.#settle();
    if (error !== undefined) this.#break(error.message);
  }

  streamClosed(nowMs: number): void {
    this.#begin(nowMs);
    this.#stream.closed();
    this.#isDual = false;
    this.#paths.streamDown(nowMs);
    if (this.#backlog.end()) this.#sendAgainOnDatagrams();
    // Whatever broke the connection may have broken the other path as well.
    if (this.#paths.current === 'udp') this.#datagrams?.ping();
  }

  pollStream(nowMs: number, bytesMax: number): Uint8Array | undefined {
    this.#nowMs = nowMs;
    const carriesRecords = !this.#sayings.isClosing && (this.#paths.current === 'tcp' || this.#isDual);
    return this.#stream.poll(nowMs, bytesMax, carriesRecords);
  }

  datagramReceived(nowMs: number, datagram: Uint8Array, from: string): void {
    if (!this.#begin(nowMs) || this.#datagrams === undefined) return;
    try {
      this.#datagrams.received(nowMs, datagram, from, this.#inbox.begin(nowMs, 'udp'));
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#datagrams.malformed += 1;
    }
    if (this.#isDual && this.#datagrams.flight.book.ptoCount === 0) this.#endDual();
    this.#settle();
  }

  pollDatagram(nowMs: number): { readonly to: string; readonly bytes: Uint8Array } | undefined {
    this.#nowMs = nowMs;
    return this.#datagrams?.poll(nowMs, !this.#sayings.isClosing && this.#paths.current === 'udp');
  }

  datagramSocket(nowMs: number, state: 'replaced' | 'failed'): void {
    if (!this.#begin(nowMs) || this.#datagrams === undefined) return;
    if (state === 'failed') {
      this.#paths.socketFailed(nowMs);
      return;
    }
    this.#paths.socketReplaced(nowMs);
    this.#datagrams.socketReplaced(nowMs);
    if (this.#paths.current === 'udp' && !this.#backlog.isLeft) this.#sendAgainOnDatagrams();
  }

  openChannel(
    channel: number,
    { sendFrom, receiveFrom }: { readonly sendFrom: number; readonly receiveFrom: number },
  ): void {
    this.#channels.open(channel, sendFrom, receiveFrom);
  }

  closeChannel(channel: number): void {
    const receiver = this.#channels.receiver(channel);
    if (typeof receiver !== 'string') this.#cursors.forget(receiver);
    this.#channels.close(channel);
  }

  send(channel: number, body: Uint8Array): { readonly number: number; readonly isFull: boolean } {
    const sender = this.#sender(channel);
    if (body.length > this.#limits.recordBytesMax)
      throw new RangeError(`Cannot send a record of ${body.length} bytes: ${this.#limits.recordBytesMax} is the limit`);
    const { number, isLazy } = sender.push(body, this.#role === 'server' && isLazyRecord(channel, body));
    this.#list(sender, isLazy);
    return { number, isFull: sender.isFull };
  }

  sendAll(channel: number, bodies: readonly Uint8Array[]): boolean {
    const sender = this.#sender(channel);
    const mayBeLazy = this.#role === 'server';
    let isLazy = mayBeLazy;
    for (const body of bodies) isLazy = sender.push(body, mayBeLazy && isLazyRecord(channel, body)).isLazy && isLazy;
    this.#list(sender, isLazy);
    return sender.isFull;
  }

  sendRun(channel: number, run: RecordRun): boolean {
    const sender = this.#sender(channel);
    sender.pushRun(run.framesOn(channel));
    this.#list(sender);
    return sender.isFull;
  }

  skip(channel: number, last: number): void {
    const sender = this.#sender(channel);
    sender.skip(last);
    this.#list(sender);
  }

  sendEphemeral(channel: number, kind: number, body: Uint8Array): void {
    this.#sayings.ephemeral(channel, kind, body);
  }

  nextTimeoutMs(): number | undefined {
    if (!this.#isStarted || this.#sayings.isClosing) return undefined;
    let next = Math.min(
      this.#streamPingDueMs ?? Number.POSITIVE_INFINITY,
      this.#canSayCursors ? (this.#cursors.dueMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
      this.#datagrams?.nextTimeoutMs(this.#paths.current === 'udp') ?? Number.POSITIVE_INFINITY,
    );
    next = Math.min(next, this.#backlogDueMs ?? Number.POSITIVE_INFINITY);
    const { dueSinceMs } = this.#stream;
    if (dueSinceMs !== undefined && !this.#isDeadTold) next = Math.min(next, dueSinceMs + this.#tuning.streamDeadMs);
    return Number.isFinite(next) ? next : undefined;
  }

  onTimeout(nowMs: number): void {
    if (!this.#begin(nowMs) || !this.#isStarted) return;
    const pingDueMs = this.#streamPingDueMs;
    if (pingDueMs !== undefined && pingDueMs <= nowMs) {
      this.#sayings.ping();
      this.#stream.pinged(nowMs);
    }
    const { dueSinceMs } = this.#stream;
    if (dueSinceMs !== undefined && nowMs >= dueSinceMs + this.#tuning.streamDeadMs) this.#streamDead();
    const backlogDueMs = this.#backlogDueMs;
    if (backlogDueMs !== undefined && nowMs >= backlogDueMs && this.#backlog.end()) this.#sendAgainOnDatagrams();
    if (this.#datagrams === undefined || this.#paths.isDatagramOff) return;
    this.#datagrams.onTimeout(nowMs);
    if (this.#paths.current !== 'udp') return;
    if (this.#datagrams.flight.isDoubtful) this.#startDual();
    const reason = this.#datagrams.failure(nowMs);
    // Behind what the connection still brings, an acknowledgement may be late.
    if (reason !== undefined && !this.#backlog.isLeft) this.#paths.failed(nowMs, reason);
  }

  pollEvent(): LinkEvent | undefined {
    return this.#events.shift();
  }

  close(nowMs: number, code: number, text: string): void {
    this.#nowMs = nowMs;
    if (!this.#sayings.isClosing) this.#sayings.close(code, text, false);
  }

  get readout(): LinkReadout {
    return readoutOf(this.#paths, this.#stream, this.#datagrams, this.#tuning, this.#nowMs);
  }

  /** A connection that records do not take is asked less often, and by the client first: one question is enough. */
  get #streamPingDueMs(): number | undefined {
    const { keepaliveMs } = this.#tuning;
    if (this.#paths.current === 'tcp') return this.#stream.pingDueMs(keepaliveMs);
    return this.#stream.pingDueMs(keepaliveMs * IDLE_STREAM_FACTOR[this.#role]);
  }

  /** When what the connection has not brought goes by datagrams as well. */
  get #backlogDueMs(): number | undefined {
    return this.#datagrams === undefined ? undefined : this.#backlog.dueMs(this.#datagrams.deadMs);
  }

  get #canSayCursors(): boolean {
    return this.#stream.isUp || this.#datagrams?.canSay === true;
  }

  /** @returns whether the session is still on */
  #begin(nowMs: number): boolean {
    this.#nowMs = nowMs;
    return !this.#sayings.isClosing;
  }

  #sender(channel: number) {
    const sender = this.#channels.senders.get(channel);
    if (sender === undefined) throw new RangeError(`Channel ${channel} is not open`);
    return sender;
  }

  #list(sender: Parameters<StreamPath['list']>[0], isLazy = false): void {
    if (this.#paths.current === 'udp' && !this.#backlog.isLeft) this.#datagrams!.path.list(sender, isLazy);
    if (this.#paths.current === 'tcp' || this.#isDual) this.#stream.list(sender);
  }

  #moved(path: LinkPath, reason: PathReason): void {
    this.#events.push({ type: 'path', path, reason });
    this.#isDual = false;
    // What the peer sent on the old path and we have is not to be sent again.
    this.#cursors.oweAll(this.#nowMs, this.#channels.openReceivers);
    if (path === 'udp') {
      this.#stream.unlistAll();
      if (this.#stream.isUp && this.#paths.mode === 'auto')
        this.#backlog.begin(this.#nowMs, this.#channels.senders.values());
      if (this.#backlog.isLeft) this.#datagrams?.abandon(this.#nowMs);
      else this.#sendAgainOnDatagrams();
    } else {
      this.#backlog.end();
      this.#datagrams?.abandon(this.#nowMs);
      this.#sendOnStream();
    }
  }

  /** What became held is told; when that was the last that was left to the connection, datagrams go on behind it. */
  #settle(): void {
    this.#channels.settle();
    if (this.#backlog.heard(this.#nowMs)) this.#sendAgainOnDatagrams();
  }

  /** What this connection has carried it will bring, or break; the rest follows. */
  #sendOnStream(): void {
    for (const sender of this.#channels.senders.values()) if (sender.count > 0) this.#stream.list(sender);
  }

  #sendAgainOnDatagrams(): void {
    const datagrams = this.#datagrams!;
    datagrams.abandon(this.#nowMs);
    for (const sender of this.#channels.senders.values()) {
      sender.rewindDatagram();
      if (sender.count > 0) datagrams.path.list(sender);
    }
  }

  /** The second probe timeout in a row: records go out on both paths until something is acknowledged. */
  #startDual(): void {
    if (this.#isDual || !this.#stream.isUp || this.#paths.mode !== 'auto' || this.#backlog.isLeft) return;
    this.#isDual = true;
    this.#sendOnStream();
  }

  #endDual(): void {
    this.#isDual = false;
    this.#stream.unlistAll();
  }

  #streamDead(): void {
    if (this.#isDeadTold) return;
    this.#isDeadTold = true;
    this.#events.push({ type: 'stream-dead' });
  }

  #break(why: string): void {
    if (this.#sayings.isClosing) return;
    this.close(this.#nowMs, LinkErrorCode.PROTOCOL_ERROR, why);
    this.#events.push({ type: 'closed', code: LinkErrorCode.PROTOCOL_ERROR, text: why, byPeer: false });
  }

  #ended(code: number, text: string): void {
    if (this.#sayings.isClosing) return;
    this.#sayings.close(code, text, true);
    this.#events.push({ type: 'closed', code, text, byPeer: true });
  }
}

/** An author's own event is only the receipt of a post: nobody waits for it. */
function isLazyRecord(channel: number, body: Uint8Array): boolean {
  return channel > 0 && isOwnEventBody(body);
}
