import type { Decoded, StreamDecoder } from '../codec.ts';
import { JSON_LINE_BYTES_MAX } from './limits.ts';
import { type JsonLine, JsonLineDecoder, type JsonLineDecoderOptions } from './line-decoder.ts';
import { takePlainMessages } from './plain-message.ts';

/** Lines as a server reads them: plain messages by the run, the others one by one, all in the order in which they came. */
export type JsonRequestLine =
  | JsonLine
  | {
      readonly kind: 'messages';
      /** What was said in each of them, UTF-8. Views of the chunk they came in. */
      readonly bodies: readonly Uint8Array[];
    };

const LINE_FEED = 0x0a;

/**
 * A stream of requests to lines, as {@link JsonLineDecoder}, and the plain messages at the beginning of a chunk (most of what
 * a busy server is sent) to their texts: `decodeJsonRequest` would say the same of each of these lines.
 */
export class JsonRequestDecoder implements StreamDecoder<JsonRequestLine> {
  readonly #lineBytesMax: number;
  readonly #lines: JsonLineDecoder;

  /** @throws {RangeError} `lineBytesMax` is no whole number above 0 */
  constructor(options: JsonLineDecoderOptions = {}) {
    this.#lineBytesMax = options.lineBytesMax ?? JSON_LINE_BYTES_MAX;
    this.#lines = new JsonLineDecoder(options);
  }

  /** Bytes held for an unfinished line; never above `lineBytesMax`. */
  get bufferedBytes(): number {
    return this.#lines.bufferedBytes;
  }

  push(chunk: Uint8Array): Decoded<JsonRequestLine> {
    const frames: JsonRequestLine[] = [];
    let start = 0;
    if (this.#lines.isWithinLine) {
      start = chunk.indexOf(LINE_FEED) + 1;
      if (start === 0) return this.#lines.push(chunk);
      frames.push(...this.#lines.push(chunk.subarray(0, start)).frames);
    }
    const bodies: Uint8Array[] = [];
    const end = takePlainMessages(chunk, start, bodies, this.#lineBytesMax);
    if (bodies.length > 0) frames.push({ kind: 'messages', bodies });
    if (end < chunk.length) frames.push(...this.#lines.push(end === 0 ? chunk : chunk.subarray(end)).frames);
    return { frames };
  }

  /** As {@link JsonLineDecoder.end}. */
  end(): Decoded<JsonRequestLine> {
    return this.#lines.end();
  }
}
