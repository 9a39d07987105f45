/** What stands for a JSON object in a stream: a line, or a WebSocket frame. */
export interface JsonFraming {
  /** Bytes of the frame of a text of `textBytes` bytes. */
  sizeOf(textBytes: number): number;
  /** Write what stands before such a text, at `at`; returns where the text begins. */
  open(into: Buffer, at: number, textBytes: number): number;
  /** Write what stands behind the text, which ends at `at`; returns where the frame ends. */
  close(into: Buffer, at: number): number;
}

/** One text, framed, in a buffer of its own. */
export function framed(framing: JsonFraming, text: string): Buffer {
  const textBytes = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(framing.sizeOf(textBytes));
  writeFramed(framing, bytes, 0, text, textBytes);
  return bytes;
}

/** Write a text of `textBytes` bytes, framed, at `at`; returns where it ends. */
export function writeFramed(framing: JsonFraming, into: Buffer, at: number, text: string, textBytes: number): number {
  const start = framing.open(into, at, textBytes);
  into.write(text, start);
  return framing.close(into, start + textBytes);
}
