import type { Socket } from 'node:net';
import { IPV6_NAME_BYTES, IPV6_WORDS, socketAddressOf } from '../datagrams/socket-address.ts';
import type { StreamCalls } from './calls.ts';

/**
 * The file descriptor of a connected socket, which is its own until it is destroyed. Undefined when it cannot be had for
 * sure: Node does not publish it, so what is found is held against the peer's address that the system has for it.
 */
export function descriptorOf(socket: Socket, calls: StreamCalls): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: unknown } | null };
  const fd = handle?.fd;
  return typeof fd === 'number' && fd >= 0 && hasPeer(socket, fd, calls) ? fd : undefined;
}

function hasPeer({ remoteAddress, remotePort }: Socket, descriptor: number, calls: StreamCalls): boolean {
  if (remoteAddress === undefined || remotePort === undefined) return false;
  const expected = socketAddressOf(remoteAddress, remotePort);
  // The name, and behind it how long it may be.
  const lengthAt = IPV6_WORDS + 1;
  const words = new Int32Array(new ArrayBuffer(4 * (lengthAt + 1)));
  words[lengthAt] = IPV6_NAME_BYTES;
  const address = calls.addressOf(words.buffer);
  if (calls.peerOf(descriptor, address, address + BigInt(4 * lengthAt)) !== 0) return false;
  return expected.length > 0 && expected.every((word, index) => words[index] === word);
}
