import { findCalls, type Platform, type SystemCalls, thisPlatform, turnedOff } from '../foreign.ts';

/** Give up rather than wait: `MSG_DONTWAIT` of Linux. */
const DONT_WAIT = 0x40;

/**
 * The system calls that move many datagrams at once, of which `node:dgram` has none. Addresses are those of memory that
 * the caller keeps alive and has laid out as the kernel reads it: a wrong one is a crash, so nobody but the two batches
 * (send-batch.ts, receive-batch.ts) makes these calls.
 */
export interface DatagramCalls {
  /** sendmmsg(2), without waiting: messages that the system took, or -1. Why is told by sending the first one by itself. */
  sendMany(descriptor: number, messages: bigint, count: number): number;
  /** recvmmsg(2), without waiting: messages that were there, or -1 when there was none. */
  receiveMany(descriptor: number, messages: bigint, count: number): number;
  /** getsockname(2): 0, or -1. */
  nameOf(descriptor: number, name: bigint, nameBytes: bigint): number;
  /** setsockopt(2) of an option that is an int: whether the system takes it. */
  setOption(descriptor: number, level: number, name: number, value: number): boolean;
  /** Where a buffer's bytes are. It stays there as long as the buffer lives and is not transferred. */
  addressOf(memory: ArrayBuffer): bigint;
}

/** The calls, or why datagrams are sent and read one by one. */
export type Batching = SystemCalls<DatagramCalls>;

/**
 * Find the calls, through Node's own foreign-function interface (docs/adr/0007-batched-datagrams.md). Never throws: where
 * something is missing, `node:dgram` does the work.
 * @param mode `off`: do not even look
 */
export function loadBatching(mode: 'auto' | 'off', platform: Platform = thisPlatform): Batching {
  if (mode === 'off') return turnedOff('net.batch_datagrams');
  return findCalls(platform, (foreign) => {
    // Out of what the process has loaded already: the C library's own functions.
    const { functions } = foreign.dlopen(null, {
      sendmmsg: { arguments: ['i32', 'pointer', 'u32', 'i32'], return: 'i32' },
      recvmmsg: { arguments: ['i32', 'pointer', 'u32', 'i32', 'pointer'], return: 'i32' },
      getsockname: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
      setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
    });
    const { sendmmsg, recvmmsg, getsockname, setsockopt } = functions;
    const option = new Int32Array(new ArrayBuffer(4));
    const optionAddress = foreign.getRawPointer(option.buffer);
    return {
      sendMany: (descriptor, messages, count) => sendmmsg(descriptor, messages, count, DONT_WAIT),
      receiveMany: (descriptor, messages, count) => recvmmsg(descriptor, messages, count, DONT_WAIT, 0n),
      nameOf: (descriptor, name, nameBytes) => getsockname(descriptor, name, nameBytes),
      setOption: (descriptor, level, name, value) => {
        option[0] = value;
        return setsockopt(descriptor, level, name, optionAddress, option.byteLength) === 0;
      },
      addressOf: (memory) => foreign.getRawPointer(memory),
    };
  });
}
