import type { Socket } from 'node:dgram';
import { CodecError } from '@confab/wire';
import {
  BRIDGE_PACKET_BYTES_MAX,
  type BridgePacket,
  decodeBridgePacket,
  decodeSealedFrame,
  encodeBridgePacket,
  SEALED_MAGIC,
} from '@confab/wire/bridge';
import { hostPort, plainAddress } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import type { GatewayContext } from '../gateway.ts';
import type { BridgeDesk } from './desk.ts';
import { type Source, socketKey } from './source.ts';

/** The wire's name in statistics and traces. */
export const WIRE = 'bridge';

/** UDP mode: packets are datagrams; sealed datagrams of a pair are relayed. */
export class UdpMode {
  readonly #context: GatewayContext;
  readonly #desk: BridgeDesk;
  readonly #stats: WireStats;
  readonly #socket: Socket;

  constructor(context: GatewayContext, desk: BridgeDesk, socket: Socket) {
    this.#context = context;
    this.#desk = desk;
    this.#stats = context.stats.wire(WIRE);
    this.#socket = socket;
    socket.on('message', (datagram, { address, port }) => {
      this.#receive(datagram, { address: plainAddress(address), port });
    });
  }

  #receive(datagram: Uint8Array, source: Source): void {
    const { hub, tap } = this.#context;
    const nowMs = hub.clock.monotonicMs();
    this.#stats.received += 1;
    tap.watcher?.({ wire: WIRE, direction: 'in', peer: hostPort(source.address, source.port), bytes: datagram });
    if (datagram[0] === SEALED_MAGIC) {
      this.#relay(nowMs, datagram, source);
      return;
    }
    let packet: BridgePacket | undefined;
    // A banned address is not worth the reading.
    if (!this.#desk.counts.isBanned(nowMs, this.#desk.keyOf(source))) packet = readPacket(datagram);
    const admission = this.#desk.admit(nowMs, packet, source, datagram.length);
    if (admission === undefined) {
      this.#stats.drop('ignored');
      return;
    }
    if (packet === undefined) {
      this.#stats.drop('unreadable');
      hub.fault(socketKey(source));
      return;
    }
    const outcome = this.#desk.handle(nowMs, packet, source);
    if (outcome.kind === 'drop') {
      this.#stats.drop(outcome.reason);
      if (outcome.isFault) hub.fault(socketKey(source));
    } else if (outcome.kind === 'answer') {
      const bytes = encodeBridgePacket(outcome.packet, 'udp');
      if (admission === 'known' || this.#desk.counts.mayAnswer(socketKey(source), bytes.length)) {
        this.#send(source, bytes);
      } else {
        this.#stats.drop('limited');
      }
      const { notice } = outcome;
      if (notice !== undefined) this.#send(notice.to.source, encodeBridgePacket(notice.packet, 'udp'));
    }
  }

  #relay(nowMs: number, datagram: Uint8Array, source: Source): void {
    let pair: string | undefined;
    try {
      pair = Buffer.from(decodeSealedFrame(datagram).pair).toString('base64url');
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
    const to = pair === undefined ? 'unreadable' : this.#desk.forward(nowMs, pair, source, datagram.length);
    if (typeof to === 'object') {
      this.#stats.deliveries += 1;
      this.#send(to.source, datagram);
      return;
    }
    this.#stats.drop(to);
    // One that comes too late, after a restart perhaps, is no fault of its sender.
    if (to !== 'unreadable') return;
    this.#desk.admit(nowMs, undefined, source, 0);
    this.#context.hub.fault(socketKey(source));
  }

  #send({ address, port }: Source, bytes: Uint8Array): void {
    this.#stats.sent += 1;
    this.#stats.sentBytes += bytes.length;
    this.#context.tap.watcher?.({ wire: WIRE, direction: 'out', peer: hostPort(address, port), bytes });
    this.#socket.send(bytes, port, address, (error) => {
      if (error !== null) this.#stats.drop('unsent');
    });
  }
}

function readPacket(datagram: Uint8Array): BridgePacket | undefined {
  if (datagram.length > BRIDGE_PACKET_BYTES_MAX) return undefined;
  try {
    return decodeBridgePacket(datagram);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}
