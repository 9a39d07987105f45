import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Server, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { loadDirectWriting } from './calls.ts';
import { DIRECT_BYTES_MAX, DirectWriter } from './direct-writer.ts';
import { FakeCalls } from './fake-calls.ts';
import { NO_DESCRIPTOR } from './writer.ts';

/** A socket that goes nowhere and takes nothing by itself: what is written to it waits. */
class StuckSocket extends Socket {
  readonly taken: string[] = [];
  #done: (() => void) | undefined;

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(bytes.toString());
    this.#done = done;
  }

  override _final(): void {}

  flow(): void {
    this.#done?.();
  }
}

const bytesOf = (text: string): Buffer => Buffer.from(text);

test('what is written goes out by one call, also when it is the same for several sockets', () => {
  const calls = new FakeCalls();
  const writer = new DirectWriter(calls);
  const bytes = bytesOf('hello');
  const [first, second] = [new StuckSocket(), new StuckSocket()];
  assert.equal(writer.write(first, 7, bytes), true);
  assert.equal(writer.write(second, 8, bytes), true);
  assert.equal(writer.write(second, 8, bytesOf('hi')), true);
  assert.deepEqual(calls.sent, [
    { descriptor: 7, bytes: 'hello' },
    { descriptor: 8, bytes: 'hello' },
    { descriptor: 8, bytes: 'hi' },
  ]);
  assert.deepEqual([...first.taken, ...second.taken], []);
});

test('what the system does not take goes through the socket, and all behind it until the socket is empty', () => {
  const calls = new FakeCalls();
  const writer = new DirectWriter(calls);
  const socket = new StuckSocket();
  calls.answers.push(2, -1);
  writer.write(socket, 7, bytesOf('hello'));
  writer.write(socket, 7, bytesOf('you'));
  assert.deepEqual(calls.sent, [{ descriptor: 7, bytes: 'he' }]);
  socket.flow();
  assert.deepEqual(socket.taken, ['llo', 'you']);
  assert.equal(socket.writableLength, 3, 'the second one is on its way');
  socket.flow();
  writer.write(socket, 7, bytesOf('all'));
  assert.deepEqual(socket.taken, ['llo', 'you', 'all'], 'the system took none of it');
  socket.flow();
  writer.write(socket, 7, bytesOf('free'));
  assert.deepEqual(calls.sent.at(-1), { descriptor: 7, bytes: 'free' });
});

test('a socket that is corked, ended or destroyed, or has no descriptor, is never written to directly', () => {
  const calls = new FakeCalls();
  const writer = new DirectWriter(calls);
  const corked = new StuckSocket();
  corked.cork();
  writer.write(corked, 7, bytesOf('a'));
  const ended = new StuckSocket().on('error', () => {});
  ended.end();
  writer.write(ended, 8, bytesOf('b'));
  const destroyed = new StuckSocket().on('error', () => {});
  destroyed.destroy();
  writer.write(destroyed, 9, bytesOf('c'));
  writer.write(new StuckSocket(), NO_DESCRIPTOR, bytesOf('d'));
  assert.deepEqual(calls.sent, []);
});

test('more than the writer has room for goes through the socket, to the last byte that it has room for directly', () => {
  const calls = new FakeCalls();
  const writer = new DirectWriter(calls);
  const socket = new StuckSocket();
  assert.equal(writer.write(socket, 7, Buffer.alloc(DIRECT_BYTES_MAX, 'x')), true);
  assert.equal(calls.sent[0]?.bytes.length, DIRECT_BYTES_MAX);
  writer.write(socket, 7, Buffer.alloc(DIRECT_BYTES_MAX + 1, 'x'));
  assert.equal(calls.sent.length, 1);
  assert.equal(socket.taken[0]?.length, DIRECT_BYTES_MAX + 1);
});

async function pairOn(context: TestContext, host: string): Promise<[near: Socket, far: Socket]> {
  const server: Server = createServer().listen(0, host);
  context.after(() => server.close());
  await once(server, 'listening');
  const address = server.address() as { port: number };
  const far = createConnection({ port: address.port, host });
  const [near] = (await once(server, 'connection')) as [Socket];
  context.after(() => near.destroy());
  context.after(() => far.destroy());
  return [near, far];
}

for (const host of ['127.0.0.1', '::1']) {
  test(`over a real connection to ${host}, all arrives in order, through whichever way it went`, async (context) => {
    const { calls } = loadDirectWriting('auto');
    if (calls === undefined) return context.skip('no direct writes here');
    const writer = new DirectWriter(calls);
    const [near, far] = await pairOn(context, host);
    const descriptor = writer.descriptorOf(near);
    assert.notEqual(descriptor, NO_DESCRIPTOR);
    // The peer does not read until the socket is full: some of this goes directly, a part of one write, the rest waits.
    far.pause();
    const expected: string[] = [];
    let isFull = false;
    for (let index = 0; index < 1000 && !isFull; index += 1) {
      const text = `${index} ${'x'.repeat(50_000)}\n`;
      expected.push(text);
      isFull = !writer.write(near, descriptor, bytesOf(text));
    }
    assert.ok(isFull, 'the system has room without end');
    writer.write(near, descriptor, bytesOf('last'));
    near.end();
    const chunks: Buffer[] = [];
    for await (const chunk of far) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString(), `${expected.join('')}last`);
  });
}

test('a peer that is gone costs its own connection an error and nobody else anything', async (context) => {
  const { calls } = loadDirectWriting('auto');
  if (calls === undefined) return context.skip('no direct writes here');
  const writer = new DirectWriter(calls);
  const [near, far] = await pairOn(context, '127.0.0.1');
  const descriptor = writer.descriptorOf(near);
  far.resetAndDestroy();
  near.on('error', () => {});
  const closed = new Promise((resolve) => near.once('close', resolve));
  while (!near.destroyed) {
    writer.write(near, descriptor, bytesOf('anybody there?'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.equal(writer.descriptorOf(near), NO_DESCRIPTOR, 'its number may be another file’s by now');
});
