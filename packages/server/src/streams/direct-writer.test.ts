import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { loadDirectWriting } from './calls.ts';
import { DIRECT_BYTES_MAX, DirectWriter } from './direct-writer.ts';
import { FakeCalls } from './fake-calls.ts';
import { RING_ENTRIES } from './ring-calls.ts';
import { StuckSocket } from './stuck-socket.ts';
import { type Gathered, NO_LANE } from './writer.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text);

/** A writer, and what takes on a socket as one with this descriptor. */
function writerOn(calls: FakeCalls): { writer: DirectWriter; open: (socket: Socket, descriptor: number) => number } {
  let known: number | undefined;
  const writer = new DirectWriter(calls, () => known);
  return {
    writer,
    open: (socket, descriptor) => {
      known = descriptor;
      return writer.open(socket);
    },
  };
}

/** Nobody who hears how it went. */
const nobody: Gathered = { fellShort: () => assert.fail('all is taken'), settled: () => {} };

test('what is written goes out by one call, also when it is the same for several sockets', () => {
  const calls = new FakeCalls();
  const { writer, open } = writerOn(calls);
  const bytes = bytesOf('hello');
  const [first, second] = [new StuckSocket(), new StuckSocket()];
  const [firstLane, secondLane] = [open(first, 7), open(second, 8)];
  assert.equal(writer.write(first, firstLane, bytes), true);
  assert.equal(writer.write(second, secondLane, bytes), true);
  assert.equal(writer.write(second, secondLane, bytesOf('hi')), true);
  assert.deepEqual(calls.sent, [
    { descriptor: 7, bytes: 'hello' },
    { descriptor: 8, bytes: 'hello' },
    { descriptor: 8, bytes: 'hi' },
  ]);
  assert.deepEqual([...first.taken, ...second.taken], []);
});

test('what the system does not take goes through the socket, and all behind it until the socket is empty', () => {
  const calls = new FakeCalls();
  const { writer, open } = writerOn(calls);
  const socket = new StuckSocket();
  const lane = open(socket, 7);
  calls.answers.push(2, -1);
  writer.write(socket, lane, bytesOf('hello'));
  writer.write(socket, lane, bytesOf('you'));
  assert.deepEqual(calls.sent, [{ descriptor: 7, bytes: 'he' }]);
  socket.flow();
  assert.deepEqual(socket.taken, ['llo', 'you']);
  assert.equal(socket.writableLength, 3, 'the second one is on its way');
  socket.flow();
  writer.write(socket, lane, bytesOf('all'));
  assert.deepEqual(socket.taken, ['llo', 'you', 'all'], 'the system took none of it');
  socket.flow();
  writer.write(socket, lane, bytesOf('free'));
  assert.deepEqual(calls.sent.at(-1), { descriptor: 7, bytes: 'free' });
});

test('a socket that is corked, ended or destroyed, or has no descriptor, is never written to directly', () => {
  const calls = new FakeCalls();
  const { writer, open } = writerOn(calls);
  const corked = new StuckSocket();
  const corkedLane = open(corked, 7);
  writer.together(corked, corkedLane, () => {
    writer.write(corked, corkedLane, bytesOf('a'));
    assert.deepEqual([corked.writableLength, corked.taken], [1, []]);
  });
  assert.deepEqual(corked.taken, ['a']);
  const ended = new StuckSocket().on('error', () => {});
  const endedLane = open(ended, 8);
  ended.end();
  writer.write(ended, endedLane, bytesOf('b'));
  const destroyed = new StuckSocket().on('error', () => {});
  const destroyedLane = open(destroyed, 9);
  destroyed.destroy();
  writer.write(destroyed, destroyedLane, bytesOf('c'));
  writer.write(new StuckSocket(), NO_LANE, bytesOf('d'));
  assert.deepEqual(calls.sent, []);
});

test('one for which nothing was written together is written to directly again', () => {
  const calls = new FakeCalls({ hasRing: true });
  const { writer, open } = writerOn(calls);
  const all = sockets(3);
  const lanes = all.map((socket, index) => open(socket, 10 + index));
  writer.together(all[0]!, lanes[0]!, () => {
    assert.ok(writer.gather(bytesOf('now'), 3, nobody));
    assert.deepEqual(
      lanes.map((lane) => writer.add(lane)),
      [false, true, true],
    );
    writer.settle();
  });
  assert.ok(writer.gather(bytesOf('then'), 3, nobody));
  assert.ok(lanes.every((lane) => writer.add(lane)));
  writer.settle();
});

