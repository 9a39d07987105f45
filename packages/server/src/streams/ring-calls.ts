import {
  COMPLETION_BYTES,
  COMPLETION_ENTRIES_AT,
  COMPLETION_HEAD_AT,
  COMPLETION_TAIL_AT,
  COMPLETIONS_AT,
  ENTER_CALL,
  ENTER_WAITS,
  ENTRIES_OFFSET,
  ENTRY_BYTES,
  FEATURES_AT,
  PARAMETERS_BYTES,
  RINGS_OFFSET,
  SETUP_CALL,
  SINGLE_MAPPING,
  SUBMISSION_HEAD_AT,
  SUBMISSION_SLOTS_AT,
  SUBMISSION_TAIL_AT,
} from './ring-layout.ts';

/** Entries of the ring: sends that are made at a time. A power of two. */
export const RING_ENTRIES = 256;

const READ_AND_WRITE = 3;
/** `MAP_SHARED | MAP_POPULATE`. */
const SHARED_NOW = 0x8001;
const SETUP_NUMBER = BigInt(SETUP_CALL);
const ENTER_NUMBER = BigInt(ENTER_CALL);
const MAPPING_FAILED = 2n ** 64n - 1n;

/** The system's side of io_uring(7): memory that both write to, and a call that says so. */
export interface RingCalls {
  /** Both rings: heads, tails, the slots of the submission ring, the completions. */
  readonly rings: ArrayBuffer;
  /** `struct io_uring_sqe`, one for each slot. */
  readonly entries: ArrayBuffer;
  readonly layout: RingLayout;
  /**
   * io_uring_enter(2).
   * @param submit entries between head and tail that are to be taken
   * @param wait results to wait for
   * @returns entries taken, or -1
   */
  enter(submit: number, wait: number): number;
}

/** Where things are in `rings`, bytes. */
export interface RingLayout {
  readonly submissionHeadAt: number;
  readonly submissionTailAt: number;
  readonly submissionSlotsAt: number;
  readonly completionHeadAt: number;
  readonly completionTailAt: number;
  readonly completionsAt: number;
  readonly completionEntries: number;
}

/**
 * A ring that lives as long as the process; undefined where the kernel has none, or does not let this process have one. Never
 * throws: what it needs is more than the other calls do.
 */
export function openRing(foreign: typeof import('node:ffi')): RingCalls | undefined {
  try {
    return setUp(foreign);
  } catch {
    return undefined;
  }
}

function setUp(foreign: typeof import('node:ffi')): RingCalls | undefined {
  const { functions } = foreign.dlopen(null, {
    syscall: { arguments: ['i64', 'i32', 'pointer', 'i32', 'i32', 'i64', 'i64'], return: 'i32' },
    mmap: { arguments: ['pointer', 'u64', 'i32', 'i32', 'i32', 'i64'], return: 'pointer' },
  });
  const { syscall, mmap } = functions;
  const parameters = new DataView(new ArrayBuffer(PARAMETERS_BYTES));
  const ring = syscall(SETUP_NUMBER, RING_ENTRIES, foreign.getRawPointer(parameters.buffer), 0, 0, 0n, 0n);
  if (ring < 0) return undefined;
  if ((parameters.getUint32(FEATURES_AT, true) & SINGLE_MAPPING) === 0) return undefined;
  const layout: RingLayout = {
    submissionHeadAt: parameters.getUint32(SUBMISSION_HEAD_AT, true),
    submissionTailAt: parameters.getUint32(SUBMISSION_TAIL_AT, true),
    submissionSlotsAt: parameters.getUint32(SUBMISSION_SLOTS_AT, true),
    completionHeadAt: parameters.getUint32(COMPLETION_HEAD_AT, true),
    completionTailAt: parameters.getUint32(COMPLETION_TAIL_AT, true),
    completionsAt: parameters.getUint32(COMPLETIONS_AT, true),
    completionEntries: parameters.getUint32(COMPLETION_ENTRIES_AT, true),
  };
  const ringBytes = Math.max(
    layout.submissionSlotsAt + 4 * RING_ENTRIES,
    layout.completionsAt + COMPLETION_BYTES * layout.completionEntries,
  );
  const map = (bytes: number, offset: number): ArrayBuffer | undefined => {
    const address = mmap(0n, BigInt(bytes), READ_AND_WRITE, SHARED_NOW, ring, BigInt(offset));
    return address === MAPPING_FAILED ? undefined : foreign.toArrayBuffer(address, bytes, false);
  };
  const rings = map(ringBytes, RINGS_OFFSET);
  const entries = map(ENTRY_BYTES * RING_ENTRIES, ENTRIES_OFFSET);
  if (rings === undefined || entries === undefined) return undefined;
  return {
    rings,
    entries,
    layout,
    // The pointer's place is that of a number here.
    enter: (submit, wait) => syscall(ENTER_NUMBER, ring, BigInt(submit), wait, wait > 0 ? ENTER_WAITS : 0, 0n, 0n),
  };
}
