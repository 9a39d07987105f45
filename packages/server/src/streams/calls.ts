import { findCalls, type Platform, type SystemCalls, thisPlatform, turnedOff } from '../foreign.ts';
import { openRing, type RingCalls } from './ring-calls.ts';

/** Give up rather than wait (`MSG_DONTWAIT` of Linux), and raise no signal when the peer is gone (`MSG_NOSIGNAL`). */
export const SEND_FLAGS = 0x4040;

/**
 * The system calls by which a stream is written to without going through `node:net`. Addresses are those of memory that the
 * caller keeps alive and has laid out as the kernel reads it: a wrong one is a crash, so nobody but the direct writer and
 * what finds its descriptors makes these calls.
 */
export interface StreamCalls {
  /** sendmsg(2), without waiting: bytes that the system took, or -1. */
  send(descriptor: number, message: bigint): number;
  /** getpeername(2): 0, or -1. */
  peerOf(descriptor: number, name: bigint, nameBytes: bigint): number;
  /** Where a buffer's bytes are. It stays there as long as the buffer lives and is not transferred. */
  addressOf(memory: ArrayBuffer): bigint;
  /** By which many are written to at once. */
  readonly ring?: RingCalls | undefined;
}

/** The calls, or why streams are written to by `node:net` alone. */
export type DirectWriting = SystemCalls<StreamCalls>;

/**
 * Find the calls, through Node's own foreign-function interface (docs/adr/0015-direct-writes.md). Never throws: where
 * something is missing, `node:net` does the work.
 * @param mode `off`: do not even look; `single`: without a ring
 */
export function loadDirectWriting(mode: 'auto' | 'single' | 'off', platform: Platform = thisPlatform): DirectWriting {
  if (mode === 'off') return turnedOff('net.direct_writes');
  return findCalls(platform, (foreign) => {
    // Three arguments: calls of four take three times as long to get out of JavaScript, which rules out send(2).
    const { functions } = foreign.dlopen(null, {
      sendmsg: { arguments: ['i32', 'pointer', 'i32'], return: 'i32' },
      getpeername: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
    });
    const { sendmsg, getpeername } = functions;
    return {
      send: (descriptor, message) => sendmsg(descriptor, message, SEND_FLAGS),
      peerOf: (descriptor, name, nameBytes) => getpeername(descriptor, name, nameBytes),
      addressOf: (memory) => foreign.getRawPointer(memory),
      ring: mode === 'single' ? undefined : openRing(foreign),
    };
  });
}
