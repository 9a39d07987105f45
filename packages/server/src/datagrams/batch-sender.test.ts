import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchSender } from './batch-sender.ts';
import { FakeCalls } from './fake-calls.ts';
import type { SingleSender } from './sender.ts';
import { DatagramTarget } from './source.ts';

const target = (port: number, address = '192.0.2.1') => new DatagramTarget(address, port);
const bytes = (text: string) => new TextEncoder().encode(text);

function open(family: 4 | 6 = 4, descriptor: () => number | undefined = () => 7) {
  const calls = new FakeCalls();
  const handed: string[] = [];
  const direct: { -readonly [Key in keyof SingleSender]: SingleSender[Key] } = {
    isWaiting: false,
    queue: ({ port }: DatagramTarget, datagram: Uint8Array) => void handed.push(`${port} ${Buffer.from(datagram)}`),
    flush: () => {},
    close: async () => {},
  };
  let unsent = 0;
  const onUnsent = (): void => {
    unsent += 1;
  };
  const sender = new BatchSender({ calls, family, descriptor, direct, onUnsent });
  const said = () => calls.sent.map(({ bytes: hex }) => Buffer.from(hex, 'hex').toString());
  return { calls, handed, direct, sender, said, unsent: () => unsent };
}

test('a turn goes out at its end, in one call, each datagram to its target', async () => {
  const { calls, sender } = open();
  sender.queue(target(9091), bytes('a'));
  sender.queue(target(258, '127.0.0.1'), bytes('bc'));
  assert.deepEqual(calls.sizes, []);
  await new Promise(setImmediate);
  assert.deepEqual(calls.sizes, [2]);
  assert.deepEqual(calls.sent, [
    { name: '02002383c00002010000000000000000', bytes: '61' },
    { name: '020001027f0000010000000000000000', bytes: '6263' },
  ]);
});

test('an IPv6 socket names IPv6 addresses', () => {
  const { calls, sender } = open(6);
  sender.queue(target(9091, '::1'), bytes('a'));
  sender.flush();
  assert.deepEqual(calls.sent, [{ name: `0a00238300000000${'00'.repeat(15)}0100000000`, bytes: '61' }]);
});

test('one datagram for many targets is kept once, and what comes between does not disturb it', () => {
  const { sender, said } = open();
  const [same, other] = [bytes('same'), bytes('other')];
  for (const datagram of [same, same, other, same, same]) sender.queue(target(1), datagram);
  sender.flush();
  assert.deepEqual(said(), ['same', 'same', 'other', 'same', 'same']);
});

test('more than one call holds goes out in several, in order', () => {
  const { calls, sender, said } = open();
  const texts = Array.from({ length: 1000 }, (_, index) => `message ${index}`);
  for (const text of texts) sender.queue(target(1), bytes(text));
  sender.flush();
  assert.deepEqual(said(), texts);
  assert.ok(Math.max(...calls.sizes) <= 128);
  assert.ok(calls.sizes.length <= 8);
});

test('datagrams of the largest size go out, and longer ones cost nobody else anything', () => {
  const { calls, sender, unsent } = open();
  for (const size of [65_507, 65_507, 65_508, 0, 65_507]) sender.queue(target(1), new Uint8Array(size));
  sender.flush();
  assert.deepEqual(
    calls.sent.map((message) => message.bytes.length / 2),
    [65_507, 65_507, 0, 65_507],
  );
  assert.equal(unsent(), 1);
});

test('what the system did not take at once goes out by the next call', () => {
  const { calls, sender, said, handed } = open();
  calls.answers.push(2, 1);
  for (const text of ['a', 'b', 'c', 'd', 'e']) sender.queue(target(1), bytes(text));
  sender.flush();
  assert.deepEqual([said(), calls.sizes, handed], [['a', 'b', 'c', 'd', 'e'], [5, 3, 2], []]);
});

test('a datagram that the system refuses is handed on by itself, and those behind it go out', () => {
  const { calls, sender, said, handed } = open();
  calls.answers.push(1, -1);
  for (const text of ['a', 'b', 'c']) sender.queue(target(1), bytes(text));
  sender.flush();
  assert.deepEqual([said(), handed], [['a', 'c'], ['1 b']]);
});

test('while datagrams wait for room, all that comes goes behind them, in order', () => {
  const { calls, sender, said, handed, direct } = open();
  calls.answers.push(1, -1);
  const { queue } = direct;
  direct.queue = (to, datagram) => {
    queue(to, datagram);
    direct.isWaiting = true;
  };
  for (const text of ['a', 'b', 'c']) sender.queue(target(1), bytes(text));
  sender.flush();
  sender.queue(target(1), bytes('d'));
  sender.flush();
  assert.deepEqual([said(), handed], [['a'], ['1 b', '1 c', '1 d']]);
  direct.isWaiting = false;
  sender.queue(target(1), bytes('e'));
  sender.flush();
  assert.deepEqual([said(), calls.sizes.length], [['a', 'e'], 3]);
});

test('nothing is written to the descriptor of a socket that was closed', () => {
  let descriptor: number | undefined = 7;
  const { calls, sender, handed } = open(4, () => descriptor);
  sender.queue(target(1), bytes('a'));
  descriptor = undefined;
  sender.flush();
  assert.deepEqual([calls.sizes, handed], [[], ['1 a']]);
});

test('addresses of the other family or with a scope are handed on, and port 0 is nobody', () => {
  const { calls, sender, handed, unsent } = open(6);
  sender.queue(target(1, '192.0.2.1'), bytes('a'));
  sender.queue(target(2, 'fe80::1%lo'), bytes('b'));
  sender.queue(target(0, '::1'), bytes('c'));
  sender.flush();
  assert.deepEqual([calls.sizes, handed, unsent()], [[], ['1 a', '2 b'], 1]);
});
