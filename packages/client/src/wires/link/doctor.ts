import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, isIPv6 } from 'node:net';
import { addressText, DatagramAddresses, type KnownServers, LinkDriver, LinkLoop, nodeLinkCrypto } from '@confab/link';
import { decodeControl, encodeControl, LinkErrorCode, LinkSession } from '@confab/wire/link';
import { DATAGRAM_BYTES_MAX, type Dialled, dial } from './dial.ts';
import {
  type Check,
  clockCheck,
  downCheck,
  failureCheck,
  lossCheck,
  PROBES,
  round,
  tlsCheck,
  tripCheck,
  upCheck,
} from './doctor-checks.ts';
import { reachesServer } from './one-way.ts';
import { deviceKeyOf, knownServersOf, type LinkOptions } from './options.ts';
import { type LinkTarget, parseLinkUrl, trustOfUrl } from './target.ts';

export interface DiagnoseOptions {
  /** Whom to say we are, with the device key; without it as a guest. */
  readonly user?: string | undefined;
  /** For each step that waits for the network, ms. Default 5000. */
  readonly timeoutMs?: number | undefined;
  readonly link?: Pick<LinkOptions, 'deviceKey' | 'knownServers'> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether a datagram passes; for tests. */
  readonly passes?: ((direction: 'up' | 'down', bytes: Uint8Array) => boolean) | undefined;
}

const TIMEOUT_MS = 5000;
/** Time between two probes, ms. */
const PROBE_GAP_MS = 50;
/** Of a record that fills packets, so that larger ones are tried. */
const FILL_BYTES = 8000;
/** The search for the largest datagram is over when it has not grown for so long, ms. */
const MTU_QUIET_MS = 1500;
/** A control message of no type there is: answered by FAILED with its request number. */
const UNKNOWN_TYPE = 63;

/**
 * Test the way to a server of link, step by step, and say what is wrong. Nothing is changed: no room is joined, no name taken
 * unless one is given, and no server remembered.
 * @throws {ClientError} URL_INVALID, DEVICE_KEY_UNUSABLE
 * @throws the signal's reason
 */
export async function* diagnose(url: string | URL, options: DiagnoseOptions = {}): AsyncGenerator<Check, void> {
  const parsed = new URL(url);
  const target = parseLinkUrl(parsed, { needsRoom: false });
  const { host, port } = target;
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const { signal } = options;
  signal?.throwIfAborted();
  const address = await resolve(host);
  yield address.check;
  if (address.address === undefined) return;
  const tcp = await tryTcp(address.address, port, timeoutMs);
  yield tcp;
  if (tcp.status === 'fail') return;

  const deviceKey = options.user === undefined ? undefined : deviceKeyOf(options.link ?? {});
  const user = options.user ?? `doctor-${randomBytes(4).toString('hex')}`;
  const known = knownServersOf(options.link ?? {});
  let tls: Check | undefined;
  let dialled: Dialled | undefined;
  let failure: unknown;
  const startMs = performance.now();
  const dialling = {
    host,
    port,
    trust: trustOfUrl(parsed, readOnly(known)),
    user,
    deviceKey,
    wantsUdp: target.path !== 'tcp',
    timeoutMs,
    signal,
  };
  try {
    dialled = await dial({
      ...dialling,
      onTrusted: (fingerprint, isFirstUse, socket) => {
        tls = tlsCheck(fingerprint, isFirstUse, socket.getProtocol() ?? '?');
      },
    });
  } catch (error) {
    signal?.throwIfAborted();
    failure = error;
  }
  const dialMs = performance.now() - startMs;
  if (tls !== undefined) yield tls;
  if (dialled === undefined) {
    yield failureCheck(tls === undefined ? 'tls' : 'hello', failure);
    return;
  }
  try {
    const { welcome } = dialled;
    yield {
      name: 'hello',
      status: 'ok',
      text: `${welcome.agent} answers; it sees you as ${welcome.address}`,
      values: { agent: welcome.agent, address: welcome.address, isVerified: welcome.isVerified },
    };
    // Its clock was read at some moment of these.
    yield clockCheck(welcome.clockMs - Date.now(), dialMs);
    if (welcome.udpPort === undefined) {
      const text =
        target.path === 'tcp' ? 'Not tested: the URL asks for TCP alone' : 'The server offers no UDP (link.udp)';
      yield { name: 'udp-up', status: 'skip', text };
      return;
    }
    yield* testDatagrams(dialled, () => dial(dialling), target, options, timeoutMs);
  } finally {
    dialled.socket.destroy();
  }
}

