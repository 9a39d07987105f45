import { KeyedBuckets, type Member } from '@confab/core';
import { encodeUtf8 } from '@confab/wire';
import {
  decodeJsonRequest,
  encodeJsonAck,
  encodeJsonError,
  encodeJsonSystem,
  type JsonRequest,
  jsonErrorTexts,
  unknownTypeText,
} from '@confab/wire/json';
import { hostPort } from '../../address.ts';
import { DatagramSocket } from '../../datagrams/socket.ts';
import type { DatagramSource } from '../../datagrams/source.ts';
import type { WireStats } from '../../stats.ts';
import type { Tap } from '../../tap.ts';
import { Alarms, type Timers } from '../alarms.ts';
import { DatagramPeers } from '../datagram-peers.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { DepartedPeers } from './departed-peers.ts';
import { JsonDatagramEncoding } from './encoding.ts';
import { HeldAcks } from './held-acks.ts';
import { Outbox } from './outbox.ts';
import { JsonPeer, type NumberedRequest } from './peer.ts';
import { JsonQuestions } from './questions.ts';
import { JsonDatagramRequests, joinKey } from './requests.ts';
import { SeenIds } from './seen-ids.ts';

/** Errors and lists that are told to one address; beyond it they are kept to ourselves. */
const ERROR_RATE = { perSecond: 10, burst: 50 };
/** An address that is not known is sent at most so many times what it sent (RFC 9000 §8.1). */
const AMPLIFICATION_MAX = 3;

