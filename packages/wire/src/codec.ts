import type { CodecError } from './errors.ts';

/** What one `push` gave: the frames that became whole, then the error that ended the stream, if one did. */
export interface Decoded<Frame> {
  readonly frames: readonly Frame[];
  readonly error?: CodecError;
}

/** Byte stream to frames. No socket, timer, clock, randomness or log. */
export interface StreamDecoder<Frame> {
  /** Any split of the stream gives the same frames, then the same error; after an error: close the connection. */
  push(chunk: Uint8Array): Decoded<Frame>;
  /** Bytes held for an unfinished frame; never above the limit the decoder was made with. */
  readonly bufferedBytes: number;
}
