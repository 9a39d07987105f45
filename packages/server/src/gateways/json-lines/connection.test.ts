import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { loadConfig } from '@confab/config';
import { WireStats } from '../../stats.ts';
import { DirectWriter } from '../../streams/direct-writer.ts';
import { FakeCalls } from '../../streams/fake-calls.ts';
import { plainWriter, type StreamWriter } from '../../streams/writer.ts';
import { Tap } from '../../tap.ts';
import { LinesConnection } from './connection.ts';

/** A socket whose peer takes nothing until it is told to, and whose time-outs are in the test's hands. */
class StalledSocket extends Socket {
  readonly timeouts: number[] = [];
  readonly written: string[] = [];
  #taken: (() => void) | undefined;

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.written.push(bytes.toString());
    this.#taken = done;
  }

  override setTimeout(ms: number): this {
    this.timeouts.push(ms);
    return this;
  }

  flow(): void {
    this.#taken?.();
  }
}

function open(writer: StreamWriter = plainWriter) {
  const socket = new StalledSocket();
  const stats = new WireStats();
  const { jsonLines } = loadConfig({}).config;
  const config = { ...jsonLines, stalledTimeoutMs: 1234 };
  const shared = { config, stats, tap: new Tap(), writer, onClosed: () => {} };
  return { socket, stats, connection: new LinesConnection(socket, '127.0.0.1', shared) };
}

test('a connection that has nothing to take has no time-out, and one that has taken all is not closed by it', () => {
  const { socket, stats, connection } = open();
  assert.deepEqual(socket.timeouts, []);
  connection.send('one');
  connection.send('two');
  assert.deepEqual(socket.timeouts, [1234]);
  socket.flow();
  socket.flow();
  assert.equal(socket.writableLength, 0);
  socket.emit('timeout');
  assert.deepEqual([socket.destroyed, socket.timeouts, stats.drops.unsent], [false, [1234, 0], 0]);
});

test('a peer that takes nothing in time is let go, also after it was quiet before', () => {
  const { socket, stats, connection } = open();
  connection.send('one');
  socket.flow();
  socket.emit('timeout');
  connection.send('two');
  socket.emit('timeout');
  assert.deepEqual([socket.destroyed, stats.drops.unsent], [true, 1]);
});

test('a farewell to a peer that has gone waits for nothing', async (context) => {
  const { socket, connection } = open();
  socket.destroy();
  await once(socket, 'close');
  const setTimeout = context.mock.method(globalThis, 'setTimeout');
  connection.end('goodbye');
  await connection.finish(1000);
  assert.equal(setTimeout.mock.callCount(), 0);
});

test('a line that has begun ends before the connection does', () => {
  const calls = new FakeCalls({ hasRing: true });
  const writer = new DirectWriter(calls, () => 7);
  const { socket, connection } = open(writer);
  const line = Buffer.from('a line\n');
  calls.answers.push(2);
  writer.gathering(() => {
    writer.gather(line, 1, {
      fellShort: (_index, taken) => connection.writeRest(line.subarray(taken)),
      settled: () => {},
    });
    assert.ok(writer.add(connection.lane));
    connection.end();
    assert.deepEqual([calls.sent, socket.written], [[{ descriptor: 7, bytes: 'a ' }], ['line\n']]);
  });
  socket.destroy();
});
