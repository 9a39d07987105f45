/**
 * The shape every error of Confab has: a stable `code` to match on, a sentence for people, and the cause if there is one.
 * Codes are listed once, in docs/errors.md.
 */
export class ChatError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What a codec can find wrong with bytes, or with a value it is asked to encode. */
export type CodecErrorCode =
  /** The input ends before the unit does. */
  | 'CODEC_TRUNCATED'
  /** A declared or actual size is above the limit; judged before anything is buffered for it. */
  | 'CODEC_TOO_LARGE'
  /** A field has a value the protocol does not know. */
  | 'CODEC_INVALID_FIELD'
  /** Text is not well-formed UTF-8 (or, to encode, holds a lone surrogate). */
  | 'CODEC_INVALID_UTF8'
  /** A JSON payload does not parse or has another shape than the protocol's. */
  | 'CODEC_INVALID_JSON';

/** Bytes that are not what the protocol says, and where decoding stopped. */
export class CodecError extends ChatError<CodecErrorCode> {
  /** Offset of the first byte that was not understood, from the start of the unit (frame or datagram). */
  readonly offset: number;

  constructor(code: CodecErrorCode, message: string, offset: number, options?: ErrorOptions) {
    super(code, message, options);
    this.offset = offset;
  }
}
