/**
 * A small TCRP and UCRP server that knows one dialect only and none of Confab's additions, as the programs do that a client
 * may meet: unknown members are ignored, nobody is told of anything but chat.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { CREATE, type Dialect, encodeTcrp, pythonJson } from './tcrp.ts';
import { encodeDelivery, LEAVE, REGISTER, ROOM_CLOSED } from './ucrp.ts';

/** Between the two answers of the object dialect, ms. */
const ANSWER_GAP_MS = 50;

interface Member {
  readonly user: string;
  readonly isHost: boolean;
  address: RemoteInfo | undefined;
}

export class ReferenceServer {
  readonly #dialect: Dialect;
  readonly #tcp: Server;
  readonly #udp: UdpSocket;
  readonly #rooms = new Map<string, Map<string, Member>>();
  /** Messages that it was sent, commands included, in their order. */
  readonly received: string[] = [];
  /** Whether it throws datagrams away unread. */
  isDeaf = false;

  static async start(dialect: Dialect): Promise<ReferenceServer> {
    const server = new ReferenceServer(dialect);
    server.#tcp.listen(0, '127.0.0.1');
    await once(server.#tcp, 'listening');
    server.#udp.bind(0, '127.0.0.1');
    await once(server.#udp, 'listening');
    return server;
  }

  private constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#tcp = createServer((socket) => {
      socket.on('error', () => {});
      this.#serve(socket).catch(() => socket.destroy());
    });
    this.#udp = createSocket('udp4').on('message', (datagram, source) => this.#receive(datagram, source));
  }

  url(room: string, query: Readonly<Record<string, string>> = {}): string {
    const { port } = this.#tcp.address() as AddressInfo;
    const search = new URLSearchParams({ udp: String(this.#udp.address().port), ...query });
    return `ucrp://127.0.0.1:${port}/${encodeURIComponent(room)}?${search}`;
  }

  close(): void {
    this.#tcp.close();
    this.#udp.close();
  }

  async #serve(socket: Socket): Promise<void> {
    let request = Buffer.alloc(0);
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      request = Buffer.concat([request, chunk as Buffer]);
      if (request.length >= 32 && request.length >= 32 + request[0]! + request.readUInt32BE(28)) break;
    }
    const payloadStart = 32 + request[0]!;
    const room = request.toString('utf8', 32, payloadStart);
    const asked: unknown = JSON.parse(request.toString('utf8', payloadStart));
    const user = this.#dialect === 'string' ? String(asked) : (asked as { username: string }).username;
    const operation = request[1]!;
    const members = operation === CREATE ? new Map<string, Member>() : this.#rooms.get(room);
    const isRefused = members === undefined || (operation === CREATE && this.#rooms.has(room));
    const token = (this.#dialect === 'string' ? 'token_' : '') + Buffer.from(`${room}/${user}`).toString('hex');
    if (!isRefused) {
      this.#rooms.set(room, members);
      members.set(token, { user, isHost: operation === CREATE, address: undefined });
    }
    const send = (state: number, payload: unknown): void => {
      socket.write(encodeTcrp('header32', { operation, state, room, payload: pythonJson(payload) }));
    };
    if (this.#dialect === 'string') {
      send(1, { success: isRefused ? 0 : 1 });
      send(2, { token: isRefused ? '' : token });
    } else if (isRefused) {
      send(1, { status_code: operation === CREATE ? 1 : 2, message: 'No' });
    } else {
      send(1, { status_code: 0, message: 'Yes' });
      await new Promise((resolve) => setTimeout(resolve, ANSWER_GAP_MS));
      const host = [...members.values()].find(({ isHost }) => isHost)?.user;
      send(2, { token, host_username: host, participant_count: members.size, room_joined: true });
    }
    socket.end();
  }

  #receive(datagram: Buffer, source: RemoteInfo): void {
    if (this.isDeaf) return;
    const [tokenStart, messageStart] = [2 + datagram[0]!, 2 + datagram[0]! + datagram[1]!];
    const room = datagram.toString('utf8', 2, tokenStart);
    const token = datagram.toString('utf8', tokenStart, messageStart);
    const message = datagram.toString('utf8', messageStart);
    const members = this.#rooms.get(room);
    const member = members?.get(token);
    if (members === undefined || member === undefined) return;
    this.received.push(message);
    if (this.#dialect === 'object' || message === REGISTER) member.address = source;
    if (this.#dialect === 'string' && message === REGISTER) return;
    if (this.#dialect === 'string' && message === LEAVE) {
      members.delete(token);
      if (!member.isHost) return;
      this.#rooms.delete(room);
      for (const other of members.values()) this.#send(other, ROOM_CLOSED);
      return;
    }
    for (const other of members.values()) {
      if (this.#dialect === 'string' && other === member) continue;
      this.#send(other, encodeDelivery(this.#dialect, member.user, message));
    }
  }

  #send(member: Member, datagram: Buffer): void {
    if (member.address !== undefined) this.#udp.send(datagram, member.address.port, member.address.address);
  }
}
