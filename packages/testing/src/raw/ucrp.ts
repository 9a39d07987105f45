/** UCRP as a client written from docs/wires/ucrp.md alone would speak it: nothing of Confab is imported. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { CREATE, type Dialect, type EntryRequest, JOIN, requestEntry, type TcrpEndpoint } from './tcrp.ts';
import { within } from './wait.ts';

export interface UcrpEndpoint {
  readonly address: string;
  readonly udpPort: number;
}

/** How a client writes its datagrams: one-byte lengths, or four-byte ones. */
export type UcrpLayout = 'one-byte' | 'four-byte';

export const REGISTER = '__REGISTER__';
export const LEAVE = '__LEAVE__';
/** The whole datagram that ends a room in the string dialect. */
export const ROOM_CLOSED = Buffer.from('5f5f524f4f4d5f434c4f5345445f5f', 'hex');

export const CHAT_TYPE = 1;
export const SYSTEM_TYPE = 2;

export interface ReceivedDatagram {
  readonly bytes: Buffer;
  /** Port it came from. */
  readonly port: number;
}

/**
 * A UDP socket that keeps what comes to it until it is asked for. Its port may have been another socket's a moment ago, in
 * another process, whose server goes on writing there: so it hears only those it has written to, and the other sockets
 * of this process.
 */
export class UdpPeer {
  /** Ports of this process's sockets. */
  static readonly #own = new Set<number>();
  /** All that they ever had: to a server who comes from the same port is the same peer, for as long as it remembers that. */
  static readonly #used = new Set<number>();
  readonly #socket: Socket;
  readonly #heard = new Set<number | 'anywhere'>();
  #received: ReceivedDatagram[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;
  /** Sees each datagram instead of it being kept. */
  onDatagram: ((datagram: ReceivedDatagram) => void) | undefined;

