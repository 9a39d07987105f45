import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCalls } from './fake-calls.ts';
import { BatchReceiver } from './receiver.ts';
import { socketAddressOf } from './socket-address.ts';
import { SourceCache } from './source-cache.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const turn = () => new Promise(setImmediate);

function open(descriptor: () => number | undefined = () => 7) {
  const calls = new FakeCalls();
  const heard: string[] = [];
  const receiver = new BatchReceiver({
    calls,
    descriptor,
    onDatagram: (datagram, { key }) => void heard.push(`${key} ${Buffer.from(datagram)}`),
  });
  const incoming = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      calls.incoming.push({ address: [192, 0, 2, 1], port: 1000 + index, bytes: bytes(`message ${index}`) });
    }
  };
  return { calls, heard, receiver, incoming };
}

test('where datagrams come one by one, no call is made in vain', async () => {
  const { calls, heard, receiver } = open();
  for (const text of ['a', 'b', 'c']) {
    receiver.take(bytes(text), '192.0.2.1', 5);
    await turn();
  }
  assert.deepEqual([heard, calls.receives], [['192.0.2.1|5 a', '192.0.2.1|5 b', '192.0.2.1|5 c'], 0]);
});

test('what stands behind the second one is read with it, in order and with its source', () => {
  const { calls, heard, receiver, incoming } = open();
  incoming(2);
  receiver.take(bytes('a'), '::ffff:192.0.2.9', 5);
  receiver.take(bytes('b'), '192.0.2.9', 5);
  assert.deepEqual(heard, ['192.0.2.9|5 a', '192.0.2.9|5 b', '192.0.2.1|1000 message 0', '192.0.2.1|1001 message 1']);
  assert.equal(calls.receives, 1);
});

test('a turn reads no more than its share, and the next one goes on', async () => {
  const { calls, heard, receiver, incoming } = open();
  incoming(1000);
  for (let index = 0; index < 32; index += 1) receiver.take(bytes('x'), '192.0.2.9', 5);
  assert.equal(heard.length, 32 + 256);
  await turn();
  receiver.take(bytes('x'), '192.0.2.9', 5);
  assert.equal(heard.length, 32 + 256 + 1 + 64);
  assert.equal(calls.incoming.length, 1000 - 256 - 64);
});

test('a datagram of the largest size comes whole, and a short one after it alone', () => {
  const { calls, receiver } = open();
  const sizes: number[] = [];
  const whole = new Uint8Array(65_507).fill(1);
  const sized = new BatchReceiver({
    calls,
    descriptor: () => 7,
    onDatagram: (datagram) => sizes.push(datagram.length),
  });
  assert.ok(receiver !== sized);
  for (const datagram of [whole, bytes('ab'), new Uint8Array(0)]) {
    calls.incoming.push({ address: [127, 0, 0, 1], port: 1, bytes: datagram });
  }
  sized.take(bytes('x'), '127.0.0.1', 1);
  sized.take(bytes('x'), '127.0.0.1', 1);
  assert.deepEqual(sizes, [1, 1, 65_507, 2, 0]);
});

test('a closed socket is not read', () => {
  const { calls, receiver, incoming } = open(() => undefined);
  incoming(1);
  for (const text of ['a', 'b']) receiver.take(bytes(text), '192.0.2.9', 5);
  assert.equal(calls.receives, 0);
});

test('sources are remembered, and no more of them than the bound', () => {
  const sources = new SourceCache(3);
  const source = (port: number, address = '255.128.2.1') => {
    const [portWord, addressWord] = socketAddressOf(address, port);
    return sources.get(portWord!, addressWord!);
  };
  assert.equal(source(65_535).key, '255.128.2.1|65535');
  assert.equal(source(65_535), source(65_535));
  assert.notEqual(source(1, '1.0.0.0'), source(1, '2.0.0.0'));
  const first = source(65_535);
  for (let port = 2; port < 100; port += 1) source(port);
  assert.equal(sources.size, 3);
  assert.notEqual(source(65_535), first);
  assert.deepEqual([first.ip, first.port, first.target.address], ['255.128.2.1', 65_535, '255.128.2.1']);
});
