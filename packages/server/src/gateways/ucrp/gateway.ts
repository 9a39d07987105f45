import { isIPv6 } from 'node:net';
import type { CoreError, Member } from '@confab/core';
import { CodecError, encodeUtf8 } from '@confab/wire';
import {
  decodeUcrpProfile,
  decodeUcrpRequest,
  encodeUcrpProfile,
  UCRP_DATAGRAM_BYTES_MAX,
  UCRP_LEAVE,
  UCRP_REGISTER,
  type UcrpProfile,
  type UcrpRequest,
} from '@confab/wire/ucrp';
import { hostPort } from '../../address.ts';
import { DatagramSocket } from '../../datagrams/socket.ts';
import { type DatagramSource, datagramSource } from '../../datagrams/source.ts';
import { ServerError } from '../../errors.ts';
import type { WireStats } from '../../stats.ts';
import type { Tap } from '../../tap.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { hybridPairs } from '../hybrid-pairs.ts';
import { UcrpEncodings } from './encodings.ts';
import { UcrpOutlet, type UcrpPeer } from './peer.ts';

/** At most one complaint to a member in this time, ms. */
const COMPLAINT_GAP_MS = 1000;
/** Largest UDP payload over IPv4, bytes: what a datagram is read up to before it is judged. */
const UDP_PAYLOAD_BYTES_MAX = 65_507;

const REGISTER = encodeUtf8(UCRP_REGISTER);
const LEAVE = encodeUtf8(UCRP_LEAVE);

