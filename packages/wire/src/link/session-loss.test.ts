import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair } from '@confab/testing/link-pair';

const body = (number: number, bytes = 100): Uint8Array => new Uint8Array(bytes).fill(number % 251);
const COPIES_OFF = { copyShareMin: 0, copyRecordBytesMax: 0 };

describe('a burst on datagrams', () => {
  it('are copied where they are few, and not where more than eight go at once', () => {
    const copiesOf = (count: number): number => {
      const pair = new LinkPair({ tuning: { copyShareMin: 1 } }).start();
      const bodies = Array.from({ length: count }, (_, index) => body(index, 50));
      const before = pair.client.session.readout.copies;
      assert.equal(pair.client.session.sendAll(1, bodies), false);
      pair.client.flush();
      pair.pass(500);
      assert.deepEqual(pair.bodies('server'), bodies);
      return pair.client.session.readout.copies - before;
    };
    assert.ok(copiesOf(8) >= 8);
    assert.equal(copiesOf(9), 0);
  });
});

describe('records on datagrams', () => {
  it('survive the loss of an acknowledgement, and come once', () => {
    const pair = new LinkPair({ tuning: COPIES_OFF }).start();
    pair.send('client', body(1));
    pair.pass(21);
    // The record is there; its acknowledgement and all after it are lost for a while.
    pair.wire.down.faults.isBlocked = true;
    pair.pass(60);
    pair.wire.down.faults.isBlocked = false;
    pair.pass(500);
    assert.deepEqual(pair.bodies('server'), [body(1)]);
    assert.deepEqual(
      pair.events.client.filter(({ event }) => event.type === 'held' && event.channel === 1).map(({ event }) => event),
      [{ type: 'held', channel: 1, next: 2 }],
    );
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
  });

  it('come a probe timeout later when the last of them is lost', () => {
    const pair = new LinkPair({ tuning: COPIES_OFF }).start();
    for (let number = 0; number < 5; number += 1) {
      pair.send('client', body(number));
      pair.pass(50);
    }
    pair.wire.up.faults.loss = 1;
    const sentMs = pair.network.nowMs;
    pair.send('client', body(5));
    pair.wire.up.faults.loss = 0;
    pair.pass(1_000);
    const last = pair.events.server.findLast(({ event }) => event.type === 'record');
    assert.equal(pair.bodies('server').length, 6);
    assert.ok(last!.atMs - sentMs <= 90, `${last!.atMs - sentMs} ms`);
  });

  it('come in time through their copies, without a round trip', () => {
    const pair = new LinkPair({ tuning: { copyShareMin: 1 } }).start();
    pair.wire.up.faults.loss = 1;
    const sentMs = pair.network.nowMs;
    pair.send('client', body(1));
    pair.wire.up.faults.loss = 0;
    pair.pass(40);
    const last = pair.events.server.findLast(({ event }) => event.type === 'record');
    assert.ok(last !== undefined && last.atMs - sentMs <= 33, 'a quarter of the round trip and one way');
  });

  it('go on after a black hole swallows large packets', () => {
    const pair = new LinkPair({ datagramBytesMax: 9_000 }).start();
    for (let number = 0; number < 60; number += 1) pair.send('client', body(number, 3_000));
    pair.pass(3_000);
    assert.equal(pair.client.session.readout.mtuBytes, 9_000);
    pair.wire.up.faults.mtuBytes = 1_300;
    for (let number = 60; number < 80; number += 1) pair.send('client', body(number, 3_000));
    pair.pass(10_000);
    assert.deepEqual(
      pair.bodies('server'),
      Array.from({ length: 80 }, (_, number) => body(number, 3_000)),
    );
    pair.send('client', body(80, 3_000));
    pair.pass(10_000);
    assert.equal(pair.bodies('server').length, 81);
  });

  it('go on while the keys are updated, with packets of the old ones in flight', () => {
    const pair = new LinkPair({
      tuning: { keyPackets: 50 },
      faults: { up: { jitterMs: 40, loss: 0.05 }, down: { jitterMs: 40, loss: 0.05 } },
    }).start();
    for (let number = 0; number < 600; number += 1)
      pair.network.after(number * 10, () => {
        pair.send('client', body(number));
        pair.send('server', body(number));
      });
    pair.pass(12_000);
    for (const side of ['client', 'server'] as const) {
      assert.equal(pair.bodies(side).length, 600);
      assert.deepEqual(pair.moves(side), ['udp: proved']);
      assert.equal(pair[side].session.readout.dropped.unauthentic, 0);
    }
  });

  it('of one channel wait for no gap in another', () => {
    const pair = new LinkPair({ tuning: COPIES_OFF }).start();
    pair.open(2);
    pair.wire.up.faults.loss = 1;
    pair.send('client', body(1), 1);
    pair.wire.up.faults.loss = 0;
    pair.send('client', body(2), 2);
    pair.send('client', body(3), 1);
    pair.pass(25);
    assert.deepEqual(pair.bodies('server', 2), [body(2)]);
    assert.deepEqual(pair.bodies('server', 1), []);
    pair.pass(500);
    assert.deepEqual(pair.bodies('server', 1), [body(1), body(3)]);
  });

  it('fill a narrow line without copies in the way and without collapse', (t) => {
    const goodput = (tuning: object): number => {
      const line = { bytesPerMs: 32, queueBytesMax: 8_000 };
      const pair = new LinkPair({ faults: { up: line, down: line }, tuning }).start();
      let waiting = 0;
      const fill = (): void => {
        while (!pair.client.session.send(1, body(waiting, 300)).isFull) waiting += 1;
        pair.client.flush();
      };
      pair.onEvent = (side, event) => {
        if (side === 'client' && event.type === 'drained') pair.network.after(0, fill);
      };
      fill();
      pair.pass(5_000);
      const before = pair.bodies('server').length;
      pair.pass(20_000);
      return ((pair.bodies('server').length - before) * 300) / 20_000;
    };
    const without = goodput({ copyShareMin: 0, copyRecordBytesMax: 0 });
    const withCopies = goodput({});
    t.diagnostic(`of 32 bytes a ms: ${withCopies.toFixed(1)} with copies, ${without.toFixed(1)} without`);
    assert.ok(withCopies >= 0.9 * without);
    assert.ok(withCopies >= 0.8 * 32);
  });
});
