import type { Socket } from 'node:dgram';
import { readdirSync, readlinkSync, readSync } from 'node:fs';
import { readText } from './proc.ts';

const DATAGRAM_BYTES_MAX = 65_536;
const buffer = Buffer.allocUnsafeSlow(DATAGRAM_BYTES_MAX);

/**
 * What a UDP socket receives. Whoever knows that there is more need not wait for an event for each datagram: read from
 * the socket's file descriptor, one takes a third of the time, so that a generator can keep up with a server that is
 * written with the same tools.
 */
export class Inbox {
  readonly #descriptor: number | undefined;
  readonly #take: (datagram: Uint8Array) => void;

  /** @param take must not keep the datagram */
  constructor(descriptor: number | undefined, take: (datagram: Uint8Array) => void) {
    this.#descriptor = descriptor;
    this.#take = take;
  }

  /** Take one datagram now. False when there is none, or they only come as events. */
  readOne(): boolean {
    if (this.#descriptor === undefined) return false;
    let size: number;
    try {
      size = readSync(this.#descriptor, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN' || code === 'ECONNREFUSED') return false;
      throw error;
    }
    this.#take(buffer.subarray(0, size));
    return true;
  }
}

/** The file descriptors of bound UDP sockets (IPv4). Those that cannot be found (no /proc) are missing. */
export function findDescriptors(sockets: readonly Socket[]): Map<Socket, number> {
  const byPort = new Map<number, string>();
  for (const line of readText('/proc/self/net/udp').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    byPort.set(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16), `socket:[${fields[9]}]`);
  }
  const byLink = new Map<string, number>();
  for (const descriptor of openDescriptors()) {
    try {
      byLink.set(readlinkSync(`/proc/self/fd/${descriptor}`), Number(descriptor));
    } catch {
      // Closed since it was listed: the one that the list was read through.
    }
  }
  const found = new Map<Socket, number>();
  for (const socket of sockets) {
    const descriptor = byLink.get(byPort.get(socket.address().port) ?? '');
    if (descriptor !== undefined) found.set(socket, descriptor);
  }
  return found;
}

function openDescriptors(): string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
}
