import { type Admission, CoreError, KeyedBuckets, type Member } from '@confab/core';
import { CodecError } from '@confab/wire';
import {
  decodeStage1,
  STAGE1_DATAGRAM_BYTES_MAX,
  type Stage1Datagram,
  type Stage1Layout,
  Stage1Type,
  stage1LayoutOf,
  stage1Texts,
} from '@confab/wire/stage1';
import { hostPort } from '../../address.ts';
import { DatagramSocket } from '../../datagrams/socket.ts';
import type { DatagramSource } from '../../datagrams/source.ts';
import type { WireStats } from '../../stats.ts';
import type { Tap } from '../../tap.ts';
import { type Alarm, Alarms, type Timers } from '../alarms.ts';
import { DatagramPeers } from '../datagram-peers.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { isUserName } from '../user-name.ts';
import { Stage1Encoding } from './encoding.ts';
import { RecentLayouts } from './layouts.ts';
import type { Stage1Peer } from './peer.ts';

/** Datagrams of one address that wait while it is let in. */
const WAITING_MAX = 32;
/** At most one complaint to a peer in this time, ms. */
const COMPLAINT_GAP_MS = 1000;
/** An address that has not joined is sent at most so many times what it sent (RFC 9000 §8.1). */
const AMPLIFICATION_MAX = 3;

