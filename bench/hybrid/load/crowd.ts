import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowUs } from '../../support/clock.ts';
import { findDescriptors, Inbox } from '../../support/inbox.ts';
import { requestToken } from './join.ts';
import { blankMessage, kindAt, MESSAGE_BYTES, numberAt, stamp, timeAt } from './message.ts';
import type { ConnectRequest, Target } from './protocol.ts';

/** Joins under way at the same time, and registrations sent before a pause: a crowd does not arrive in one instant. */
const STRIDE = 64;
/** Asked of the system for each socket, bytes. */
const RECEIVE_BUFFER_BYTES = 2_097_152;
/** Datagrams read from one socket before the others have their turn. */
const RUN_MAX = 512;
const ROUNDS_MAX = 20;
const ROUND_WAIT_MS = 100;
/** Length of a string dialect token, which the bare fan-out's are padded to. */
const TOKEN_LENGTH = 38;

/** A socket, and the members whose it is. */
interface Line {
  readonly socket: Socket;
  inbox: Inbox | undefined;
  /** Which of the sockets of its room it is, 0 up. */
  readonly index: number;
  members: number;
  /** Trial messages that come by it when all its members are reached … */
  trialsWanted: number;
  /** … and those that have come, in this round. */
  trials: number;
}

/** One member: its line, and its datagram, complete but for number and time. */
interface CrowdMember {
  readonly room: number;
  readonly line: Line;
  readonly datagram: Uint8Array;
  readonly registration: Uint8Array;
}

/** Whoever counts. */
export interface Listener {
  /** A delivery: the message's number, which of its room's sockets it came by, when it was sent. */
  onDelivery(number: number, socket: number, sentUs: number): void;
  /** That was the last one for now. */
  onPause?(): void;
}

/** The members that one generator plays. */
export class Crowd {
  readonly target: Target;
  /** Of one room, played by this generator. */
  readonly socketsPerRoom: number;
  readonly membersPerSocket: number;
  readonly membersPerRoom: number;
  /** Member by member through all the rooms, so that sending in this order spreads the load. */
  readonly members: readonly CrowdMember[];
  readonly ports: ReadonlySet<number>;
  /** Whether other generators play some of the members. */
  readonly isShared: boolean;
  listener: Listener | undefined;
  /** Datagrams that no generator sent. */
  strangers = 0;
  firstStranger = '';
  readonly #lines: readonly Line[];
  readonly #linesByRoom = new Map<number, Line[]>();
  /** The next message's number; each generator has its own. */
  #nextNumber = 0;
  readonly #firstNumber: number;
  readonly #numberStep: number;

  static async connect(request: ConnectRequest): Promise<Crowd> {
    const { target, rooms, membersPerRoom, membersPerSocket, generator, generatorCount } = request;
    const lines = new Map<string, Line>();
    const entries: { room: number; place: number; line: Line }[] = [];
    for (let place = generator; place < membersPerRoom; place += generatorCount) {
      const index = Math.floor((place - generator) / generatorCount / membersPerSocket);
      for (let room = 0; room < rooms; room += 1) {
        const key = `${room}/${index}`;
        const line = lines.get(key) ?? {
          socket: await openSocket(target.udpPort),
          inbox: undefined,
          index,
          members: 0,
          trialsWanted: 0,
          trials: 0,
        };
        lines.set(key, line);
        line.members += 1;
        entries.push({ room, place, line });
      }
    }
    const members: CrowdMember[] = [];
    // All hosts first: a room must be there before anybody joins it.
    const hosts = entries.filter(({ place }) => place === 0);
    for (const part of [hosts, entries.slice(hosts.length)]) {
      for (let start = 0; start < part.length; start += STRIDE) {
        const stride = part.slice(start, start + STRIDE);
        members.push(...(await Promise.all(stride.map(({ room, place, line }) => enter(target, room, place, line)))));
      }
    }
    return new Crowd(request, members, [...lines.values()]);
  }