  static async open(localAddress = '127.0.0.1'): Promise<UdpPeer> {
    const passedOver: Socket[] = [];
    let socket = await boundTo(localAddress);
    while (UdpPeer.#used.has(socket.address().port)) {
      passedOver.push(socket);
      socket = await boundTo(localAddress);
    }
    for (const other of passedOver) other.close();
    // As much as the system allows, so that a busy moment of this process costs no datagram.
    socket.setRecvBufferSize(1 << 21);
    // It goes with the process; whoever waits for a datagram keeps that alive.
    socket.unref();
    return new UdpPeer(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    UdpPeer.#own.add(this.port);
    UdpPeer.#used.add(this.port);
    socket.on('message', (bytes, { port }) => {
      if (!this.#heard.has(port) && !UdpPeer.#own.has(port) && !this.#heard.has('anywhere')) return;
      if (this.onDatagram !== undefined) this.onDatagram({ bytes, port });
      else this.#received.push({ bytes, port });
      this.#wake?.();
    });
  }

  /** What comes from there is kept, too. */
  hearFrom(port: number | 'anywhere'): void {
    this.#heard.add(port);
  }

  get address(): string {
    return this.#socket.address().address;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Fulfils when the system has the datagram: on one machine it then stands in the server's receive buffer. */
  send(bytes: Uint8Array, server: UcrpEndpoint): Promise<void> {
    this.hearFrom(server.udpPort);
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, server.udpPort, server.address, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** The next datagram, in the order they came. */
  async nextDatagram(): Promise<ReceivedDatagram> {
    if (this.#received.length === 0) {
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(arrival, `a datagram to port ${this.port}`);
    }
    return this.#received.shift()!;
  }

  async next(): Promise<Buffer> {
    return (await this.nextDatagram()).bytes;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    UdpPeer.#own.delete(this.port);
    this.#socket.close();
  }
}

async function boundTo(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port: 0 }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return socket;
}

export function encodeUcrp(layout: UcrpLayout, room: string, token: string, message: string | Uint8Array): Buffer {
  const parts = [Buffer.from(room), Buffer.from(token), Buffer.from(message)] as const;
  if (layout === 'one-byte') return Buffer.concat([Buffer.from([parts[0].length, parts[1].length]), ...parts]);
  return Buffer.concat(parts.flatMap((part) => [uint32(part.length), part]));
}

/** How a member is written to. */
export type DeliveryForm = 'string' | 'object' | 'four-byte';

export function encodeDelivery(form: DeliveryForm, user: string, message: string, type = CHAT_TYPE): Buffer {
  const sender = Buffer.from(user);
  const body = Buffer.from(message);
  switch (form) {
    case 'string':
      return Buffer.concat([Buffer.from([sender.length]), sender, body]);
    case 'object':
      return Buffer.concat([Buffer.from([type, sender.length, body.length]), sender, body]);
    case 'four-byte':
      return Buffer.concat([uint32(sender.length), sender, uint32(body.length), body]);
  }
}

/** A chat line; undefined for what is none. */
export function decodeChat(form: DeliveryForm, bytes: Buffer): { user: string; text: string } | undefined {
  if (form === 'object') {
    if (bytes[0] !== CHAT_TYPE) return undefined;
    const messageStart = 3 + bytes[1]!;
    return { user: bytes.toString('utf8', 3, messageStart), text: bytes.toString('utf8', messageStart) };
  }
  if (bytes.equals(ROOM_CLOSED)) return undefined;
  const [at, userBytes] = form === 'string' ? [1, bytes[0]!] : [4, bytes.readUInt32BE(0)];
  const userEnd = at + userBytes;
  const messageStart = form === 'string' ? userEnd : userEnd + 4;
  return { user: bytes.toString('utf8', at, userEnd), text: bytes.toString('utf8', messageStart) };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface MemberRequest extends EntryRequest {
  /** Layout of its datagrams. */
  readonly datagrams?: UcrpLayout | undefined;
  /** Dialect of its datagrams, where the request asks for another than its own. */
  readonly chatDialect?: Dialect | undefined;
  /** Socket to use; a new one by default. */
  readonly peer?: UdpPeer | undefined;
}

export interface HybridEndpoint extends TcrpEndpoint, UcrpEndpoint {}

/** Somebody in a room, with a socket. */
export class RawMember {
  readonly room: string;
  readonly user: string;
  readonly token: string;
  readonly form: DeliveryForm;
  /** Whether it hears its own lines. */
  readonly hasEcho: boolean;
  readonly datagrams: UcrpLayout;
  /** Members of the answer that let it in. */
  readonly grant: Readonly<Record<string, unknown>>;
  peer: UdpPeer;
  #server: UcrpEndpoint;

  static create(server: HybridEndpoint, request: MemberRequest): Promise<RawMember> {
    return RawMember.#enter(server, CREATE, request);
  }

  static join(server: HybridEndpoint, request: MemberRequest): Promise<RawMember> {
    return RawMember.#enter(server, JOIN, request);
  }

  /** A string member is registered when it is returned; an object member is not known before it speaks. */
  static async #enter(
    server: HybridEndpoint,
    operation: typeof CREATE | typeof JOIN,
    request: MemberRequest,
  ): Promise<RawMember> {
    const { isAccepted, token, grant, verdict } = await requestEntry(server, operation, request);
    assert.ok(isAccepted, `${request.user} is let into ${request.room}, but: ${JSON.stringify(verdict)}`);
    const peer = request.peer ?? (await UdpPeer.open(request.localAddress));
    const dialect = request.chatDialect ?? request.dialect ?? 'string';
    const member = new RawMember(server, { ...request, token, grant, peer, dialect });
    if (dialect === 'string') await member.send(REGISTER);
    return member;
  }

  private constructor(
    server: UcrpEndpoint,
    facts: MemberRequest & { token: string; grant: Entry; peer: UdpPeer; dialect: Dialect },
  ) {
    this.#server = server;
    this.room = facts.room;
    this.user = facts.user;
    this.token = facts.token;
    this.grant = facts.grant;
    this.peer = facts.peer;
    this.peer.hearFrom(server.udpPort);
    this.datagrams = facts.datagrams ?? 'one-byte';
    this.form = this.datagrams === 'four-byte' ? 'four-byte' : facts.dialect;
    this.hasEcho = facts.dialect === 'object';
  }

  /** Whom it writes to, and hears. */
  get server(): UcrpEndpoint {
    return this.#server;
  }

  set server(server: UcrpEndpoint) {
    this.#server = server;
    this.peer.hearFrom(server.udpPort);
  }

  send(message: string | Uint8Array): Promise<void> {
    return this.peer.send(encodeUcrp(this.datagrams, this.room, this.token, message), this.server);
  }

  /** Send from another socket. */
  sendFrom(peer: UdpPeer, message: string | Uint8Array): Promise<void> {
    return peer.send(encodeUcrp(this.datagrams, this.room, this.token, message), this.server);
  }

  /** The next datagram must be exactly this one. */
  async expect(bytes: Buffer): Promise<void> {
    assert.equal(show(await this.peer.next()), show(bytes), `what ${this.user} hears next`);
  }

  expectChat(user: string, text: string): Promise<void> {
    return this.expect(encodeDelivery(this.form, user, text));
  }
}

type Entry = Readonly<Record<string, unknown>>;

/** For comparing: exact, and readable where it fails. */
function show(bytes: Buffer): string {
  return `${bytes.toString('hex')} ${JSON.stringify(bytes.toString('utf8'))}`;
}

let fences = 0;

/**
 * Says something in a room that all of `members` must hear next: nothing else has come to them before. The speaker must
 * not be one of them, or have an echo.
 */
export async function fence(speaker: RawMember, members: readonly RawMember[]): Promise<void> {
  fences += 1;
  const text = `fence ${fences}`;
  await speaker.send(text);
  for (const member of members) await member.expectChat(speaker.user, text);
}

/**
 * Proves that nothing more has come to these sockets: the server has dealt with all it was sent, as a line that passes
 * through it shows, and a datagram of our own is the next thing that they hear.
 */
export async function expectSilence(server: HybridEndpoint, ...peers: UdpPeer[]): Promise<void> {
  fences += 1;
  const room = `silence ${fences}`;
  const speaker = await RawMember.create(server, { room, user: 'speaker' });
  const listener = await RawMember.join(server, { room, user: 'listener' });
  await fence(speaker, [listener]);
  const mark = Buffer.from(`nothing before this, ${fences}`);
  for (const peer of peers) {
    await speaker.peer.send(mark, { address: peer.address, udpPort: peer.port });
    assert.equal(show(await peer.next()), show(mark), `what comes to port ${peer.port}`);
  }
  speaker.peer.close();
  listener.peer.close();
}
