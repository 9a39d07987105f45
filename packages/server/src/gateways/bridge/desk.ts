import { timingSafeEqual } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Config } from '@confab/config';
import { KeyedBuckets } from '@confab/core';
import type { BridgeExtra, BridgeMode, BridgePacket } from '@confab/wire/bridge';
import type { DropReason } from '../../stats.ts';
import { PacketCounts } from './packet-counts.ts';
import { type Pair, Pairs } from './pairs.ts';
import { type Registration, Registry } from './registry.ts';
import { hostKey, type Source, socketKey } from './source.ts';

/** What is to be done about a packet. */
export type Outcome =
  | { readonly kind: 'answer'; readonly packet: BridgePacket; readonly notice?: Notice }
  /** Understood, and not answered. */
  | { readonly kind: 'done' }
  /** Not answered; it is counted for this reason. A fault of its sender, unless it is one of Confab's own that came too late. */
  | { readonly kind: 'drop'; readonly reason: DropReason; readonly isFault: boolean }
  /** TCP mode: answer when there is a notice for this client. */
  | { readonly kind: 'hold'; readonly clientId: string; readonly otherwise: BridgePacket }
  /** TCP mode: what follows is for the other one of the pair. */
  | { readonly kind: 'relay'; readonly pair: Pair; readonly side: 0 | 1 };

/** Tells a Confab client of somebody who was just told of it. */
export interface Notice {
  readonly to: Registration;
  readonly packet: BridgePacket;
}

export type Admission = 'known' | 'counted';

export interface DeskOptions {
  readonly mode: BridgeMode;
  readonly config: Config['bridge'];
  /** Addresses whose packets are counted. */
  readonly addressesMax: number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Packets of a Confab client that shows its token are not counted against it, but these many are enough. */
const TOKEN_RATE = { perSecond: 10, burst: 100 };

/**
 * The rendezvous of one mode: packets in, outcomes out. No socket, no clock: time is an argument, in ms, and never goes back.
 * `docs/wires/bridge.md` has the rules.
 */
export class BridgeDesk {
  readonly registry: Registry;
  readonly pairs: Pairs;
  readonly counts: PacketCounts;
  readonly #mode: BridgeMode;
  readonly #isRelaying: boolean;
  readonly #randomBytes: (count: number) => Uint8Array;
  readonly #tokenRates: KeyedBuckets;

  constructor({ mode, config, addressesMax, randomBytes }: DeskOptions) {
    this.#mode = mode;
    this.#isRelaying = config.relay;
    this.#randomBytes = randomBytes;
    this.#tokenRates = new KeyedBuckets(TOKEN_RATE, addressesMax);
    this.counts = new PacketCounts({ packetsMax: config.packetsMax, banMs: config.banMs, addressesMax });
    this.registry = new Registry({
      registrationsMax: config.registrationsMax,
      addressRegistrationsMax: config.addressRegistrationsMax,
      timeoutMs: config.registrationTimeoutMs,
    });
    this.pairs = new Pairs(
      {
        relaysMax: config.relaysMax,
        bytesPerSecond: config.relayBytesPerSecond,
        timeoutMs: config.relayTimeoutMs,
      },
      () => this.#secret(8),
    );
  }

  /** What the packets of a source are counted by. */
  keyOf(source: Source): string {
    return this.#mode === 'tcp' ? hostKey(source) : socketKey(source);
  }

  /**
   * Whether a packet may be looked at, which is to be asked once for each; a packet that could not be read counts too.
   * @param packet Undefined: it could not be read.
   * @returns Undefined: the address is banned. *known*: it showed its token, and so can be sent to; else it was counted.
   */
  admit(nowMs: number, packet: BridgePacket | undefined, source: Source, packetBytes: number): Admission | undefined {
    const key = this.keyOf(source);
    if (this.counts.isBanned(nowMs, key)) return undefined;
    if (packet !== undefined && this.#hasToken(nowMs, packet, source)) {
      return this.#tokenRates.take(key, nowMs) ? 'known' : undefined;
    }
    return this.counts.take(nowMs, key, packetBytes) ? 'counted' : undefined;
  }

