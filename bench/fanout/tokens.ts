import { createConnection } from 'node:net';
import {
  decodeTcrpGrant,
  decodeTcrpVerdict,
  encodeTcrpFrame,
  TcrpAnswerDecoder,
  TcrpOperation,
} from '@confab/wire/tcrp';

/** Create or join a room by TCRP, string dialect, and return the token. */
export async function requestToken(
  port: number,
  operation: 'create' | 'join',
  room: string,
  user: string,
): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  socket.write(
    encodeTcrpFrame({
      layout: 'header32',
      operation: operation === 'create' ? TcrpOperation.CREATE : TcrpOperation.JOIN,
      state: 0,
      room,
      payload: new TextEncoder().encode(JSON.stringify(user)),
    }),
  );
  const decoder = new TcrpAnswerDecoder();
  for await (const chunk of socket) {
    for (const frame of decoder.push(chunk as Uint8Array).frames) {
      if (frame.state === 1 && !decodeTcrpVerdict(frame.payload).accepted) break;
      if (frame.state === 2) return decodeTcrpGrant(frame.payload).token;
    }
  }
  throw new Error(`The server refused to ${operation} room ${room} for ${user}`);
}