  private constructor(request: ConnectRequest, members: readonly CrowdMember[], lines: readonly Line[]) {
    this.target = request.target;
    this.membersPerSocket = request.membersPerSocket;
    this.socketsPerRoom = lines.length / request.rooms;
    this.membersPerRoom = members.length / request.rooms;
    this.members = members;
    this.#lines = lines;
    this.ports = new Set(lines.map(({ socket }) => socket.address().port));
    this.isShared = request.generatorCount > 1;
    this.#firstNumber = request.generator;
    this.#numberStep = request.generatorCount;
    for (const { room, line } of members) {
      const inRoom = this.#linesByRoom.get(room) ?? [];
      if (!inRoom.includes(line)) this.#linesByRoom.set(room, [...inRoom, line]);
    }
    const descriptors = findDescriptors(lines.map(({ socket }) => socket));
    for (const line of lines) {
      const inbox = new Inbox(descriptors.get(line.socket), (datagram) => this.#take(line, datagram));
      line.inbox = inbox;
      line.socket.on('message', (datagram: Uint8Array) => {
        this.#take(line, datagram);
        // Where several members share a socket, there is more: all of them are sent the same.
        if (line.members > 1) for (let run = 1; run < RUN_MAX && inbox.readOne(); run += 1);
        this.listener?.onPause?.();
      });
    }
  }

  /**
   * Read what this message's deliveries have left in the sockets of its room, without waiting for the sockets' events.
   * @param has whether it has come by this socket already
   * @returns whether it has come by all of them now
   */
  readDeliveries(number: number, has: (socket: number) => boolean): boolean {
    const sender = this.#senderOf(number);
    for (const line of this.#linesByRoom.get(sender.room)!) {
      if (line === sender.line) continue;
      while (!has(line.index)) if (!line.inbox!.readOne()) return false;
    }
    return true;
  }

  /** Before a run: its numbers begin at the beginning. */
  restartNumbers(): void {
    this.#nextNumber = this.#firstNumber;
  }

  /** Have the member whose turn it is say something; the time is now. Returns the message's number. */
  send(timeUs: number): number {
    const number = this.#nextNumber;
    this.#nextNumber += this.#numberStep;
    write(this.#senderOf(number), false, number, timeUs);
    return number;
  }

  /** Send trial messages until everybody has got one. Registrations are datagrams too: nobody says whether they arrived. */
  async settle(): Promise<void> {
    // Nobody hears himself, so it takes two in each room.
    const speakers = new Map<number, CrowdMember[]>();
    for (const member of this.members) {
      const inRoom = speakers.get(member.room) ?? [];
      if (inRoom.length < 2) speakers.set(member.room, [...inRoom, member]);
    }
    for (const { room, line } of this.members) {
      const others = speakers.get(room)!;
      line.trialsWanted = line.members * others.length - others.filter((speaker) => speaker.line === line).length;
    }
    let missing = new Set(this.#lines);
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      for (const line of missing) line.trials = 0;
      await inStrides(this.members, (member) => {
        if (missing.has(member.line)) member.line.socket.send(member.registration);
      });
      await sleep(ROUND_WAIT_MS);
      await inStrides([...speakers.values()].flat(), (member) => write(member, true, 0, nowUs()));
      await sleep(ROUND_WAIT_MS);
      missing = new Set(this.#lines.filter((line) => line.trials < line.trialsWanted));
      if (missing.size === 0) return;
    }
    throw new Error(`${missing.size} of ${this.#lines.length} sockets are not reached; ${this.firstStranger}`);
  }

  async close(): Promise<void> {
    for (const { socket } of this.#lines) socket.close();
  }

  #senderOf(number: number): CrowdMember {
    return this.members[((number - this.#firstNumber) / this.#numberStep) % this.members.length]!;
  }

  #take(line: Line, datagram: Uint8Array): void {
    const at = 1 + (datagram[0] ?? 0);
    switch (kindAt(datagram, at)) {
      case 'counted':
        this.listener?.onDelivery(numberAt(datagram, at), line.index, timeAt(datagram, at));
        break;
      case 'trial':
        line.trials += 1;
        break;
      default:
        this.strangers += 1;
        if (this.strangers === 1) this.firstStranger = new TextDecoder().decode(datagram.subarray(0, 200));
    }
  }
}

function write({ line, datagram }: CrowdMember, isTrial: boolean, number: number, timeUs: number): void {
  // Sent within this call, as long as the socket's send buffer has room, which on the loopback interface it always has:
  // so one buffer a member is enough.
  stamp(datagram, datagram.length - MESSAGE_BYTES, isTrial, number, timeUs);
  line.socket.send(datagram);
}

async function openSocket(udpPort: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.connect(udpPort, '127.0.0.1');
  await once(socket, 'connect');
  // Nobody listening any more, say; what is missing in the end is counted.
  socket.on('error', () => {});
  return socket;
}

async function enter(target: Target, room: number, place: number, line: Line): Promise<CrowdMember> {
  const roomName = `room-${String(room).padStart(4, '0')}`;
  const user = `member-${String(place).padStart(4, '0')}`;
  const token =
    target.kind === 'bare'
      ? user.padStart(TOKEN_LENGTH, '.')
      : await requestToken(target.tcpPort, place === 0 ? 'create' : 'join', roomName, user);
  return {
    room,
    line,
    datagram: datagramOf(roomName, token, blankMessage()),
    registration: datagramOf(roomName, token, new TextEncoder().encode('__REGISTER__')),
  };
}

/** `[1 room length][1 token length][room][token][message]`, of ASCII names. */
function datagramOf(room: string, token: string, message: Uint8Array): Uint8Array {
  const names = new TextEncoder().encode(room + token);
  const datagram = Buffer.alloc(2 + names.length + message.length);
  datagram[0] = room.length;
  datagram[1] = token.length;
  datagram.set(names, 2);
  datagram.set(message, 2 + names.length);
  return datagram;
}

async function inStrides<Item>(items: readonly Item[], act: (item: Item) => void): Promise<void> {
  for (const [index, item] of items.entries()) {
    act(item);
    if (index % STRIDE === STRIDE - 1) await sleep(1);
  }
}
