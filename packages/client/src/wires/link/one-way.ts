import { nodeLinkCrypto } from '@confab/link';
import { encodeControl, FrameStreamDecoder, FrameWriter, PacketProtection } from '@confab/wire/link';
import type { Dialled } from './dial.ts';

/** Packets that are sent, evenly over the time there is: some may be lost for other reasons. */
const TRIES = 5;
const PACKET_BYTES = 64;

/**
 * Whether datagrams reach the server, even where its own do not come back: a request goes out in packets only, and a server
 * that has not seen UDP work both ways answers it on the connection. The connection is used up by this.
 */
export async function reachesServer(
  { socket, welcome, exporters, early }: Dialled,
  sendDatagram: (bytes: Uint8Array) => void,
  timeoutMs: number,
): Promise<boolean> {
  const protection = new PacketProtection({
    role: 'client',
    crypto: nodeLinkCrypto,
    datagramSecret: exporters.datagrams,
    connectionId: welcome.connectionId,
  });
  const decoder = new FrameStreamDecoder();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const hear = (bytes: Uint8Array): void => {
    const { frames, error } = decoder.push(bytes);
    if (frames.some((frame) => frame.type === 'record' && frame.channel === 0)) resolve(true);
    else if (error !== undefined) resolve(false);
  };
  hear(early);
  socket.on('data', hear);
  socket.resume();
  socket.once('close', () => resolve(false));
  // No room is on the control channel: the answer is a short no.
  const request = encodeControl({ type: 'leave', request: 1, channel: 0 });
  const send = (): void => {
    const frames = new Uint8Array(PACKET_BYTES);
    const writer = new FrameWriter(true);
    writer.begin(frames);
    writer.record(0, 1, request);
    sendDatagram(protection.seal(frames.subarray(0, writer.finish()), -1));
  };
  send();
  const again = setInterval(send, timeoutMs / TRIES);
  const timer = setTimeout(() => resolve(false), timeoutMs);
  try {
    return await promise;
  } finally {
    clearInterval(again);
    clearTimeout(timer);
    socket.off('data', hear);
  }
}