/** Stage 1: plain broadcast chat, everybody in one room (docs/wires/stage1.md). */
export class Stage1Gateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #settings: GatewayContext['config']['stage1'];
  readonly #peers: DatagramPeers<Stage1Peer>;
  readonly #peersByMember = new Map<number, Stage1Peer>();
  readonly #layouts: RecentLayouts;
  readonly #encodings: Readonly<Record<Stage1Layout, Stage1Encoding>>;
  /** Bytes to those who were heard but once, by IP address. */
  readonly #unproven: KeyedBuckets;
  /** Names that lines were said under, where these are not their members' own. Only receivers on this wire see them. */
  readonly #spokenAs = new WeakMap<Uint8Array, string>();
  readonly #alarms: Alarms;
  readonly #check: Alarm;
  readonly #stats: WireStats;
  readonly #tap: Tap;
  /** Who was in when the shutdown began. */
  #farewells: Stage1Peer[] = [];
  #socket: DatagramSocket | undefined;
  #isDraining = false;

  constructor(context: GatewayContext, timers?: Timers) {
    this.#context = context;
    this.#settings = context.config.stage1;
    const { hub } = context;
    this.#peers = new DatagramPeers(this.#settings.membersMax, this.#settings.addressMembersMax);
    this.#layouts = new RecentLayouts(hub.limits.addressesMax);
    this.#unproven = new KeyedBuckets(this.#settings.unprovenBytes, hub.limits.addressesMax);
    this.#stats = context.stats.wire('stage1');
    this.#tap = context.tap;
    const hooks = {
      send: (peer: Stage1Peer, datagram: Uint8Array) => this.#deliver(peer, datagram),
      spokenAs: (body: Uint8Array) => this.#spokenAs.get(body),
      olderWires: context.config.olderWires,
    };
    this.#encodings = { typed: new Stage1Encoding('typed', hooks), plain: new Stage1Encoding('plain', hooks) };
    this.#alarms = new Alarms(hub.clock, timers);
    this.#check = this.#alarms.create((nowMs) => this.#dropSilent(nowMs));
    hub.observe({ memberRemoved: (member) => this.#forget(this.#peersByMember.get(member.id)) });
  }

  /**
   * @throws {ServerError} when it cannot listen; {CoreError} ROOM_NAME_INVALID for the configured room, STORE_FAILED when it
   *   cannot be made
   */
  async open(): Promise<Endpoint[]> {
    const { udpPort, room, receiveBufferBytes, checkIntervalMs } = this.#settings;
    const { address, log, hub, batching } = this.#context;
    // All its users depend on this one room, so nobody may take its name and shut them out.
    if ((await hub.holdOpenRoom(room)) === 'hosted') {
      log.warn(
        `stage1: room ${JSON.stringify(room)} is a hosted one, from before; it is open to all once its host has left`,
      );
    }
    this.#socket = await DatagramSocket.open({
      address,
      port: udpPort,
      portKey: 'stage1.udp_port',
      receiveBufferBytes,
      batching,
      onDatagram: (datagram, source) => this.#receive(datagram, source),
      onUnsent: () => this.#stats.drop('unsent'),
      onError: (error) => log.warn({ err: error }, 'stage1: socket error'),
    });
    this.#check.ringBy(hub.clock.monotonicMs() + checkIntervalMs);
    const { port } = this.#socket;
    const purpose = 'broadcast chat';
    return [
      {
        wire: 'Stage 1',
        scheme: 'stage1',
        protocol: 'udp',
        address,
        port,
        purpose,
        isPlaintext: true,
        isAlternate: false,
      },
    ];
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#alarms.close();
    // What was said is delivered first; then all leave at once, so that nobody is told of the others' leaving.
    await this.#context.hub.idle();
    this.#farewells = [...this.#peers.values()].filter(({ member }) => member !== undefined);
    for (const { member } of this.#farewells) if (member !== undefined) this.#context.hub.leave(member);
  }

  async close(): Promise<void> {
    if (this.#socket === undefined) return;
    for (const peer of this.#farewells) this.#tell(peer, stage1Texts.shutdown);
    await this.#socket.close();
    this.#socket = undefined;
  }

  #receive(datagram: Uint8Array, source: DatagramSource): void {
    if (this.#isDraining) return;
    const { hub } = this.#context;
    const { key } = source;
    this.#stats.received += 1;
    this.#tap.watcher?.({ wire: 'stage1', direction: 'in', peer: hostPort(source.ip, source.port), bytes: datagram });
    const peer = this.#peers.get(key);
    if (peer === undefined && hub.isIgnored(key)) {
      this.#stats.drop('ignored');
      return;
    }
    const layout = peer?.layout ?? this.#layouts.get(key) ?? stage1LayoutOf(datagram);
    let request: Stage1Datagram;
    try {
      request = decodeStage1(datagram, layout);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#stats.drop('unreadable');
      hub.fault(key);
      if (peer !== undefined && error.code === 'CODEC_TOO_LARGE') {
        this.#complain(peer, `datagram of ${datagram.length} bytes exceeds ${STAGE1_DATAGRAM_BYTES_MAX}`);
      }
      return;
    }
    this.#layouts.note(key, layout);
    if (peer === undefined) this.#hearStranger(request, source, datagram.length);
    else this.#hear(peer, request);
  }

  #hearStranger(request: Stage1Datagram, source: DatagramSource, datagramBytes: number): void {
    if (request.type === Stage1Type.PING) {
      const [pong] = this.#encodings.typed.system(stage1Texts.pong);
      if (pong!.length <= AMPLIFICATION_MAX * datagramBytes) this.#send(source, pong!);
      else this.#stats.drop('limited');
      return;
    }
    // Whoever speaks in the plain layout is in: it has no word for joining.
    if (request.type === Stage1Type.JOIN || request.layout === 'plain') this.#admit(request, source);
    else this.#stats.drop('unknown');
  }

  #hear(peer: Stage1Peer, request: Stage1Datagram): void {
    peer.isHeardAgain = true;
    const { member } = peer;
    if (member === undefined) {
      // In order, behind the join.
      if (peer.waiting.length < WAITING_MAX) peer.waiting.push(kept(request));
      else this.#stats.drop('limited');
      return;
    }
    this.#context.hub.touch(member);
    this.#handle(peer, member, request);
  }

  #handle(peer: Stage1Peer, member: Member, request: Stage1Datagram): void {
    switch (request.type) {
      case Stage1Type.CHAT:
        this.#post(peer, member, request);
        return;
      case Stage1Type.DISCONNECT:
        this.#context.hub.leave(member);
        this.#forget(peer);
        return;
      case Stage1Type.PING:
        this.#tell(peer, stage1Texts.pong);
        return;
      default:
      // A join of one who is in, a heartbeat, a system line: it was heard, and that is all.
    }
  }

  #admit(request: Stage1Datagram, source: DatagramSource): void {
    const { hub } = this.#context;
    if (!this.#peers.hasRoomFor(source.ip)) {
      this.#stats.drop('limited');
      return;
    }
    const { layout, type, user } = request;
    const peer: Stage1Peer = {
      ...source,
      layout,
      member: undefined,
      waiting: type === Stage1Type.CHAT ? [kept(request)] : [],
      isHeardAgain: false,
      complainedMs: Number.NEGATIVE_INFINITY,
    };
    this.#peers.add(peer);
    hub.join({ room: this.#settings.room, user, address: source.ip }, { makeOpen: true }).then(
      (admission) => this.#enter(peer, admission),
      // A name that is not allowed, a room that is full or has a password, a store that fails: silence, as for all bad
      // input, since an answer could be aimed at somebody else.
      (error: unknown) => {
        this.#stats.drop('refused');
        if (error instanceof CoreError && error.code === 'USER_NAME_INVALID') hub.fault(peer.key);
        this.#peers.remove(peer);
      },
    );
  }

  #enter(peer: Stage1Peer, { member, joinSeq }: Admission): void {
    const { hub } = this.#context;
    if (this.#isDraining) {
      hub.leave(member);
      return;
    }
    peer.member = member;
    this.#peersByMember.set(member.id, peer);
    // From its own joining on, of which it is told like the others.
    hub.attach(member, this.#encodings[peer.layout], peer, joinSeq - 1);
    // The room was closed between the join and now.
    if (member.state === 'left') this.#forget(peer);
    const { waiting } = peer;
    peer.waiting = [];
    // A disconnect among them makes the rest those of a stranger.
    for (const request of waiting) {
      if (this.#peers.get(peer.key) === peer) this.#handle(peer, member, request);
      else this.#hearStranger(request, peer, 0);
    }
  }

  #post(peer: Stage1Peer, member: Member, { user, message }: Stage1Datagram): void {
    let body = message;
    if (user !== member.user && isUserName(user)) {
      // A buffer of its own is what the core keeps as it is, so it can stand for the event.
      body = new Uint8Array(message);
      this.#spokenAs.set(body, user);
    }
    const refused = this.#context.hub.post(member, {
      body,
      settle: (result) => {
        if ('code' in result) this.#refuse(peer, result);
      },
    });
    if (refused !== undefined) this.#refuse(peer, refused);
  }

  #dropSilent(nowMs: number): void {
    const { memberTimeoutMs, checkIntervalMs } = this.#settings;
    for (const peer of [...this.#peers.values()]) {
      const { member } = peer;
      if (member === undefined || nowMs - member.heardMs < memberTimeoutMs) continue;
      // In the plain layout nobody joined, and the next line brings one back.
      if (peer.layout === 'typed') this.#tell(peer, stage1Texts.timedOut);
      this.#context.hub.leave(member, 'timed-out');
      this.#forget(peer);
    }
    this.#check.ringBy(nowMs + checkIntervalMs);
  }

  #forget(peer: Stage1Peer | undefined): void {
    if (peer === undefined) return;
    if (peer.member !== undefined) this.#peersByMember.delete(peer.member.id);
    this.#peers.remove(peer);
  }

  #refuse(peer: Stage1Peer, error: CoreError): void {
    this.#stats.drop('refused');
    if (error.code !== 'ROOM_CLOSED') this.#complain(peer, error.message.replace(/^Cannot post: /, ''));
  }

  /** Tell one who is in that its line was not delivered, but never more often than once a second. */
  #complain(peer: Stage1Peer, reason: string): void {
    const nowMs = this.#context.hub.clock.monotonicMs();
    if (peer.member === undefined || nowMs - peer.complainedMs < COMPLAINT_GAP_MS) return;
    peer.complainedMs = nowMs;
    this.#tell(peer, `Message not delivered: ${reason}`);
  }

  /** A line of the server's own, to one peer. */
  #tell(peer: Stage1Peer, text: string): void {
    for (const datagram of this.#encodings[peer.layout].system(text)) this.#send(peer, datagram);
  }

  /** What happened in the room. */
  #deliver(peer: Stage1Peer, datagram: Uint8Array): void {
    if (!peer.isHeardAgain) {
      const nowMs = this.#context.hub.clock.monotonicMs();
      if (!this.#unproven.take(peer.ip, nowMs, datagram.length)) {
        this.#stats.drop('limited');
        return;
      }
    }
    this.#stats.deliveries += 1;
    this.#send(peer, datagram);
  }

  #send({ target, ip, port }: DatagramSource, datagram: Uint8Array): void {
    this.#stats.sent += 1;
    this.#stats.sentBytes += datagram.length;
    this.#tap.watcher?.({ wire: 'stage1', direction: 'out', peer: hostPort(ip, port), bytes: datagram });
    this.#socket?.queue(target, datagram);
  }
}

/** To be looked at later, when the datagram is no longer there. */
function kept(request: Stage1Datagram): Stage1Datagram {
  return { ...request, message: new Uint8Array(request.message) };
}
