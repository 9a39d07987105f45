import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Server, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { loadDirectWriting } from './calls.ts';
import { DIRECT_BYTES_MAX, DirectWriter } from './direct-writer.ts';
import { FakeCalls } from './fake-calls.ts';
import { RING_ENTRIES } from './ring-calls.ts';
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

/** Write to all of them together, as a delivery does. @returns whether each has room for more */
function writeAll(writer: DirectWriter, sockets: readonly Socket[], bytes: Buffer, firstDescriptor = 10): boolean[] {
  const isGathering = writer.gather(bytes, sockets.length);
  if (isGathering) for (const [index, socket] of sockets.entries()) writer.expect(socket, firstDescriptor + index);
  const answers = sockets.map((socket, index) => writer.write(socket, firstDescriptor + index, bytes));
  if (isGathering) writer.settle();
  return answers;
}

const sockets = (count: number): StuckSocket[] => Array.from({ length: count }, () => new StuckSocket());

test('what goes to many goes out by one call where there is a ring, from wherever the ring is', () => {
  for (const firstSlot of [0, 250, 2 ** 32 - 3]) {
    const calls = new FakeCalls({ hasRing: true, firstSlot });
    const writer = new DirectWriter(calls);
    const all = sockets(5);
    for (const text of ['hello', 'you']) {
      assert.deepEqual(writeAll(writer, all, bytesOf(text)), [true, true, true, true, true]);
      const expected = all.map((_, index) => ({ descriptor: 10 + index, bytes: text }));
      assert.deepEqual(calls.sent.splice(0), expected);
    }
    assert.deepEqual(calls.entered, [
      [5, 0],
      [5, 0],
    ]);
  }
});

test('more than the ring has room for goes out by several calls, to each once', () => {
  const calls = new FakeCalls({ hasRing: true });
  const writer = new DirectWriter(calls);
  const all = sockets(RING_ENTRIES + 7);
  assert.ok(writeAll(writer, all, bytesOf('hello')).every((hasRoom) => hasRoom));
  assert.deepEqual(calls.entered, [
    [RING_ENTRIES, 0],
    [7, 0],
  ]);
  assert.deepEqual(
    calls.sent.map(({ descriptor }) => descriptor),
    all.map((_, index) => 10 + index),
  );
});

test('of those that the ring wrote to, who takes only a part gets the rest through its socket, and nobody else waits', () => {
  const calls = new FakeCalls({ hasRing: true });
  const writer = new DirectWriter(calls);
  const all = sockets(4);
  calls.answers.push(5, 2, -11, 5);
  writeAll(writer, all, bytesOf('hello'));
  assert.deepEqual(
    all.map(({ taken }) => taken),
    [[], ['llo'], ['hello'], []],
  );
  // Those two still wait: what is written to them goes behind.
  writeAll(writer, all, bytesOf('you'));
  assert.deepEqual(calls.entered.at(-1), [2, 0]);
  for (const socket of all) socket.flow();
  assert.deepEqual(
    all.map(({ taken }) => taken),
    [[], ['llo', 'you'], ['hello', 'you'], []],
  );
});

test('what the ring does not take goes out one by one, and nothing of it later', () => {
  const calls = new FakeCalls({ hasRing: true });
  const writer = new DirectWriter(calls);
  const all = sockets(4);
  calls.entriesTaken.push(2);
  writeAll(writer, all, bytesOf('hello'));
  assert.deepEqual(
    all.map(({ taken }) => taken),
    [[], [], ['hello'], ['hello']],
  );
  calls.entriesTaken.push(-1);
  const others = sockets(3);
  writeAll(writer, others, bytesOf('you'), 20);
  assert.deepEqual(
    others.map(({ taken }) => taken),
    [['you'], ['you'], ['you']],
  );
  const last = sockets(3);
  writeAll(writer, last, bytesOf('all'), 30);
  assert.deepEqual(
    calls.sent.map(({ descriptor }) => descriptor),
    [10, 11, 30, 31, 32],
  );
});

test('results that are late are waited for', () => {
  const calls = new FakeCalls({ hasRing: true });
  const writer = new DirectWriter(calls);
  const all = sockets(4);
  calls.resultsLate.push(3);
  assert.deepEqual(writeAll(writer, all, bytesOf('hello')), [true, true, true, true]);
  assert.deepEqual(calls.entered, [
    [4, 0],
    [0, 3],
  ]);
  assert.deepEqual(
    all.flatMap(({ taken }) => taken),
    [],
  );
});

test('what else is written while many are written to goes behind what they expect, once', () => {
  const calls = new FakeCalls({ hasRing: true });
  const writer = new DirectWriter(calls);
  const [first, second, third] = sockets(3) as [StuckSocket, StuckSocket, StuckSocket];
  const bytes = bytesOf('hello');
  assert.ok(writer.gather(bytes, 3));
  for (const [index, socket] of [first, second, third].entries()) writer.expect(socket, 10 + index);
  writer.write(third, 12, bytesOf('you'));
  assert.equal(writer.gather(bytesOf('others'), 3), false, 'one delivery at a time');
  writer.write(first, 10, bytes);
  // The second one has left meanwhile, and is not written to any more.
  writer.write(third, 12, bytes);
  writer.settle();
  writer.write(second, 11, bytes);
  assert.deepEqual(
    calls.sent.map(({ descriptor, bytes: text }) => `${descriptor} ${text}`),
    ['10 hello', '11 hello', '12 hello', '12 you', '11 hello'],
  );
});

test('few, and what is too long, are not gathered', () => {
  const writer = new DirectWriter(new FakeCalls({ hasRing: true }));
  assert.equal(writer.gather(bytesOf('hello'), 2), false);
  assert.equal(writer.gather(Buffer.alloc(DIRECT_BYTES_MAX + 1), 100), false);
  assert.equal(new DirectWriter(new FakeCalls()).gather(bytesOf('hello'), 100), false, 'without a ring');
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

test('over real connections a ring brings everybody everything in order, also who does not read for a while', async (context) => {
  const { calls } = loadDirectWriting('auto');
  if (calls?.ring === undefined) return context.skip('no ring here');
  const writer = new DirectWriter(calls);
  const pairs = await Promise.all(Array.from({ length: 20 }, () => pairOn(context, '127.0.0.1')));
  const descriptors = pairs.map(([near]) => writer.descriptorOf(near));
  const heard = pairs.map(([, far], index) => {
    const chunks: Buffer[] = [];
    if (index % 4 === 0) far.pause();
    far.on('data', (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  const expected: string[] = [];
  let isFull = false;
  for (let round = 0; round < 1000 && !isFull; round += 1) {
    const bytes = bytesOf(`${round} ${'x'.repeat(40_000)}\n`);
    expected.push(bytes.toString());
    assert.ok(writer.gather(bytes, pairs.length));
    for (const [index, [near]] of pairs.entries()) writer.expect(near, descriptors[index]!);
    for (const [index, [near]] of pairs.entries()) if (!writer.write(near, descriptors[index]!, bytes)) isFull = true;
    writer.settle();
    if (round % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(isFull, 'the system has room without end');
  for (const [index, [near, far]] of pairs.entries()) {
    near.end();
    far.resume();
    await once(far, 'end');
    assert.ok(Buffer.concat(heard[index]!).equals(Buffer.from(expected.join(''))), `connection ${index}`);
  }
});

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