test('more than the writer has room for goes through the socket, to the last byte that it has room for directly', () => {
  const calls = new FakeCalls();
  const { writer, open } = writerOn(calls);
  const socket = new StuckSocket();
  const lane = open(socket, 7);
  assert.equal(writer.write(socket, lane, Buffer.alloc(DIRECT_BYTES_MAX, 'x')), true);
  assert.equal(calls.sent[0]?.bytes.length, DIRECT_BYTES_MAX);
  writer.write(socket, lane, Buffer.alloc(DIRECT_BYTES_MAX + 1, 'x'));
  assert.equal(calls.sent.length, 1);
  assert.equal(socket.taken[0]?.length, DIRECT_BYTES_MAX + 1);
});

/**
 * Write to all of them together, as a delivery does: the rest of what was not taken goes to the socket, and all of it to who
 * cannot be added. @returns who could not
 */
function writeAll(writer: DirectWriter, all: readonly Socket[], lanes: readonly number[], bytes: Buffer): number[] {
  const added: Socket[] = [];
  const gathered: Gathered = {
    fellShort: (index, taken) => added[index]!.write(bytes.subarray(taken)),
    settled: () => {},
  };
  assert.ok(writer.gather(bytes, all.length, gathered));
  const others: number[] = [];
  for (const [index, lane] of lanes.entries()) {
    if (writer.add(lane)) added.push(all[index]!);
    else others.push(index);
  }
  writer.settle();
  for (const index of others) writer.write(all[index]!, lanes[index]!, bytes);
  return others;
}

const sockets = (count: number): StuckSocket[] => Array.from({ length: count }, () => new StuckSocket());

test('what goes to many goes out by one call where there is a ring, from wherever the ring is', () => {
  for (const firstSlot of [0, 250, 2 ** 32 - 3]) {
    const calls = new FakeCalls({ hasRing: true, firstSlot });
    const { writer, open } = writerOn(calls);
    const all = sockets(5);
    const lanes = all.map((socket, index) => open(socket, 10 + index));
    for (const text of ['hello', 'you']) {
      assert.deepEqual(writeAll(writer, all, lanes, bytesOf(text)), []);
      const expected = all.map((_, index) => ({ descriptor: 10 + index, bytes: text }));
      assert.deepEqual(calls.sent.splice(0), expected);
    }
    assert.deepEqual(calls.entered, [
      [5, 0],
      [5, 0],
    ]);
  }
});

test('more than the ring has room for goes out by several calls, to each once, and who took less is known', () => {
  const calls = new FakeCalls({ hasRing: true });
  const { writer, open } = writerOn(calls);
  const all = sockets(RING_ENTRIES + 7);
  const lanes = all.map((socket, index) => open(socket, 10 + index));
  calls.answers.push(5, -11);
  calls.answers[RING_ENTRIES + 3] = 1;
  for (let index = 0; index < calls.answers.length; index += 1) calls.answers[index] ??= 5;
  writeAll(writer, all, lanes, bytesOf('hello'));
  assert.deepEqual(calls.entered, [
    [RING_ENTRIES, 0],
    [7, 0],
  ]);
  assert.deepEqual(
    calls.sent.map(({ descriptor }) => descriptor),
    all.map((_, index) => 10 + index).filter((descriptor) => descriptor !== 11),
  );
  const waiting = [...all.entries()].flatMap(([index, { taken }]) => taken.map((text) => `${index} ${text}`));
  assert.deepEqual(waiting, ['1 hello', `${RING_ENTRIES + 3} ello`]);
});

test('of those that the ring wrote to, who takes only a part gets the rest through its socket, and nobody else waits', () => {
  const calls = new FakeCalls({ hasRing: true });
  const { writer, open } = writerOn(calls);
  const all = sockets(5);
  const lanes = all.map((socket, index) => open(socket, 10 + index));
  calls.answers.push(5, 2, -11, 5, 5);
  writeAll(writer, all, lanes, bytesOf('hello'));
  const taken = () => all.map((socket) => socket.taken);
  assert.deepEqual(taken(), [[], ['llo'], ['hello'], [], []]);
  // Those two still wait: what is written to them goes behind.
  assert.deepEqual(writeAll(writer, all, lanes, bytesOf('you')), [1, 2]);
  assert.deepEqual(calls.entered.at(-1), [3, 0]);
  for (const socket of all) socket.flow();
  assert.deepEqual(taken(), [[], ['llo', 'you'], ['hello', 'you'], [], []]);
});