  handle(nowMs: number, packet: BridgePacket, source: Source): Outcome {
    switch (packet.type) {
      case 'PROBE':
        return { kind: 'answer', packet: { type: 'PROBEACK' } };
      case 'REGISTER':
        return this.#register(nowMs, packet, source);
      case 'BRIDGE':
        return this.#bridge(nowMs, packet, source);
      case 'CHAT':
        return packet.to === 'server' ? this.#chat(nowMs, packet, source) : UNREADABLE;
      case 'QUIT':
        return packet.clientId === undefined ? UNREADABLE : this.#quit(nowMs, packet.clientId, packet.extra, source);
      case 'RELAY':
        return this.#relay(nowMs, packet, source);
      default:
        return UNREADABLE;
    }
  }

  #register(nowMs: number, packet: BridgePacket & { type: 'REGISTER' }, source: Source): Outcome {
    const { clientId, ip, port, extra } = packet;
    const known = this.registry.get(nowMs, clientId);
    if (known !== undefined) {
      // A Confab client whose first answer was lost asks again with the same key.
      const isAgain =
        extra?.key !== undefined && extra.key === known.confab?.key && source.address === known.source.address;
      if (!isAgain) return { kind: 'answer', packet: { type: 'REGNACK' } };
      return { kind: 'answer', packet: this.#regAck(known) };
    }
    const confab = extra?.key === undefined ? undefined : { key: extra.key, token: this.#secret(16) };
    const registration: Registration = { clientId, ip, port, source, confab, isProven: this.#mode === 'tcp' };
    this.registry.add(nowMs, registration);
    return { kind: 'answer', packet: this.#regAck(registration) };
  }

  #regAck({ clientId, ip, port, confab, source }: Registration): BridgePacket {
    const ack = { type: 'REGACK', clientId, ip, port } as const;
    if (confab === undefined) return ack;
    return { ...ack, extra: { token: confab.token, seen: seenText(source), isRelayed: this.#isRelaying } };
  }

  #bridge(nowMs: number, packet: BridgePacket & { type: 'BRIDGE' }, source: Source): Outcome {
    const { clientId, extra } = packet;
    const own = this.registry.get(nowMs, clientId);
    const isOwn = own !== undefined && owns(own, extra, source);
    if (!isOwn || own.confab === undefined) {
      // Whoever asks in somebody else's name is answered like somebody who is not registered: nothing changes.
      if (isOwn) {
        this.registry.touch(nowMs, clientId);
        this.registry.wait(clientId);
      }
      const peer = this.registry.match(nowMs, clientId);
      return { kind: 'answer', packet: peer === undefined ? NOBODY : { type: 'BRIDGEACK', peer: peerOf(peer) } };
    }
    this.registry.touch(nowMs, clientId);
    own.source = source;
    own.isProven = true;
    if (extra?.isWaiting === true) return this.#await(nowMs, own);
    this.registry.wait(clientId);
    const wanted = extra?.peer;
    const found =
      wanted === undefined
        ? this.registry.match(nowMs, clientId)
        : wanted === clientId
          ? undefined
          : this.registry.get(nowMs, wanted);
    if (found === undefined) return { kind: 'answer', packet: nobodyYet(own) };
    if (found.confab === undefined) return { kind: 'answer', packet: { type: 'BRIDGEACK', peer: peerOf(found) } };
    const pair = this.pairs.introduce(nowMs, own, found);
    const answer = { kind: 'answer', packet: this.#introduction(pair, found) } as const;
    return found.isProven ? { ...answer, notice: { to: found, packet: this.#introduction(pair, own) } } : answer;
  }

  /** A Confab client that waits to be found asks for nobody, only whether somebody was told of it. */
  #await(nowMs: number, own: Registration): Outcome {
    const pair = this.pairs.news(nowMs, own);
    if (pair !== undefined) return { kind: 'answer', packet: this.#introduction(pair, otherSide(pair, own)) };
    const otherwise = nobodyYet(own);
    if (this.#mode === 'tcp') return { kind: 'hold', clientId: own.clientId, otherwise };
    return { kind: 'answer', packet: otherwise };
  }

  #introduction(pair: Pair, peer: Registration): BridgePacket {
    const { key } = peer.confab!;
    const extra = { key, seen: seenText(peer.source), pair: pair.id, isRelayed: this.#isRelaying };
    return { type: 'BRIDGEACK', peer: peerOf(peer), extra };
  }

  #chat(nowMs: number, packet: BridgePacket & { type: 'CHAT'; to: 'server' }, source: Source): Outcome {
    const both = [packet.clientId1, packet.clientId2]
      .map((clientId) => this.registry.get(nowMs, clientId))
      .filter((registration) => registration !== undefined);
    // Nobody can unregister two others.
    if (!both.some((registration) => owns(registration, packet.extra, source))) return UNKNOWN;
    this.counts.clear(this.keyOf(source));
    for (const registration of both) {
      this.counts.clear(this.keyOf(registration.source));
      this.registry.remove(registration.clientId);
    }
    return { kind: 'done' };
  }

  #quit(nowMs: number, clientId: string, extra: BridgeExtra | undefined, source: Source): Outcome {
    const registration = this.registry.get(nowMs, clientId);
    if (registration !== undefined && owns(registration, extra, source)) this.registry.remove(clientId);
    if (this.#mode === 'tcp') return { kind: 'done' };
    return { kind: 'answer', packet: { type: 'QUITACK', clientId } };
  }

  #relay(nowMs: number, packet: BridgePacket & { type: 'RELAY' }, source: Source): Outcome {
    const { clientId, extra } = packet;
    if (this.#mode !== 'tcp' || !this.#isRelaying || extra?.pair === undefined) return UNREADABLE;
    const pair = this.pairs.get(nowMs, extra.pair);
    const side = pair?.sides.findIndex((one) => one.clientId === clientId && owns(one, extra, source)) ?? -1;
    if (side === -1) return TOO_LATE;
    const used = this.pairs.use(nowMs, extra.pair);
    if (used === undefined) return LIMITED;
    return { kind: 'relay', pair: used, side: side === 0 ? 0 : 1 };
  }

  /**
   * UDP mode: where a sealed datagram goes that came from one of a pair.
   * @returns The other one, or why it goes nowhere.
   */
  forward(nowMs: number, pairId: string, source: Source, frameBytes: number): Registration | DropReason {
    if (!this.#isRelaying) return 'unknown';
    const known = this.pairs.get(nowMs, pairId);
    const from = known?.sides.find(
      (side) => side.source.address === source.address && side.source.port === source.port && side.isProven,
    );
    if (known === undefined || from === undefined) return 'unknown';
    const to = otherSide(known, from);
    if (!to.isProven) return 'unknown';
    if (!known.bucket.take(nowMs, frameBytes)) return 'limited';
    return this.pairs.use(nowMs, pairId) === undefined ? 'limited' : to;
  }

  #hasToken(nowMs: number, packet: BridgePacket, source: Source): boolean {
    if (!('extra' in packet) || packet.extra?.token === undefined) return false;
    const { extra } = packet;
    if (packet.type === 'RELAY' && extra.pair !== undefined) {
      return this.pairs.get(nowMs, extra.pair)?.sides.some((side) => owns(side, extra, source)) === true;
    }
    const ids =
      packet.type === 'CHAT'
        ? [packet.clientId1, packet.clientId2]
        : 'clientId' in packet
          ? [packet.clientId ?? '']
          : [];
    return ids.some((clientId) => {
      const registration = this.registry.get(nowMs, clientId);
      return registration?.confab !== undefined && owns(registration, extra, source);
    });
  }

  #secret(bytes: number): string {
    return Buffer.from(this.#randomBytes(bytes)).toString('base64url');
  }
}

const NOBODY: BridgePacket = { type: 'BRIDGEACK' };
const UNREADABLE: Outcome = { kind: 'drop', reason: 'unreadable', isFault: true };
const UNKNOWN: Outcome = { kind: 'drop', reason: 'unknown', isFault: true };
const TOO_LATE: Outcome = { kind: 'drop', reason: 'unknown', isFault: false };
const LIMITED: Outcome = { kind: 'drop', reason: 'limited', isFault: false };

/** For a Confab client: that its registration is known tells it that the server was not restarted. */
function nobodyYet({ source }: Registration): BridgePacket {
  return { type: 'BRIDGEACK', extra: { seen: seenText(source) } };
}

/** Whether a packet is from the client that registered: by its token, or, where there is none, by its IP address. */
function owns({ confab, source: known }: Registration, extra: BridgeExtra | undefined, source: Source): boolean {
  if (known.address !== source.address) return false;
  if (confab === undefined) return true;
  const token = extra?.token;
  return token?.length === confab.token.length && timingSafeEqual(Buffer.from(token), Buffer.from(confab.token));
}

function otherSide({ sides }: Pair, own: Registration): Registration {
  return sides[0] === own ? sides[1] : sides[0];
}

function peerOf({ clientId, ip, port }: Registration): { clientId: string; ip: string; port: number } {
  return { clientId, ip, port };
}

function seenText({ address, port }: Source): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
