import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listening } from '../../support/listening.ts';
import { freeTcpPort, freeUdpPort } from '../../support/ports.ts';
import { readUdpDrops } from '../../support/proc.ts';
import { buildNative } from '../native/build.ts';
import { Program } from '../process.ts';
import type { LoadWire } from '../wire.ts';
import { plainWebSocket, relayDatagrams, relayLines } from '../wires.ts';
import type { Target, TargetKind } from './target.ts';

/** How long the UDP floor may take to bind its socket, and how often that is looked for, ms. */
const BIND_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

const floor = (file: string): string => fileURLToPath(new URL(`../../floors/${file}`, import.meta.url));

/** C, epoll, one write for each member and turn. */
export const tcpFloor: Target = {
  name: 'C, epoll, TCP',
  kind: 'floor',
  wire: relayLines,
  start: async (core) => {
    const port = await freeTcpPort();
    const program = new Program([buildNative('tcp-relay', ['bench/floors/tcp-relay.c']), String(port)], { core });
    await listening(program, port);
    return { pid: program.pid, port, stop: () => program.stop() };
  },
};

/** C, sendmmsg, one datagram for each delivery. */
export const udpFloor: Target = {
  name: 'C, sendmmsg, UDP',
  kind: 'floor',
  wire: relayDatagrams,
  start: async (core) => {
    const port = await freeUdpPort();
    const program = new Program([buildNative('udp-relay', ['bench/floors/udp-relay.c']), String(port)], { core });
    await bound(program, port);
    return { pid: program.pid, port, stop: () => program.stop() };
  },
};

/** Nobody answers on a UDP port, but the system knows which ones are bound. Fulfils when the program's is. */
export async function bound(program: Program, port: number): Promise<void> {
  const deadlineMs = performance.now() + BIND_TIMEOUT_MS;
  while (!readUdpDrops().has(port)) {
    if (program.hasExited || performance.now() > deadlineMs)
      throw new Error(`A server did not start:\n${program.output}`);
    await sleep(POLL_MS);
  }
}

/** The same as the C floor over TCP, in bare `node:net`. */
export const nodeFloor: Target = nodeTarget('node:net, coalesced', 'floor', relayLines, 'node-relay.ts');

/** A plain broadcast loop over the `ws` library. */
export const wsBroadcast: Target = nodeTarget('ws, broadcast loop', 'peer', plainWebSocket, 'ws-broadcast.ts');

function nodeTarget(name: string, kind: TargetKind, wire: LoadWire, file: string): Target {
  return {
    name,
    kind,
    wire,
    start: async (core) => {
      const port = await freeTcpPort();
      const program = new Program([process.execPath, floor(file), String(port)], { core });
      await listening(program, port);
      return { pid: program.pid, port, stop: () => program.stop() };
    },
  };
}