test('what the ring does not take goes through the sockets, and nothing of it out later', () => {
  const calls = new FakeCalls({ hasRing: true });
  const { writer, open } = writerOn(calls);
  const opened = (firstDescriptor: number, count: number) => {
    const all = sockets(count);
    return { all, lanes: all.map((socket, index) => open(socket, firstDescriptor + index)) };
  };
  const [first, second, third] = [opened(10, 4), opened(20, 3), opened(30, 3)];
  calls.entriesTaken.push(2);
  writeAll(writer, first.all, first.lanes, bytesOf('hello'));
  assert.deepEqual(
    first.all.map(({ taken }) => taken),
    [[], [], ['hello'], ['hello']],
  );
  calls.entriesTaken.push(-1);
  writeAll(writer, second.all, second.lanes, bytesOf('you'));
  assert.deepEqual(
    second.all.map(({ taken }) => taken),
    [['you'], ['you'], ['you']],
  );
  writeAll(writer, third.all, third.lanes, bytesOf('all'));
  assert.deepEqual(
    calls.sent.map(({ descriptor }) => descriptor),
    [10, 11, 30, 31, 32],
  );
});

test('results that are late are waited for', () => {
  const calls = new FakeCalls({ hasRing: true });
  const { writer, open } = writerOn(calls);
  const all = sockets(4);
  const lanes = all.map((socket, index) => open(socket, 10 + index));
  calls.resultsLate.push(3);
  assert.deepEqual(writeAll(writer, all, lanes, bytesOf('hello')), []);
  assert.deepEqual(calls.entered, [
    [4, 0],
    [0, 3],
  ]);
  assert.deepEqual(
    all.flatMap(({ taken }) => taken),
    [],
  );
});

test('few, and what is too long, are not gathered', () => {
  const { writer } = writerOn(new FakeCalls({ hasRing: true }));
  assert.equal(writer.gather(bytesOf('hello'), 2, nobody), false);
  assert.equal(writer.gather(Buffer.alloc(DIRECT_BYTES_MAX + 1), 100, nobody), false);
  assert.equal(new DirectWriter(new FakeCalls()).gather(bytesOf('hello'), 100, nobody), false, 'without a ring');
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
    const lane = writer.open(near);
    assert.notEqual(lane, NO_LANE);
    // The peer does not read until the socket is full: some of this goes directly, a part of one write, the rest waits.
    far.pause();
    const expected: string[] = [];
    let isFull = false;
    for (let index = 0; index < 1000 && !isFull; index += 1) {
      const text = `${index} ${'x'.repeat(50_000)}\n`;
      expected.push(text);
      isFull = !writer.write(near, lane, bytesOf(text));
    }
    assert.ok(isFull, 'the system has room without end');
    writer.write(near, lane, bytesOf('last'));
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
  const lanes = pairs.map(([near]) => writer.open(near));
  const heard = pairs.map(([, far], index) => {
    const chunks: Buffer[] = [];
    if (index % 4 === 0) far.pause();
    far.on('data', (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  const expected: string[][] = pairs.map(() => []);
  let isFull = false;
  for (let round = 0; round < 1000 && !isFull; round += 1) {
    const tell = (from: number, to: number, text: string): void => {
      for (const texts of expected.slice(from, to)) texts.push(text);
      const nears = pairs.slice(from, to).map(([near]) => near);
      writeAll(writer, nears, lanes.slice(from, to), bytesOf(text));
    };
    // Two crowds that have some in common; every other time what goes to them goes out together.
    const tellBoth = (): void => {
      tell(0, 15, `${round} ${'x'.repeat(30_000)}\n`);
      tell(5, 20, `${round} ${'y'.repeat(20_000)}\n`);
    };
    if (round % 2 === 0) writer.gathering(tellBoth);
    else tellBoth();
    isFull = pairs.some(([near]) => near.writableNeedDrain);
    if (round % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(isFull, 'the system has room without end');
  for (const [index, [near, far]] of pairs.entries()) {
    near.end();
    far.resume();
    await once(far, 'end');
    assert.ok(Buffer.concat(heard[index]!).equals(Buffer.from(expected[index]!.join(''))), `connection ${index}`);
  }
});

test('a peer that is gone costs its own connection an error and nobody else anything', async (context) => {
  const { calls } = loadDirectWriting('auto');
  if (calls === undefined) return context.skip('no direct writes here');
  const writer = new DirectWriter(calls);
  const [near, far] = await pairOn(context, '127.0.0.1');
  const lane = writer.open(near);
  far.resetAndDestroy();
  near.on('error', () => {});
  const closed = new Promise((resolve) => near.once('close', resolve));
  while (!near.destroyed) {
    writer.write(near, lane, bytesOf('anybody there?'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.equal(writer.open(near), NO_LANE, 'its number may be another file’s by now');
});
