import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { WireStats } from '../../stats.ts';
import { plainWriter } from '../../streams/writer.ts';
import { Tap } from '../../tap.ts';
import { WebSocketConnection } from './connection.ts';

test('a farewell to a peer that has gone waits for nothing', async (context) => {
  const webSocket = new WebSocket('ws://127.0.0.1:1/');
  webSocket.on('error', () => {});
  await new Promise((resolve) => webSocket.once('close', resolve));
  const connection = new WebSocketConnection({
    webSocket,
    socket: new Socket(),
    address: '127.0.0.1',
    peer: '127.0.0.1:1',
    sendBufferBytes: 1000,
    stats: new WireStats(),
    tap: new Tap(),
    writer: plainWriter,
  });
  const setTimeout = context.mock.method(globalThis, 'setTimeout');
  connection.end('goodbye');
  await connection.finish(1000);
  assert.equal(setTimeout.mock.callCount(), 0);
});
