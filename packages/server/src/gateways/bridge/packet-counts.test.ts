import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { PacketCounts } from './packet-counts.ts';

const limits = { packetsMax: 3, banMs: 1000, addressesMax: 4 };

test('as many packets as are allowed are looked at, the next one and all during the ban are not', () => {
  const counts = new PacketCounts(limits);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((nowMs) => counts.take(nowMs, 'a')),
    [true, true, true, false, false],
  );
  assert.equal(counts.isBanned(1002, 'a'), true);
  // The ban began with the fourth packet; the fifth did not lengthen it.
  assert.equal(counts.isBanned(1003, 'a'), false);
  assert.equal(counts.take(1003, 'a'), true);
});

test('a chat begins the count anew', () => {
  const counts = new PacketCounts(limits);
  for (let packet = 0; packet < 3; packet += 1) counts.take(0, 'a');
  counts.clear('a');
  assert.deepEqual(
    [1, 2, 3, 4].map(() => counts.take(0, 'a')),
    [true, true, true, false],
  );
  counts.clear('unheard of');
});

test('packets are forgotten after as long a silence as a ban takes', () => {
  const counts = new PacketCounts(limits);
  for (let packet = 0; packet < 3; packet += 1) counts.take(0, 'a');
  assert.equal(counts.take(1000, 'a'), true);
});

test('an address is sent three times what came from it, and no more', () => {
  const counts = new PacketCounts(limits);
  assert.equal(counts.mayAnswer('a', 1), false);
  counts.take(0, 'a', 10);
  assert.equal(counts.mayAnswer('a', 31), false);
  assert.equal(counts.mayAnswer('a', 20), true);
  assert.equal(counts.mayAnswer('a', 11), false);
  counts.clear('a');
  assert.equal(counts.mayAnswer('a', 10), true);
  assert.equal(counts.mayAnswer('a', 1), false);
});

test('a full table forgets the address that was silent longest, however many there are', () => {
  const counts = new PacketCounts(limits);
  for (let packet = 0; packet < 4; packet += 1) counts.take(0, 'banned');
  for (let address = 0; address < 3; address += 1) counts.take(1, `forged ${address}`);
  assert.equal(counts.isBanned(1, 'banned'), true);
  counts.take(2, 'one more');
  assert.equal(counts.isBanned(2, 'banned'), false);
  for (let address = 0; address < 1000; address += 1) counts.take(3, `forged ${address}`);
  assert.equal(counts.size, 4);
});

test('in any order of packets, chats and time, no address has more than is allowed in the time of a ban', () => {
  const steps = fc.array(
    fc.record({
      waitMs: fc.integer({ min: 0, max: 700 }),
      address: fc.constantFrom('a', 'b'),
      isChat: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const counts = new PacketCounts(limits);
      const model = new Map<string, { packets: number; atMs: number }>();
      let nowMs = 0;
      for (const { waitMs, address, isChat } of list) {
        nowMs += waitMs;
        let known = model.get(address);
        if (known !== undefined && nowMs - known.atMs >= limits.banMs) known = undefined;
        known ??= { packets: 0, atMs: nowMs };
        model.set(address, known);
        if (isChat && known.packets <= limits.packetsMax) {
          known.packets = 0;
          counts.clear(address);
          continue;
        }
        const isExpected = known.packets < limits.packetsMax;
        if (known.packets <= limits.packetsMax) {
          known.packets += 1;
          known.atMs = nowMs;
        }
        assert.equal(counts.take(nowMs, address), isExpected);
        assert.equal(counts.isBanned(nowMs, address), known.packets > limits.packetsMax);
      }
    }),
    { numRuns: propertyRuns() },
  );
});