async function* testDatagrams(
  { socket: tls, welcome, exporters, early }: Dialled,
  dialAgain: () => Promise<Dialled>,
  { host }: LinkTarget,
  { passes = () => true, signal }: DiagnoseOptions,
  timeoutMs: number,
): AsyncGenerator<Check, void> {
  const peer = tls.remoteAddress ?? '';
  const udpPort = welcome.udpPort!;
  const udp = createSocket(isIPv6(peer) ? 'udp6' : 'udp4');
  udp.on('error', () => {});
  const loop = new LinkLoop();
  const addresses = new DatagramAddresses();
  const endpoint = new LinkSession({
    role: 'client',
    mode: 'udp',
    crypto: nodeLinkCrypto,
    datagramSecret: exporters.datagrams,
    connectionId: welcome.connectionId,
    datagramBytesMax: Math.min(DATAGRAM_BYTES_MAX, welcome.datagramBytesMax),
    peerAddress: addressText(peer, udpPort),
  });
  const sentMs = new Map<number, number>();
  const tripsMs: number[] = [];
  const send = (bytes: Uint8Array, to: string): void => {
    if (!passes('up', bytes)) return;
    const { address, port } = addresses.parse(to);
    udp.send(bytes, port, address, () => {});
  };
  const driver = new LinkDriver({
    endpoint,
    loop,
    sendDatagram: send,
    onEvent: (event) => {
      if (event.type !== 'record' || event.channel !== 0) return;
      const answer = decodeControl(event.body);
      const askedMs = answer.type === 'failed' ? sentMs.get(answer.request) : undefined;
      if (askedMs !== undefined) tripsMs.push(performance.now() - askedMs);
    },
    onFault: () => {},
  });
  udp.on('message', (bytes, { address, port }) => {
    if (passes('down', bytes)) driver.receiveDatagram(bytes, addressText(address, port));
  });
  const ask = (): void => {
    const request = sentMs.size + 1;
    sentMs.set(request, performance.now());
    endpoint.send(0, encodeControl({ type: 'leave', request, channel: 0 }));
    driver.wake();
  };
  const until = async (isDone: () => boolean, ms: number): Promise<void> => {
    const endMs = performance.now() + ms;
    while (!isDone() && performance.now() < endMs) await pause(10, signal);
  };
  try {
    driver.openStream(tls, early);
    tls.resume();
    ask();
    await until(() => tripsMs.length > 0, timeoutMs);
    const isDown = endpoint.readout.packetsReceived > 0;
    const isUp = isDown || (await isUpOpen(dialAgain, (bytes) => send(bytes, addressText(peer, udpPort)), timeoutMs));
    yield upCheck(isUp, host, udpPort, timeoutMs);
    yield downCheck(isUp, isDown, host, udpPort, timeoutMs);
    if (!isDown) return;

    tripsMs.length = 0;
    for (let probe = 0; probe < PROBES; probe += 1) {
      ask();
      await pause(PROBE_GAP_MS, signal);
    }
    await until(() => tripsMs.length >= PROBES, timeoutMs);
    yield tripCheck(tripsMs);
    yield lossCheck(endpoint.readout.lossOut ?? 0, endpoint.readout.lossIn ?? 0);

    const filler = new Uint8Array(FILL_BYTES);
    filler.set([UNKNOWN_TYPE, 0]);
    endpoint.send(0, filler);
    driver.wake();
    let grownMs = performance.now();
    let bytes = endpoint.readout.mtuBytes;
    await until(() => {
      const { mtuBytes } = endpoint.readout;
      if (mtuBytes !== bytes) grownMs = performance.now();
      bytes = mtuBytes;
      return performance.now() - grownMs > MTU_QUIET_MS;
    }, timeoutMs);
    yield { name: 'mtu', status: 'ok', text: `Datagrams of ${bytes} bytes pass`, values: { bytes } };
  } finally {
    driver.close(LinkErrorCode.NO_ERROR, 'goodbye');
    await pause(20);
    driver.end();
    loop.close();
    udp.close();
  }
}

async function isUpOpen(
  dialAgain: () => Promise<Dialled>,
  send: (bytes: Uint8Array) => void,
  timeoutMs: number,
): Promise<boolean> {
  const dialled = await dialAgain();
  try {
    return await reachesServer(dialled, send, timeoutMs);
  } finally {
    dialled.socket.destroy();
  }
}

async function resolve(host: string): Promise<{ check: Check; address: string | undefined }> {
  if (isIP(host) !== 0) {
    return { check: { name: 'name', status: 'ok', text: `${host} is an address` }, address: host };
  }
  try {
    const { address } = await lookup(host);
    const values = { address };
    return { check: { name: 'name', status: 'ok', text: `${host} is ${address}`, values }, address };
  } catch {
    const advice = 'Check the spelling, or ask whoever runs the server for its address.';
    return { check: { name: 'name', status: 'fail', text: `${host} does not resolve`, advice }, address: undefined };
  }
}

function tryTcp(address: string, port: number, timeoutMs: number): Promise<Check> {
  const startMs = performance.now();
  return new Promise((done) => {
    const socket = connectTcp({ host: address, port });
    const end = (check: Check): void => {
      clearTimeout(timer);
      socket.destroy();
      done(check);
    };
    const open = `Open TCP port ${port}: inbound at the server and outbound where you are.`;
    const fail = (text: string, advice: string): void => end({ name: 'tcp', status: 'fail', text, advice });
    const timer = setTimeout(() => fail(`No answer from ${address} on TCP port ${port}`, open), timeoutMs);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') {
        const start = `Start the server so that others reach it ("confab serve --host 0.0.0.0"), or see link.tcp_port.`;
        fail(`Nothing listens on TCP port ${port} of ${address}`, start);
      } else fail(`TCP port ${port} of ${address} cannot be reached: ${error.message}`, open);
    });
    socket.once('connect', () => {
      const ms = round(performance.now() - startMs);
      end({ name: 'tcp', status: 'ok', text: `TCP port ${port} answers after ${ms} ms`, values: { ms } });
    });
  });
}

/** What was met before counts; whoever only asks meets nobody. */
function readOnly(servers: KnownServers): KnownServers {
  return {
    place: servers.place,
    find: (server) => servers.find(server),
    add: (_server, fingerprint) => ({ fingerprint, line: 0 }),
  };
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((done) => setTimeout(done, ms));
}
