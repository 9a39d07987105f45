/** A client of link, written from docs/wires/link.md alone: no retransmission but the simplest, no congestion control. */
import { randomBytes } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import {
  type Fields,
  Frame,
  frame,
  packetFrames,
  type RawFrame,
  silentFrames,
  streamFrames,
  varint,
} from './link-frames.ts';
import { decodeWelcome, encodeHello, type RawLinkOptions, RawRefusal, type RawWelcome } from './link-handshake.ts';
import { RawIncoming, type RawRecord } from './link-incoming.ts';
import { RawPackets } from './link-packets.ts';
import type { ServerPorts } from './member.ts';
import { UdpPeer } from './ucrp.ts';
import { within } from './wait.ts';

/** Between repetitions of what is not acknowledged on UDP, ms. */
const REPEAT_MS = 100;
const PADDED_BYTES = 1150;
/** Records of a channel that are sent again at a time. */
const REPEATED_MAX = 64;
/** Of a record in one packet. */
const RECORD_BYTES_MAX = 1100;

/** A record that the server has not said it holds. */
interface Unheld {
  readonly channel: number;
  readonly number: number;
  readonly body: Buffer;
  /** Beginnings of the pieces that are not acknowledged. */
  readonly missing: Set<number>;
}

/** One session. */
export class RawLink {
  welcome!: RawWelcome;
  /** In the order of their channel, each once. */
  onRecord: ((record: RawRecord) => void) | undefined;
  onEphemeral: ((channel: number, kind: number, body: Buffer) => void) | undefined;
  /** What the server said last. */
  closed: { readonly code: number; readonly text: string } | undefined;
  path: 'tcp' | 'udp' = 'tcp';
  /** Datagrams and bytes of them, both ways. */
  readonly udp = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };
  /** Connect anew when the connection ends, as a client does that is still there. */
  isPersistent = true;
  /** Say nothing of what came. */
  isSilent = false;
  readonly #server: ServerPorts;
  readonly #options: RawLinkOptions;
  readonly #incoming = new RawIncoming((record) => this.onRecord?.(record));
  readonly #outgoing = new Map<number, { next: number; readonly unheld: Map<number, Unheld> }>();
  /** What each packet that is not acknowledged carried. */
  readonly #carried = new Map<number, { readonly record: Unheld; readonly at: number }>();
  readonly #ended = Promise.withResolvers<void>();
  #socket!: TLSSocket;
  #rest: Buffer = Buffer.alloc(0);
  #packets: RawPackets | undefined;
  #peer: UdpPeer | undefined;
  #repeating: NodeJS.Timeout | undefined;
  #numbers: number[] = [];
  #pathWaiter = Promise.withResolvers<void>();
  #isClosed = false;

  /** @throws {RawRefusal} */
  static async open(server: ServerPorts, options: RawLinkOptions): Promise<RawLink> {
    const link = new RawLink(server, options);
    await link.#connect(options.ticket);
    if (link.welcome.isUdpOffered) await link.#openUdp();
    return link;
  }

  private constructor(server: ServerPorts, options: RawLinkOptions) {
    this.#server = server;
    this.#options = options;
    this.receive(0, 1);
  }

  /** Fulfils when the server has said goodbye, or the connection is gone for good. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get socket(): TLSSocket {
    return this.#socket;
  }

  get packets(): RawPackets | undefined {
    return this.#packets;
  }

  /** Records of a channel are wanted from this number on. */
  receive(channel: number, next: number): void {
    this.#incoming.open(channel, next);
  }

  /** Append a record to a channel. */
  send(channel: number, body: Buffer): number {
    let out = this.#outgoing.get(channel);
    if (out === undefined) {
      out = { next: 1, unheld: new Map() };
      this.#outgoing.set(channel, out);
    }
    const number = out.next;
    out.next += 1;
    const record = { channel, number, body, missing: new Set<number>() };
    for (let at = 0; at === 0 || at < body.length; at += RECORD_BYTES_MAX) record.missing.add(at);
    out.unheld.set(number, record);
    this.#write(record);
    return number;
  }

  /** Any frames, on the path in use. */
  sendFrames(...frames: readonly Buffer[]): void {
    if (this.path === 'tcp') this.#socket.write(Buffer.concat(frames));
    else this.#sendPacket(...frames);
  }

  /** Bytes as they are, to the server's UDP port. */
  async sendDatagram(bytes: Uint8Array): Promise<void> {
    await this.#peer!.send(bytes, { address: this.#server.address, udpPort: this.welcome.udpPort });
  }

  /** Prove the datagram path and move there. */
  async moveToUdp(): Promise<void> {
    const challenge = (): void => {
      if (this.path === 'tcp') {
        this.#sendPacket(frame(Frame.PATH_CHALLENGE, randomBytes(8)), frame(0x00, Buffer.alloc(PADDED_BYTES)));
      }
    };
    challenge();
    const again = setInterval(challenge, REPEAT_MS * 5);
    try {
      await within(this.#pathWaiter.promise, 'PATH udp');
    } finally {
      clearInterval(again);
    }
  }

  /** Replace the local UDP port by another one. */
  async changePort(): Promise<void> {
    this.#peer?.close();
    await this.#openPeer();
    this.#sendPacket(frame(Frame.PING));
  }

  /** Let go of TCP alone. */
  dropStream(): void {
    this.isPersistent = false;
    this.#socket.destroy();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#repeating);
    this.#socket.destroy();
    this.#peer?.close();
    this.#ended.resolve();
  }

  async #connect(ticket: Buffer | undefined): Promise<void> {
    const socket = connect({
      host: this.#server.address,
      port: this.#server.port('confab', 'tcp'),
      ALPNProtocols: ['confab/1'],
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    });
    socket.on('error', () => {});
    socket.setNoDelay(true);
    const secured = new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('close', () => reject(new Error('Closed before TLS was there')));
    });
    await within(secured, 'TLS');
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    socket.unref();
    const answer = new Promise<RawFrame>((resolve, reject) => {
      const onData = (chunk: Buffer): void => {
        const { frames, rest } = streamFrames(Buffer.concat([this.#rest, chunk]));
        this.#rest = rest;
        if (frames.length === 0) return;
        socket.off('data', onData);
        resolve(frames[0]!);
        for (const later of frames.slice(1)) setImmediate(() => this.#takeAll([later]));
      };
      socket.on('data', onData);
      socket.once('close', () => reject(new Error('Closed before WELCOME')));
    });
    socket.write(encodeHello(socket, this.#options, ticket));
    const { type, body } = await within(answer, 'WELCOME');
    if (type !== Frame.WELCOME) throw new RawRefusal(body.varint(), body.rest().toString());
    const welcome = decodeWelcome(body);
    if (this.#packets === undefined && welcome.isUdpOffered) {
      const secret = socket.exportKeyingMaterial(32, 'EXPORTER-confab/1 datagrams', Buffer.alloc(0));
      this.#packets = new RawPackets(secret, welcome.connectionId);
    }
    this.welcome = welcome;
    socket.on('data', (chunk: Buffer) => {
      const { frames, rest } = streamFrames(Buffer.concat([this.#rest, chunk]));
      this.#rest = Buffer.from(rest);
      this.#takeAll(frames);
      if (!this.#isClosed && !this.isSilent && frames.some(({ type: kind }) => !silentFrames.has(kind)))
        socket.write(this.#cursors());
    });
    socket.once('close', () => {
      if (this.#isClosed || this.closed !== undefined) this.#ended.resolve();
      else if (this.isPersistent) {
        this.#connect(this.welcome.ticket).then(
          () => this.#sendAgain(),
          () => this.#ended.resolve(),
        );
      }
    });
    if (socket.destroyed) this.#ended.resolve();
  }

  async #openUdp(): Promise<void> {
    await this.#openPeer();
    this.#repeating = setInterval(() => this.#repeat(), REPEAT_MS);
    this.#repeating.unref();
  }

  async #openPeer(): Promise<void> {
    this.#peer = await UdpPeer.open();
    this.#peer.onDatagram = ({ bytes }) => {
      this.udp.received += 1;
      this.udp.receivedBytes += bytes.length;
      const packet = this.#packets!.open(bytes);
      if (packet === undefined) return;
      const frames = packetFrames(packet.frames);
      this.#takeAll(frames);
      if (frames.every(({ type }) => silentFrames.has(type))) return;
      this.#numbers = [...this.#numbers, packet.number].sort((left, right) => left - right).slice(-64);
      this.#sendPacket(this.#ack());
    };
  }

  #write(record: Unheld): void {
    const { channel, number, body, missing } = record;
    const head = [varint(channel), varint(number)];
    if (this.path === 'tcp') {
      if (!this.#socket.destroyed) this.#socket.write(frame(Frame.RECORD, ...head, body));
      return;
    }
    for (const at of missing) {
      const piece = body.subarray(at, at + RECORD_BYTES_MAX);
      const isWhole = piece.length === body.length;
      const bytes = isWhole
        ? Buffer.concat([varint(Frame.RECORD_LAST), ...head, body])
        : frame(Frame.PART, ...head, varint(at), varint(body.length), piece);
      this.#carried.set(this.#sendPacket(bytes), { record, at });
    }
  }

  /** @returns the packet's number */
  #sendPacket(...frames: readonly Buffer[]): number {
    if (this.#isClosed) return -1;
    const { number, bytes } = this.#packets!.seal(Buffer.concat(frames));
    this.udp.sent += 1;
    this.udp.sentBytes += bytes.length;
    this.sendDatagram(bytes).catch(() => {});
    return number;
  }

  /** The oldest of what the server has not said it holds. */
  #repeat(): void {
    if (this.path !== 'udp') return;
    for (const { unheld } of this.#outgoing.values())
      for (const record of [...unheld.values()].slice(0, REPEATED_MAX)) this.#write(record);
  }

  #sendAgain(): void {
    for (const { unheld } of this.#outgoing.values())
      for (const record of unheld.values()) if (this.path === 'tcp') this.#write(record);
    this.#socket.write(this.#cursors());
  }

  #acknowledged(number: number): void {
    const carried = this.#carried.get(number);
    if (carried === undefined) return;
    this.#carried.delete(number);
    const { record, at } = carried;
    record.missing.delete(at);
    if (record.missing.size === 0) this.#outgoing.get(record.channel)?.unheld.delete(record.number);
  }

  /** ACK of the last packets. */
  #ack(): Buffer {
    const ranges: [number, number][] = [];
    for (const number of this.#numbers.toReversed()) {
      const last = ranges.at(-1);
      if (last !== undefined && last[0] <= number + 1) last[0] = number;
      else if (ranges.length < 32) ranges.push([number, number]);
    }
    const [first, ...others] = ranges;
    const parts = [varint(first![1]), varint(0), varint(first![1] - first![0])];
    let lowest = first![0];
    for (const [from, to] of others) {
      parts.push(varint(lowest - to - 2), varint(to - from));
      lowest = from;
    }
    return frame(Frame.ACK, ...parts);
  }

  #acknowledgedAll(body: Fields): void {
    let high = body.varint();
    body.varint();
    let low = high - body.varint();
    for (;;) {
      for (let number = low; number <= high; number += 1) this.#acknowledged(number);
      if (body.isAtEnd) return;
      high = low - body.varint() - 2;
      low = high - body.varint();
    }
  }

  #cursors(): Buffer {
    return Buffer.concat(
      this.#incoming.next().map(([channel, next]) => frame(Frame.CURSOR, varint(channel), varint(next))),
    );
  }

  #takeAll(frames: readonly RawFrame[]): void {
    for (const { type, body } of frames) this.#take(type, body);
  }

  #take(type: number, body: Fields): void {
    switch (type) {
      case Frame.PING:
        this.sendFrames(frame(Frame.PONG, body.rest()));
        return;
      case Frame.RECORD:
      case Frame.RECORD_LAST:
      case Frame.CALM:
      case Frame.CALM_LAST:
        this.#incoming.record(body.varint(), body.varint(), Buffer.from(body.rest()));
        return;
      case Frame.PART:
      case Frame.PART_LAST:
        this.#incoming.part(body.varint(), body.varint(), body.varint(), body.varint(), body.rest());
        return;
      case Frame.SKIP:
        this.#incoming.skip(body.varint(), body.varint(), body.varint());
        return;
      case Frame.CURSOR: {
        const unheld = this.#outgoing.get(body.varint())?.unheld;
        const next = body.varint();
        for (const number of unheld?.keys() ?? []) if (number < next) unheld?.delete(number);
        return;
      }
      case Frame.ACK:
        this.#acknowledgedAll(body);
        return;
      case Frame.PATH_CHALLENGE:
        this.#sendPacket(
          frame(Frame.PATH_RESPONSE, body.rest()),
          frame(Frame.PATH, Buffer.from([1]), varint(1), Buffer.from([0])),
        );
        return;
      case Frame.PATH: {
        const path = body.byte() === 1 ? 'udp' : 'tcp';
        const generation = body.varint();
        if (path === 'tcp')
          this.#socket.write(frame(Frame.PATH, Buffer.from([0]), varint(generation), Buffer.from([0])));
        this.path = path;
        if (path === 'udp') this.#pathWaiter.resolve();
        return;
      }
      case Frame.EPHEMERAL:
        this.onEphemeral?.(body.varint(), body.varint(), body.rest());
        return;
      case Frame.CLOSE:
        this.closed = { code: body.varint(), text: body.rest().toString() };
        this.#ended.resolve();
        return;
      default:
    }
  }
}
