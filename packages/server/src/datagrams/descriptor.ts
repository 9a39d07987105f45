import type { Socket } from 'node:dgram';
import type { DatagramCalls } from './calls.ts';
import { IPV6_NAME_BYTES, IPV6_WORDS, socketAddressOf } from './socket-address.ts';

/**
 * The file descriptor of a bound socket, as something to ask each time: undefined from the moment that the socket is closed,
 * after which the number may be another file's. Undefined at once when it cannot be had for sure: Node does not publish it,
 * so what is found is held against the address that the system has for it.
 */
export function descriptorOf(socket: Socket, calls: DatagramCalls): (() => number | undefined) | undefined {
  const handle = handleOf(socket);
  if (handle === undefined) return undefined;
  const descriptor = (): number | undefined => {
    const { fd } = handle;
    return typeof fd === 'number' && fd >= 0 ? fd : undefined;
  };
  const found = descriptor();
  return found !== undefined && isBoundAs(socket, found, calls) ? descriptor : undefined;
}

/** Levels, options and value of ip(7) and ipv6(7), as Linux numbers them. */
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_MTU_DISCOVER = 10;
const IPV6_MTU_DISCOVER = 23;
const PMTUDISC_PROBE = 3;

/**
 * Have datagrams go out whole or not at all, whatever the system thinks of the path, so that whoever looks for its MTU finds
 * it (RFC 8899 §4.5). Returns whether that is so now.
 */
export function forbidFragments(descriptor: number, family: 4 | 6, calls: DatagramCalls): boolean {
  const isIpv4Whole = calls.setOption(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
  return family === 4 ? isIpv4Whole : calls.setOption(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE);
}

interface Handle {
  readonly fd: unknown;
}

/** What `node:dgram` keeps under a symbol of its own. */
function handleOf(socket: Socket): Handle | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    if (symbol.description !== 'state symbol') continue;
    const state = (socket as unknown as Record<symbol, { handle?: Handle | null } | undefined>)[symbol];
    if (typeof state?.handle === 'object' && state.handle !== null) return state.handle;
  }
  return undefined;
}

function isBoundAs(socket: Socket, descriptor: number, calls: DatagramCalls): boolean {
  // The name, and behind it how long it may be.
  const lengthAt = IPV6_WORDS + 1;
  const words = new Int32Array(new ArrayBuffer(4 * (lengthAt + 1)));
  words[lengthAt] = IPV6_NAME_BYTES;
  const address = calls.addressOf(words.buffer);
  if (calls.nameOf(descriptor, address, address + BigInt(4 * lengthAt)) !== 0) return false;
  const bound = socket.address();
  const expected = socketAddressOf(bound.address, bound.port);
  return expected.length > 0 && expected.every((word, index) => words[index] === word);
}
