/*
 * The structures of io_uring(7), as linux/io_uring.h lays them out on 64-bit little-endian processors. Offsets and sizes in
 * bytes; what is not named here stays zero.
 */

/** Numbers of the system calls, on every processor: io_uring is younger than their tables. */
export const SETUP_CALL = 425;
export const ENTER_CALL = 426;
/** `IORING_ENTER_GETEVENTS`: wait for results. */
export const ENTER_WAITS = 1;

/** Size of a `struct io_uring_params`, and what the kernel writes there. */
export const PARAMETERS_BYTES = 120;
export const FEATURES_AT = 20;
/** `IORING_FEAT_SINGLE_MMAP`: one mapping holds both rings. */
export const SINGLE_MAPPING = 1;
/** Its `struct io_sqring_offsets`: where in the mapping the submission ring keeps what it consists of … */
export const SUBMISSION_HEAD_AT = 40;
export const SUBMISSION_TAIL_AT = 44;
export const SUBMISSION_SLOTS_AT = 64;
/** … and its `struct io_cqring_offsets`, the same of the completion ring. */
export const COMPLETION_ENTRIES_AT = 4;
export const COMPLETION_HEAD_AT = 80;
export const COMPLETION_TAIL_AT = 84;
export const COMPLETIONS_AT = 100;

/** What of the ring's file is mapped: the rings, and the entries of the submission ring. */
export const RINGS_OFFSET = 0;
export const ENTRIES_OFFSET = 0x1000_0000;

/** Size of a `struct io_uring_sqe`, and where its fields are. */
export const ENTRY_BYTES = 64;
export const DESCRIPTOR_AT = 4;
export const ADDRESS_AT = 16;
export const LENGTH_AT = 24;
export const FLAGS_AT = 28;
export const USER_DATA_AT = 32;
/** `IORING_OP_SEND`, in the byte at 0. */
export const SEND_OPERATION = 26;

/** Size of a `struct io_uring_cqe`: the user data, 8 bytes, then the result. */
export const COMPLETION_BYTES = 16;
export const RESULT_AT = 8;