/** UCRP: chat over UDP (docs/wires/ucrp.md). */
export class UcrpGateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #sockets: DatagramSocket[] = [];
  readonly #encodings: UcrpEncodings;
  readonly #peers = new Map<number, UcrpPeer>();
  /** How many members are bound to an address (`ip|port`): what it sends is always looked at. */
  readonly #bound = new Map<string, number>();
  readonly #stats: WireStats;
  readonly #tap: Tap;
  #isDraining = false;

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#stats = context.stats.wire('ucrp');
    this.#tap = context.tap;
    this.#encodings = new UcrpEncodings(context.config.olderWires, (outlet, datagram) => {
      this.#stats.deliveries += 1;
      this.#send(outlet, datagram);
    });
    context.hub.observe({ memberRemoved: (member) => this.#forget(member) });
  }

  async open(): Promise<Endpoint[]> {
    const endpoints: Endpoint[] = [];
    const { address, config, log } = this.#context;
    for (const pair of hybridPairs(config.hybrid)) {
      try {
        const socket = await this.#open(pair.udpPort, pair.udpKey);
        endpoints.push({
          wire: 'UCRP',
          scheme: 'ucrp',
          protocol: 'udp',
          address,
          port: socket.port,
          purpose: 'chat',
          isPlaintext: true,
          isAlternate: pair.isAlternate,
        });
      } catch (error) {
        if (!pair.isOptional || !(error instanceof ServerError)) {
          await this.close();
          throw error;
        }
        log.warn(`${error.message}; programs that look there will not find this server`);
      }
    }
    for (const member of this.#context.hub.members()) this.#restore(member);
    return endpoints;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
  }

  async close(): Promise<void> {
    const farewell = encodeUtf8('Server is shutting down; the room will be there when it is back');
    for (const { outlet, profile } of this.#peers.values()) {
      if (outlet === undefined || !profile.notices) continue;
      for (const datagram of this.#encodings.for(profile).system(farewell)) this.#send(outlet, datagram);
    }
    await Promise.all(this.#sockets.map((socket) => socket.close()));
    this.#sockets.length = 0;
  }

  async #open(port: number, portKey: string): Promise<DatagramSocket> {
    const { address, config, log, batching } = this.#context;
    const socket = await DatagramSocket.open({
      address,
      port,
      portKey,
      receiveBufferBytes: config.hybrid.receiveBufferBytes,
      batching,
      onDatagram: (datagram, source) => this.#receive(socket, datagram, source),
      onUnsent: (error) => {
        this.#stats.drop('unsent');
        log.debug({ err: error }, 'ucrp: datagram not sent');
      },
      isThorough: () => log.isLevelEnabled('debug'),
      onError: (error) => log.warn({ err: error }, 'ucrp: socket error'),
    });
    this.#sockets.push(socket);
    return socket;
  }

  #receive(socket: DatagramSocket, datagram: Uint8Array, source: DatagramSource): void {
    if (this.#isDraining) return;
    const { hub } = this.#context;
    const { ip, port, key } = source;
    this.#stats.received += 1;
    this.#tap.watcher?.({ wire: 'ucrp', direction: 'in', peer: hostPort(ip, port), bytes: datagram });
    if (hub.isIgnored(key) && !this.#bound.has(key)) {
      this.#stats.drop('ignored');
      return;
    }
    let request: UcrpRequest;
    try {
      request = decodeUcrpRequest(datagram, UDP_PAYLOAD_BYTES_MAX);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#stats.drop('unreadable');
      hub.fault(key);
      return;
    }
    const member = hub.authenticate(
      request.token,
      request.room,
      this.#context.config.hybrid.bindTokenToAddress ? ip : undefined,
    );
    const peer = member === undefined ? undefined : this.#peerOf(member);
    if (peer === undefined) {
      this.#stats.drop('unknown');
      hub.fault(key);
      return;
    }
    hub.touch(peer.member);
    this.#handle(peer, request, socket, source, datagram.byteLength);
  }

  #handle(
    peer: UcrpPeer,
    request: UcrpRequest,
    socket: DatagramSocket,
    source: DatagramSource,
    datagramBytes: number,
  ): void {
    const { message, layout } = request;
    if (peer.profile.dialect === 'string') {
      if (equal(message, REGISTER)) {
        this.#move(peer, layout, socket, source);
        return;
      }
      if (equal(message, LEAVE)) {
        this.#context.hub.leave(peer.member);
        return;
      }
    } else if (!this.#moveByChat(peer, layout, socket, source)) {
      return;
    }
    if (datagramBytes > UCRP_DATAGRAM_BYTES_MAX) {
      this.#complain(peer, source, `datagram of ${datagramBytes} bytes exceeds ${UCRP_DATAGRAM_BYTES_MAX}`);
      return;
    }
    const refused = this.#context.hub.post(peer.member, {
      body: message,
      settle: (result) => {
        if ('code' in result) this.#refuse(peer, source, result);
      },
    });
    if (refused !== undefined) this.#refuse(peer, source, refused);
  }

  /** An object-dialect member is where it last spoke from, as long as that is the same host. */
  #moveByChat(peer: UcrpPeer, layout: UcrpProfile['layout'], socket: DatagramSocket, source: DatagramSource): boolean {
    const { outlet } = peer;
    if (outlet !== undefined && outlet.source.ip !== source.ip) {
      this.#context.hub.fault(source.key);
      return false;
    }
    this.#move(peer, layout, socket, source);
    return true;
  }

  /** Write to this address from now on. */
  #move(peer: UcrpPeer, layout: UcrpProfile['layout'], socket: DatagramSocket, source: DatagramSource): void {
    const { outlet, profile } = peer;
    const isSame =
      outlet !== undefined && outlet.source.key === source.key && outlet.socket === socket && profile.layout === layout;
    if (isSame) return;
    const { address, port } = source.target;
    peer.profile = { ...profile, layout, address: { address, port, localPort: socket.port } };
    this.#attach(peer, new UcrpOutlet(socket, source));
    this.#context.hub.saveProfile(peer.member, encodeUcrpProfile(peer.profile));
  }

  #attach(peer: UcrpPeer, outlet: UcrpOutlet): void {
    this.#unbind(peer);
    peer.outlet = outlet;
    const { key } = outlet.source;
    this.#bound.set(key, (this.#bound.get(key) ?? 0) + 1);
    this.#context.hub.attach(peer.member, this.#encodings.for(peer.profile), outlet);
  }

  #unbind(peer: UcrpPeer): void {
    if (peer.outlet === undefined) return;
    const { key } = peer.outlet.source;
    const others = (this.#bound.get(key) ?? 1) - 1;
    if (others === 0) this.#bound.delete(key);
    else this.#bound.set(key, others);
    peer.outlet = undefined;
  }

  #peerOf(member: Member): UcrpPeer | undefined {
    const known = this.#peers.get(member.id);
    if (known !== undefined) return known;
    try {
      const profile = decodeUcrpProfile(member.profile);
      const peer: UcrpPeer = { member, profile, outlet: undefined, complainedMs: Number.NEGATIVE_INFINITY };
      this.#peers.set(member.id, peer);
      return peer;
    } catch {
      // A member of another wire, whose token opens nothing here.
      return undefined;
    }
  }

  /** After a restart: write to the member where it was, so that it need not know that there was one. */
  #restore(member: Member): void {
    const peer = this.#peerOf(member);
    if (peer === undefined) return;
    member.timeoutMs = this.#context.config.hybrid.memberTimeoutMs;
    const bound = peer.profile.address;
    if (bound === undefined) return;
    const socket = this.#sockets.find((candidate) => candidate.port === bound.localPort) ?? this.#sockets[0]!;
    if (isIPv6(bound.address) !== isIPv6(socket.address)) return;
    const source = datagramSource(bound.address, bound.port);
    this.#attach(peer, new UcrpOutlet(socket, source));
  }

  #forget(member: Member): void {
    const peer = this.#peers.get(member.id);
    if (peer === undefined) return;
    this.#unbind(peer);
    this.#peers.delete(member.id);
  }

  #refuse(peer: UcrpPeer, source: DatagramSource, error: CoreError): void {
    // Of its room's end the member is told anyway.
    if (error.code === 'ROOM_CLOSED') return;
    this.#complain(peer, source, error.message.replace(/^Cannot post: /, ''));
  }

  /**
   * Tell a member that its message was not delivered, as a line from the server. Only to the address it is bound to, so
   * that nobody can have us write to somebody else, and never more often than once a second.
   */
  #complain(peer: UcrpPeer, source: DatagramSource, reason: string): void {
    this.#stats.drop('refused');
    const { outlet } = peer;
    const nowMs = this.#context.hub.clock.monotonicMs();
    if (outlet === undefined || outlet.source.key !== source.key) return;
    if (nowMs - peer.complainedMs < COMPLAINT_GAP_MS) return;
    peer.complainedMs = nowMs;
    const text = encodeUtf8(`Message not delivered: ${reason}`);
    for (const datagram of this.#encodings.for(peer.profile).system(text)) this.#send(outlet, datagram);
  }

  #send(outlet: UcrpOutlet, datagram: Uint8Array): void {
    this.#stats.sent += 1;
    this.#stats.sentBytes += datagram.length;
    this.#tap.watcher?.({
      wire: 'ucrp',
      direction: 'out',
      peer: hostPort(outlet.source.ip, outlet.source.port),
      bytes: datagram,
    });
    outlet.socket.queue(outlet, datagram);
  }
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
}
