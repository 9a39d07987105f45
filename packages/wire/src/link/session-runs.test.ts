import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair, type LinkPairOptions } from '@confab/testing/link-pair';
import { RecordRun } from './index.ts';

const COUNT = 64;
const bodiesOf = (count: number, bytes = 80) =>
  // The first byte is that of somebody else's event.
  Array.from({ length: count }, (_, index) => new Uint8Array(bytes).fill(2 * (index % 100)).fill(0, 0, 1));

/** Sends run after run from the server, as fast as the window allows, and gives what the client got. */
function exchange(options: LinkPairOptions, runs: number, between: (pair: LinkPair, index: number) => void = () => {}) {
  const pair = new LinkPair(options).start();
  const sent: Uint8Array[] = [];
  let isFull = false;
  pair.onEvent = (side, event) => {
    if (side === 'server' && event.type === 'drained') isFull = false;
  };
  for (let index = 0; index < runs; index += 1) {
    for (let waited = 0; isFull && waited < 1_000; waited += 1) pair.pass(20);
    const bodies = bodiesOf(COUNT);
    isFull = pair.server.session.sendRun(1, RecordRun.of(sent.length + 1, bodies)!);
    pair.server.flush();
    sent.push(...bodies);
    between(pair, index);
    pair.pass(7);
  }
  pair.pass(20_000);
  return { pair, sent, got: pair.bodies('client') };
}

describe('runs of records', () => {
  for (const datagramBytesMax of [1_200, 1_472, 8_192, 65_507]) {
    it(`arrive once and in order with datagrams of ${datagramBytesMax} bytes and a bad network`, () => {
      for (let seed = 1; seed <= 5; seed += 1) {
        const down = { loss: 0.05, reorder: 0.1, duplicate: 0.05, jitterMs: 10 };
        const { sent, got } = exchange({ seed, datagramBytesMax, faults: { down, up: { loss: 0.05 } } }, 40);
        assert.deepEqual(got, sent, `seed ${seed}`);
      }
    });
  }

  it('are one packet where they fit into one, and no more than the records would be where they do not', () => {
    const packetsFor = (datagramBytesMax: number): number => {
      const pair = new LinkPair({ datagramBytesMax }).start();
      // The first runs make the search for larger packets worth while.
      for (let index = 0; index < 10; index += 1) {
        pair.server.session.sendRun(1, RecordRun.of(1 + index * COUNT, bodiesOf(COUNT))!);
        pair.server.flush();
        pair.pass(500);
      }
      const before = pair.server.session.readout.packetsSent;
      pair.server.session.sendRun(1, RecordRun.of(1 + 10 * COUNT, bodiesOf(COUNT))!);
      pair.server.flush();
      pair.pass(500);
      return pair.server.session.readout.packetsSent - before;
    };
    assert.equal(packetsFor(8_192), 1);
    // 64 records of 84 or 85 bytes with their heads: 5.3 KB and more.
    assert.equal(packetsFor(1_200), 5);
  });

  it('go on whole on the connection, from the first record that is not held, when datagrams die in the middle', () => {
    const { pair, sent, got } = exchange({ datagramBytesMax: 1_472 }, 30, (both, index) => {
      if (index !== 10) return;
      both.wire.down.faults.isBlocked = true;
      both.pass(3_000);
    });
    assert.deepEqual(got, sent);
    assert.ok(pair.moves('server').includes('tcp: nothing-acknowledged'));
  });

  it('are made smaller when the path suddenly takes less', () => {
    const { sent, got } = exchange({ datagramBytesMax: 8_192 }, 40, (both, index) => {
      if (index === 20) both.wire.down.faults.mtuBytes = 1_300;
    });
    assert.deepEqual(got, sent);
  });

  it('count as so many records in the window, and as the bytes of their frames', () => {
    const pair = new LinkPair({ limits: { windowRecords: 3 * COUNT, windowBytes: 1_048_576 } }).start();
    pair.wire.down.faults.isBlocked = true;
    const { session } = pair.server;
    const run = (index: number, bytes = 80) => RecordRun.of(1 + index * COUNT, bodiesOf(COUNT, bytes))!;
    assert.deepEqual(
      [0, 1, 2].map((index) => session.sendRun(1, run(index))),
      [false, false, true],
    );
    pair.server.flush();
    pair.pass(100);
    assert.equal(pair.events.server.filter(({ event }) => event.type === 'drained').length, 0);
    pair.wire.down.faults.isBlocked = false;
    pair.pass(2_000);
    assert.equal(pair.events.server.filter(({ event }) => event.type === 'drained').length, 1);
    const small = new LinkPair({ limits: { windowRecords: 10_000, windowBytes: 12_000 } }).start();
    small.wire.down.faults.isBlocked = true;
    assert.deepEqual(
      [0, 1].map((index) => small.server.session.sendRun(1, run(index, 100))),
      [false, true],
    );
  });

  it('begin with the next number, or are refused', () => {
    const pair = new LinkPair().start();
    const { session } = pair.server;
    assert.throws(() => session.sendRun(1, RecordRun.of(2, bodiesOf(COUNT))!), RangeError);
    session.sendRun(1, RecordRun.of(1, bodiesOf(COUNT))!);
    assert.throws(() => session.sendRun(1, RecordRun.of(1, bodiesOf(COUNT))!), RangeError);
    assert.throws(() => session.sendRun(2, RecordRun.of(1, bodiesOf(COUNT))!), RangeError);
  });

  it('get copies like single records where no more than eight are left for a packet, and none where more are', () => {
    const copiesOf = (bytes: number): number => {
      const pair = new LinkPair({ tuning: { copyShareMin: 1 }, datagramBytesMax: 1_200 }).start();
      const before = pair.server.session.readout.copies;
      pair.server.session.sendRun(1, RecordRun.of(1, bodiesOf(12, bytes))!);
      pair.server.flush();
      pair.pass(500);
      assert.equal(pair.bodies('client').length, 12);
      return pair.server.session.readout.copies - before;
    };
    assert.equal(copiesOf(80), 0);
    // Eleven fit into the first packet; the first record of a session that may be copied is, twice.
    assert.equal(copiesOf(100), 2);
  });
});