/** JSON datagrams: chat over UDP with acknowledgements (docs/wires/json-datagrams.md). */
export class JsonDatagramsGateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #settings: GatewayContext['config']['jsonDatagrams'];
  readonly #peers: DatagramPeers<JsonPeer>;
  readonly #peersByMember = new Map<number, JsonPeer>();
  readonly #departed = new DepartedPeers();
  readonly #encoding: JsonDatagramEncoding;
  readonly #questions: JsonQuestions;
  readonly #alarms: Alarms;
  readonly #requests: JsonDatagramRequests;
  readonly #errors: KeyedBuckets;
  /** Bytes to those who were heard but once, by IP address. */
  readonly #unproven: KeyedBuckets;
  readonly #stats: WireStats;
  readonly #tap: Tap;
  #farewells: { readonly peer: JsonPeer; readonly room: string }[] = [];
  #socket: DatagramSocket | undefined;
  #isDraining = false;

  constructor(context: GatewayContext, timers?: Timers) {
    const { hub, config, log, stats } = context;
    this.#context = context;
    this.#settings = config.jsonDatagrams;
    this.#stats = stats.wire('json-datagrams');
    this.#tap = context.tap;
    this.#peers = new DatagramPeers(this.#settings.membersMax, this.#settings.addressMembersMax);
    this.#errors = new KeyedBuckets(ERROR_RATE, hub.limits.addressesMax);
    this.#unproven = new KeyedBuckets(this.#settings.unprovenBytes, hub.limits.addressesMax);
    this.#alarms = new Alarms(hub.clock, timers);
    this.#encoding = new JsonDatagramEncoding(config.olderWires);
    this.#questions = new JsonQuestions({
      hub,
      log,
      stats: this.#stats,
      answer: (peer, text) => this.#answer(peer, text),
      refuse: (peer, text) => this.#tellError(peer, text, 0, peer),
    });
    this.#requests = new JsonDatagramRequests({
      hub,
      log,
      stats: this.#stats,
      encoding: this.#encoding,
      heldAcks: new HeldAcks(this.#alarms, this.#settings.ackHoldMs),
      historyMax: this.#settings.history,
      memberTimeoutMs: this.#settings.memberTimeoutMs,
      ack: (peer, id) => this.#ack(peer, id),
      refuse: (peer, text) => this.#tellError(peer, text, 0, peer),
      entered: (peer) => this.#peersByMember.set(peer.member!.id, peer),
      gone: (peer) => this.#forget(peer),
      isDraining: () => this.#isDraining,
    });
    hub.observe({ memberRemoved: (member, reason) => this.#removed(member, reason === 'room-closed') });
  }

  async open(): Promise<Endpoint[]> {
    const { udpPort, receiveBufferBytes } = this.#settings;
    const { address, log, batching } = this.#context;
    this.#socket = await DatagramSocket.open({
      address,
      port: udpPort,
      portKey: 'json_datagrams.udp_port',
      receiveBufferBytes,
      batching,
      onDatagram: (datagram, source) => this.#receive(datagram, source),
      onUnsent: () => this.#stats.drop('unsent'),
      onError: (error) => log.warn({ err: error }, 'json-datagrams: socket error'),
    });
    const { port } = this.#socket;
    const facts = { purpose: 'chat, JSON', isPlaintext: true, isAlternate: false } as const;
    return [{ wire: 'JSON datagrams', scheme: 'jsonu', protocol: 'udp', address, port, ...facts }];
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    // What was taken is delivered and acknowledged first; then all leave.
    const { hub } = this.#context;
    await hub.idle();
    for (const peer of this.#peers.values()) {
      if (peer.member === undefined) continue;
      this.#farewells.push({ peer, room: peer.member.room.name });
      hub.leave(peer.member);
    }
    this.#alarms.close();
  }

  async close(): Promise<void> {
    if (this.#socket === undefined) return;
    const { position } = this.#context.hub;
    for (const { peer, room } of this.#farewells) {
      // Its own leave has moved the counter, so this is a later number than any that it was sent.
      this.#send(peer, encodeUtf8(encodeJsonSystem(room, jsonErrorTexts.serverClosing, position)));
    }
    await this.#socket.close();
    this.#socket = undefined;
  }

  #receive(datagram: Uint8Array, source: DatagramSource): void {
    if (this.#isDraining) return;
    const { hub } = this.#context;
    this.#stats.received += 1;
    this.#show('in', source, datagram);
    const peer = this.#peers.get(source.key);
    if (peer === undefined && hub.isIgnored(source.key)) {
      this.#stats.drop('ignored');
      return;
    }
    peer?.heard(datagram.length);
    if (peer?.member !== undefined) hub.touch(peer.member);
    const request = decodeJsonRequest(datagram);
    if ('kind' in request) this.#complain(source, request.text, datagram.length, peer);
    else this.#handle(source, request, datagram.length, peer);
    peer?.settle();
  }

  #handle(source: DatagramSource, request: JsonRequest, bytes: number, peer: JsonPeer | undefined): void {
    if (request.type === 'ack') {
      peer?.acked(request.seq);
      return;
    }
    if (request.type === 'rooms') {
      this.#complain(source, unknownTypeText(request.type), bytes, peer);
      return;
    }
    const { id } = request;
    if (id === undefined) {
      this.#complain(source, 'Missing field: id', bytes, peer);
      return;
    }
    if (request.type === 'who' || request.type === 'search') {
      if (peer === undefined) this.#tellError(source, jsonErrorTexts.joinFirst, bytes, undefined);
      else this.#questions.ask(peer, request, id);
      return;
    }
    const numbered: NumberedRequest = { ...request, id };
    if (peer !== undefined) this.#requests.handle(peer, numbered);
    else this.#handleStranger(source, numbered, bytes);
  }

  #handleStranger(source: DatagramSource, request: NumberedRequest, bytes: number): void {
    switch (request.type) {
      case 'leave':
        this.#ack(source, request.id);
        return;
      case 'message':
        this.#stats.drop('unknown');
        this.#tellError(source, jsonErrorTexts.joinFirst, bytes, undefined);
        return;
      case 'join': {
        if (this.#departed.isRepeat(source.key, request.id, joinKey(request), this.#nowMs())) {
          this.#ack(source, request.id);
          return;
        }
        if (!this.#peers.hasRoomFor(source.ip)) {
          this.#stats.drop('limited');
          this.#tellError(source, jsonErrorTexts.serverBusy, bytes, undefined);
          return;
        }
        const peer = this.#createPeer(source);
        this.#peers.add(peer);
        peer.heard(bytes);
        this.#requests.begin(peer, { ...request, type: 'join' });
      }
    }
  }

  #answer(peer: JsonPeer, text: string): void {
    const answer = encodeUtf8(text);
    if (peer.outbox.spend(answer.length) && this.#errors.take(peer.key, this.#nowMs())) this.#send(peer, answer);
    else this.#stats.drop('limited');
  }

  #createPeer(source: DatagramSource): JsonPeer {
    const { baseDelayMs, maxRetries, unackedMax, idsMax } = this.#settings;
    const outbox = new Outbox({
      baseDelayMs,
      retriesMax: maxRetries,
      unackedMax,
      send: (datagram) => this.#send(source, datagram),
      mayReachUnproven: (count) => {
        const isAllowed = this.#unproven.take(source.ip, this.#nowMs(), count);
        if (!isAllowed) this.#stats.drop('limited');
        return isAllowed;
      },
    });
    return new JsonPeer({
      source,
      outbox,
      ids: new SeenIds(idsMax),
      createAlarm: (ring) => this.#alarms.create(ring),
      nowMs: () => this.#nowMs(),
      onMissed: (peer, events) => this.#tellError(peer, jsonErrorTexts.eventsMissed(events), 0, peer),
      onDelivered: (count) => {
        this.#stats.deliveries += count;
      },
    });
  }

  /** A member is gone, by time-out, with its room, or because we said so. */
  #removed(member: Member, wasRoomClosed: boolean): void {
    const peer = this.#peersByMember.get(member.id);
    if (peer === undefined) return;
    this.#peersByMember.delete(member.id);
    if (peer.member !== member) return;
    peer.member = undefined;
    if (!wasRoomClosed || peer.outbox.isEmpty) {
      if (!peer.isEntering) this.#forget(peer);
      return;
    }
    const { log, fanout } = member.room;
    // It was not that far yet: it reads on until it is told of the end.
    if (peer.handedSeq < log.headSeq) fanout.attach(this.#encoding, member.id, peer, peer.handedSeq);
    this.#linger(peer);
  }

  /** Keep a peer that is in no room until it has been told of the end of the last one, or has had the time for it. */
  #linger(peer: JsonPeer): void {
    const { baseDelayMs, maxRetries } = this.#settings;
    const alarm = this.#alarms.create(() => {
      if (peer.member === undefined && !peer.isEntering) this.#forget(peer);
    });
    alarm.ringBy(this.#nowMs() + baseDelayMs * 2 ** (maxRetries + 1));
  }

  #forget(peer: JsonPeer): void {
    if (peer.joined !== undefined) this.#departed.note(peer.key, peer.joined, this.#nowMs());
    peer.close();
    this.#peers.remove(peer);
  }

  #ack(target: DatagramSource, id: NumberedRequest['id']): void {
    const bytes = encodeUtf8(encodeJsonAck(id));
    // Never more than three times the request that it repeats the id of, so it is sent in any case.
    if (target instanceof JsonPeer) target.outbox.spend(bytes.length);
    this.#send(target, bytes);
  }

  /** Answer bad input, unless its sender has sent so much of it that it is ignored. */
  #complain(source: DatagramSource, text: string, bytes: number, peer: JsonPeer | undefined): void {
    this.#stats.drop('unreadable');
    this.#context.hub.fault(source.key);
    if (!this.#context.hub.isIgnored(source.key)) this.#tellError(source, text, bytes, peer);
  }

  /**
   * An error, as far as that could not be used against somebody else: an address that has not proved itself gets no more
   * than three times what it sent, and none gets more of them than a person would read.
   * @param bytes size of the datagram that it answers, for a stranger
   */
  #tellError(target: DatagramSource, text: string, bytes: number, peer: JsonPeer | undefined): void {
    const error = encodeUtf8(encodeJsonError(text, this.#context.hub.position));
    const isAllowed = peer === undefined ? error.length <= AMPLIFICATION_MAX * bytes : peer.outbox.spend(error.length);
    if (isAllowed && this.#errors.take(target.key, this.#nowMs())) this.#send(target, error);
  }

  #send(target: DatagramSource, datagram: Uint8Array): void {
    this.#stats.sent += 1;
    this.#stats.sentBytes += datagram.length;
    this.#show('out', target, datagram);
    this.#socket?.queue(target.target, datagram);
  }

  #show(direction: 'in' | 'out', { ip, port }: DatagramSource, bytes: Uint8Array): void {
    this.#tap.watcher?.({ wire: 'json-datagrams', direction, peer: hostPort(ip, port), bytes });
  }

  #nowMs(): number {
    return this.#context.hub.clock.monotonicMs();
  }
}
