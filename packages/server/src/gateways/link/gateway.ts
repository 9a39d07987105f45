import { hash, randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { exporterValues, LinkLoop, loadCertificate, nodeLinkCrypto, openSslCrypto } from '@confab/link';
import {
  connectionIdOf,
  encodeHandshake,
  type Hello,
  LINK_DATAGRAM_BYTES_MAX,
  LINK_ID_BYTES,
  LINK_NAME_BYTES_MAX,
  LINK_RECORD_BYTES_MAX,
  type LinkCrypto,
  LinkErrorCode,
  looksLikePacket,
  TO_SERVER,
} from '@confab/wire/link';
import { hostPort } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import { version } from '../../version.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { type Identity, identify, isRefusal } from './admission.ts';
import { refusal } from './codes.ts';
import { LinkDatagrams } from './datagrams.ts';
import { LinkEncoding } from './encoding.ts';
import { CountedSession } from './endpoint.ts';
import type { Greeting } from './greeting.ts';
import { LinkListener } from './listener.ts';
import { LINK_PROFILE, LinkMembers } from './members.ts';
import { LinkServerSession } from './session.ts';
import type { SessionContext } from './session-context.ts';
import { SessionTap } from './session-tap.ts';
import { LinkSessions } from './sessions.ts';
import { LinkTotals } from './totals.ts';

const TICKET_BYTES = 32;
/** All sessions make their packets here: each is in the socket's batch before the next one is made. */
const packetBuffer = new Uint8Array(LINK_DATAGRAM_BYTES_MAX);
/** At shutdown: time for clients to take their goodbye, ms. */
const STOP_MS = 1000;
/** Of the record of the longest message: what is beside its body. */
const EVENT_HEAD_BYTES = LINK_NAME_BYTES_MAX + 64;

/** Link: Confab's own wire, TLS and sealed datagrams (docs/wires/link.md). */
export class LinkGateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #stats: WireStats;
  /** At the end of a turn all sessions fill the datagrams' batch, and then it goes out. */
  readonly #loop = new LinkLoop({
    soon: (task) =>
      setImmediate(() => {
        task();
        this.#datagrams?.flush();
      }),
  });
  readonly #totals = new LinkTotals();
  readonly #crypto: LinkCrypto;
  readonly #sessions: LinkSessions;
  readonly #sessionContext: SessionContext;
  readonly #stopObserving: () => void;
  #listener: LinkListener | undefined;
  #datagrams: LinkDatagrams | undefined;
  #isDraining = false;

  constructor(context: GatewayContext) {
    const { hub, config, log, stats, batching } = context;
    const { link } = config;
    const fastCrypto = batching?.foreign === undefined ? undefined : openSslCrypto(batching.foreign);
    this.#crypto = fastCrypto ?? nodeLinkCrypto;
    this.#context = context;
    this.#stats = stats.wire('link');
    this.#sessions = new LinkSessions(link, (ticket) => hash('sha256', ticket, 'base64url'));
    const members = new LinkMembers(hub);
    this.#sessionContext = {
      hub,
      log,
      loop: this.#loop,
      stats: this.#stats,
      totals: this.#totals,
      encoding: new LinkEncoding(hub.clock.wallMs()),
      members,
      settings: link,
      sendDatagram: (bytes, to) => this.#datagrams?.send(bytes, to),
      onKeyRemoved: (user, deviceKey) => {
        // Whoever asked for it is answered first.
        setImmediate(() => this.#sessions.closeOf(user, deviceKey));
      },
      onOver: (session) => {
        this.#sessions.remove(session);
        this.#totals.ended(session.endpoint.readout);
      },
    };
    stats.link = () => this.#totals.summary(this.#loop.clock.monotonicMs(), this.#sessions.values());
    this.#stopObserving = hub.observe({ memberRemoved: (member, reason) => members.removed(member, reason) });
  }

  async open(): Promise<Endpoint[]> {
    const { address, config, hub, log } = this.#context;
    const { link, data } = config;
    const certificate = loadCertificate({
      folder: data,
      certificateFile: link.certificate === '' ? undefined : link.certificate,
      keyFile: link.key === '' ? undefined : link.key,
    });
    const common = { wire: 'Link', scheme: 'confab', address, isPlaintext: false, isAlternate: false } as const;
    const endpoints: Endpoint[] = [];
    try {
      const listener = await LinkListener.open({
        certificate,
        address,
        port: link.tcpPort,
        handshakeTimeoutMs: () => link.handshakeTimeoutMs,
        connectionsMax: link.connectionsMax,
        addressConnectionsMax: link.addressConnectionsMax,
        stats: this.#stats,
        log,
        onHello: (greeting, hello, socket, from) => this.#welcome(greeting, hello, socket, from),
      });
      this.#listener = listener;
      const { fingerprint } = certificate;
      endpoints.push({
        ...common,
        protocol: 'tcp',
        port: listener.port,
        purpose: 'encrypted chat, by TLS',
        fingerprint,
      });
      if (link.udp) {
        this.#datagrams = await this.#openDatagrams();
        const { port } = this.#datagrams;
        endpoints.push({ ...common, protocol: 'udp', port, purpose: 'the same, by sealed datagrams' });
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    // Those whom the store remembers: their time runs until they come back.
    for (const member of hub.members()) {
      if (member.profile === LINK_PROFILE) member.timeoutMs = link.resumeWindowMs;
    }
    return endpoints;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#listener?.stop();
    for (const session of this.#sessions.values()) session.stopListening();
  }

  async close(): Promise<void> {
    this.#stopObserving();
    // What the rooms said last is written at the end of this turn.
    await turn();
    for (const session of [...this.#sessions.values()]) {
      session.close(LinkErrorCode.SERVER_CLOSING, 'The server is shutting down');
    }
    // The goodbye of sessions without a connection is a packet in the next one.
    await turn();
    await this.#listener?.close(STOP_MS);
    this.#loop.close();
    await this.#datagrams?.close();
  }

  #openDatagrams(): Promise<LinkDatagrams> {
    const { address, config, log, batching } = this.#context;
    return LinkDatagrams.open({
      address,
      batching,
      port: config.link.udpPort,
      portKey: 'link.udp_port',
      receiveBufferBytes: config.link.receiveBufferBytes,
      onDatagram: (bytes, from) => this.#receive(bytes, from),
      onUnsent: () => this.#stats.drop('unsent'),
      onError: (error) => log.warn({ err: error }, 'link: socket error'),
    });
  }

  async #welcome(greeting: Greeting, hello: Hello, socket: TLSSocket, address: string): Promise<void> {
    const { hub, config } = this.#context;
    const peer = hostPort(address, socket.remotePort ?? 0);
    const { tap } = this.#context;
    tap.watcher?.({ wire: 'link-tcp', direction: 'in', peer, bytes: greeting.heard });
    const exporters = exporterValues(socket);
    const identity = await identify(hello, {
      hub,
      address,
      allowsGuests: config.link.guests,
      deviceExporter: exporters.device,
    });
    // Meanwhile it may have gone, or have been too slow.
    if (greeting.isFinished || this.#isDraining) return;
    if (isRefusal(identity)) {
      this.#stats.drop('refused');
      greeting.refuse(identity);
      return;
    }
    const known = hello.ticket === undefined ? undefined : this.#sessions.byTicket(hello.ticket);
    const isResumed = known !== undefined && isSame(known.identity, identity);
    if (!isResumed && !this.#sessions.hasRoomFor(address)) {
      this.#stats.drop('limited');
      greeting.refuse(refusal(LinkErrorCode.LIMIT_REACHED, 'The server has as many sessions as it may'));
      return;
    }
    const session = isResumed ? known : this.#begin(hello, identity, exporters.datagrams, address);
    const welcome = this.#encodeWelcome(session, isResumed, peer);
    tap.watcher?.({ wire: 'link-tcp', direction: 'out', peer, bytes: welcome });
    session.endpoint.connectionFrom(peer);
    socket.write(welcome);
    greeting.finish();
    session.openStream(socket, address);
  }

  #begin(hello: Hello, identity: Identity, secret: Uint8Array, address: string): LinkServerSession {
    const { link } = this.#context.config;
    const hasDatagrams = hello.wantsUdp && this.#datagrams !== undefined;
    const connectionId = this.#freshConnectionId();
    const endpoint = new CountedSession(
      {
        role: 'server',
        mode: hasDatagrams ? 'auto' : 'tcp',
        crypto: this.#crypto,
        packetBuffer,
        datagramSecret: hasDatagrams ? secret : undefined,
        connectionId,
        datagramBytesMax: Math.min(
          hello.datagramBytesMax,
          this.#datagrams?.bytesMax(link.datagramBytesMax) ?? link.datagramBytesMax,
        ),
        peerAddress: undefined,
      },
      this.#stats,
      this.#context.tap.watcher === undefined ? undefined : new SessionTap(this.#context.tap),
    );
    const session = new LinkServerSession({
      context: this.#sessionContext,
      identity,
      endpoint,
      id: randomBytes(LINK_ID_BYTES),
      ticket: randomBytes(TICKET_BYTES),
      connectionId,
      hasDatagrams,
      address,
    });
    this.#sessions.add(session);
    return session;
  }

  #encodeWelcome(session: LinkServerSession, isResumed: boolean, seenAs: string): Uint8Array {
    const { hub, config } = this.#context;
    return encodeHandshake({
      type: 'welcome',
      isResumed,
      isVerified: session.identity.deviceKey !== undefined,
      sessionId: session.id,
      ticket: session.ticket,
      udpPort: session.hasDatagrams ? this.#datagrams?.port : undefined,
      connectionId: session.connectionId,
      datagramBytesMax: config.link.datagramBytesMax,
      resumeWindowS: Math.floor(config.link.resumeWindowMs / 1000),
      messageBytesMax: Math.min(hub.limits.messageBytesMax, LINK_RECORD_BYTES_MAX - EVENT_HEAD_BYTES),
      clockMs: hub.clock.wallMs(),
      address: seenAs,
      agent: `confab/${version}`,
    });
  }

  #receive(bytes: Uint8Array, from: string): void {
    this.#stats.received += 1;
    const session = looksLikePacket(bytes, TO_SERVER)
      ? this.#sessions.byConnectionId(connectionIdOf(bytes))
      : undefined;
    if (session === undefined) {
      this.#totals.unknownIds += 1;
      this.#stats.drop('unknown');
      return;
    }
    session.receiveDatagram(bytes, from);
  }

  #freshConnectionId(): Uint8Array {
    for (;;) {
      const id = randomBytes(LINK_ID_BYTES);
      if (this.#sessions.isFree(id)) return id;
    }
  }
}

function isSame(one: Identity, other: Identity): boolean {
  return one.user === other.user && one.deviceKey === other.deviceKey;
}

/** The rest of this turn of the event loop, and what it asked to be done at its end. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
