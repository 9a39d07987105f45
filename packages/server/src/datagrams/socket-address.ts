import { isIPv4, isIPv6 } from 'node:net';

/** Families as Linux numbers them. */
const AF_INET = 2;
const AF_INET6 = 10;

/** Length of a `struct sockaddr_in`, in 32-bit words: family and port, address. The kernel does not read its padding. */
export const IPV4_WORDS = 2;
/** Length of a `struct sockaddr_in6`, in 32-bit words: family and port, flow label, address (4), scope. */
export const IPV6_WORDS = 7;
/** What the kernel is told that these are long, bytes. */
export const IPV4_NAME_BYTES = 16;
export const IPV6_NAME_BYTES = 28;

/**
 * An address as Linux takes it on a little-endian processor: signed 32-bit words, {@link IPV4_WORDS} or {@link IPV6_WORDS}
 * of them. Empty when the address is neither, or has a scope (`fe80::1%eth0`), whose number only the system knows.
 * @param port 0–65535
 */
export function socketAddressOf(address: string, port: number): readonly number[] {
  const portWord = ((port >> 8) << 16) | ((port & 0xff) << 24);
  if (isIPv4(address)) return [AF_INET | portWord, wordOf(ipv4Bytes(address))];
  if (!isIPv6(address) || address.includes('%')) return [];
  const bytes = ipv6Bytes(address);
  const words = [0, 4, 8, 12].map((start) => wordOf(bytes.slice(start, start + 4)));
  return [AF_INET6 | portWord, 0, ...words, 0];
}

function wordOf([first = 0, second = 0, third = 0, fourth = 0]: readonly number[]): number {
  return first | (second << 8) | (third << 16) | (fourth << 24);
}

function ipv4Bytes(address: string): number[] {
  return address.split('.').map(Number);
}

/** Of a valid address: its 16 bytes (RFC 4291 §2.2). */
function ipv6Bytes(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const front = groupBytes(head);
  if (tail === undefined) return front;
  const back = groupBytes(tail);
  return [...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back];
}

function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return ipv4Bytes(group);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
