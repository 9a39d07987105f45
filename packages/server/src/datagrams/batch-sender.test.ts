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

test('datagrams of one length for one target are one message, and a shorter one ends it', () => {
  const { calls, sender, said } = open();
  const [ann, bob] = [target(1), target(2)];
  const texts = ['one!', 'two!', 'six', 'ten!', 'twelve'];
  for (const to of [ann, bob]) for (const text of texts) sender.queue(to, bytes(text));
  sender.flush();
  assert.deepEqual(said(), [...texts, ...texts]);
  assert.deepEqual(calls.sizes, [6], 'one! two! six, ten!, twelve, twice');
  assert.deepEqual(
    calls.sent.map(({ name }) => name.slice(4, 8)),
    [...Array(5).fill('0001'), ...Array(5).fill('0002')],
  );
});

test('a burst for many is kept once and goes out whole, in its order, to each', () => {
  const { calls, sender, said } = open();
  const burst = Array.from({ length: 300 }, (_, index) => bytes(String(1000 + index)));
  const everybody = Array.from({ length: 50 }, (_, index) => target(index + 1));
  for (const to of everybody) for (const datagram of burst) sender.queue(to, datagram);
  sender.flush();
  const texts = burst.map((datagram) => Buffer.from(datagram).toString());
  assert.deepEqual(
    said(),
    everybody.flatMap(() => texts),
  );
  assert.deepEqual(
    calls.sizes.reduce((total, size) => total + size),
    50 * Math.ceil(300 / 64),
    'at most 64 datagrams are one message',
  );
});

test('long datagrams, empty ones, and more than a message holds are not put together', () => {
  const { calls, sender } = open();
  const to = target(1);
  const sizes = [1473, 1473, 0, 0, ...Array<number>(60).fill(1472)];
  for (const size of sizes) sender.queue(to, new Uint8Array(size));
  sender.flush();
  assert.deepEqual(
    calls.sent.map((message) => message.bytes.length / 2),
    sizes,
  );
  assert.deepEqual(calls.sizes, [4 + 2], '44 of 1472 bytes are a message, and the other 16');
});

test('a borrowed datagram is copied each time, and goes on by itself as a copy', () => {
  const { calls, sender, said, handed } = open();
  const shared = bytes('a');
  const to = target(1);
  for (const letter of 'abc') {
    shared[0] = letter.charCodeAt(0);
    sender.queue(to, shared, true);
  }
  sender.flush();
  assert.deepEqual(said(), ['a', 'b', 'c']);
  calls.answers.push(-1);
  sender.queue(to, shared, true);
  sender.queue(to, shared, true);
  shared.fill(0);
  sender.flush();
  assert.deepEqual(handed, ['1 c', '1 c']);
});

test('datagrams that are refused together go out one by one, and so do many after them', () => {
  const { calls, sender, said, handed } = open();
  const to = target(1);
  const say = (texts: string): void => {
    for (const text of texts) sender.queue(to, bytes(text));
    sender.flush();
  };
  calls.answers.push(-1);
  say('abc');
  assert.deepEqual([said(), handed], [[], ['1 a', '1 b', '1 c']]);
  say('defg');
  assert.deepEqual(
    [said(), calls.sizes],
    [
      ['d', 'e', 'f', 'g'],
      [1, 4],
    ],
  );
  for (let round = 0; round < 65_536 / 100; round += 1) say('x'.repeat(100));
  calls.sizes.length = 0;
  say('hi');
  assert.deepEqual(calls.sizes, [1], 'then it is tried again');
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
