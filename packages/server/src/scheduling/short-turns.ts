import { findCalls, type Platform, type SystemCalls, thisPlatform, turnedOff, WithoutCalls } from '../foreign.ts';

/** Numbers of sched_setattr(2) and sched_getattr(2), on all processors that have other calls of ours. */
const CALLS: Readonly<Record<string, { readonly set: bigint; readonly get: bigint }>> = {
  x64: { set: 314n, get: 315n },
  arm64: { set: 274n, get: 275n },
};

/*
 * `struct sched_attr` as it first was: 48 bytes; u32 size, u32 policy at 4, u64 flags at 8, s32 nice at 16, u64 runtime at 24.
 * The calls keep nothing of what is not given, so that all but the runtime is what the system says it is.
 */
const ATTRIBUTES_BYTES = 48;
const POLICY_AT = 4;
const FLAGS_AT = 8;
const RUNTIME_AT = 24;
/** `SCHED_OTHER`; with the others somebody knew better. */
const NORMAL_POLICY = 0;
/** The calling thread. */
const SELF = 0;

/** The shortest turn that Linux gives, ns. */
export const TURN_NS = 100_000;

/** Whether the calling thread has short turns, or why not. */
export type ShortTurns = SystemCalls<true>;

/**
 * Have the calling thread take short turns (sched(7); Linux 6.12 and later): whoever asks for shorter ones than the
 * thread that is running is let in at once when it has something to do, and not only when the other has had its turn of 3 ms.
 * Its share of the processor is the same. A thread that it starts later takes such turns, too. Never throws.
 */
export function takeShortTurns(isWanted: boolean, platform: Platform = thisPlatform): ShortTurns {
  if (!isWanted) return turnedOff('net.short_turns');
  return findCalls(platform, (foreign) => {
    const { functions } = foreign.dlopen(null, {
      syscall: { arguments: ['i64', 'i32', 'pointer', 'i64', 'i64'], return: 'i32' },
    });
    const { syscall } = functions;
    const { set, get } = CALLS[platform.processor]!;
    const attributes = new DataView(new ArrayBuffer(ATTRIBUTES_BYTES));
    const address = foreign.getRawPointer(attributes.buffer);
    const read = (): boolean => syscall(get, SELF, address, BigInt(ATTRIBUTES_BYTES), 0n) === 0;
    if (!read()) throw new WithoutCalls('the system does not tell how a thread is scheduled', true);
    const policy = attributes.getUint32(POLICY_AT, true);
    if (policy !== NORMAL_POLICY) throw new WithoutCalls(`the server runs under scheduling policy ${policy}`, false);
    attributes.setBigUint64(FLAGS_AT, 0n, true);
    attributes.setBigUint64(RUNTIME_AT, BigInt(TURN_NS), true);
    if (syscall(set, SELF, address, 0n, 0n) !== 0) throw new WithoutCalls('the system does not allow it', true);
    // Older kernels take it and do nothing.
    if (!read() || attributes.getBigUint64(RUNTIME_AT, true) !== BigInt(TURN_NS)) {
      throw new WithoutCalls('the kernel is older than 6.12', false);
    }
    return true;
  });
}
