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

describe('the search for larger datagrams', () => {
  it('goes no further than those of an Ethernet as long as small ones will do', () => {
    const pair = new LinkPair({ datagramBytesMax: 9_000 }).start(5_000);
    for (let number = 0; number < 50; number += 1) {
      pair.send('client', body(number));
      pair.pass(50);
    }
    assert.equal(pair.client.session.readout.mtuBytes, 1_472);
    assert.equal(pair.server.session.readout.mtuBytes, 1_200, 'it has said nothing yet');
    pair.send('client', body(1, 3_000));
    pair.pass(2_000);
    assert.ok(pair.client.session.readout.mtuBytes > 1_472);
  });

  it('leaves small talk its room when losses have made the window small', () => {
    const lane = { delayMs: 20, mtuBytes: 1_472 };
    for (const seed of [1, 2, 3, 4, 5]) {
      const pair = new LinkPair({ seed, datagramBytesMax: 9_000, faults: { up: lane, down: lane } }).start(200);
      pair.wire.up.faults.loss = 0.3;
      for (let number = 0; number < 40; number += 1) {
        // One of them does not fit into a packet: from now on larger ones would be of use.
        pair.send('client', body(number, number === 10 ? 1_500 : 100));
        pair.pass(10);
      }
      pair.wire.up.faults.loss = 0;
      pair.pass(400);
      for (let number = 0; number < 100; number += 1) {
        const sentMs = pair.network.nowMs;
        pair.send('client', body(number));
        pair.pass(50);
        const last = pair.events.server.findLast(({ event }) => event.type === 'record');
        assert.ok(
          last !== undefined && last.atMs >= sentMs && last.atMs <= sentMs + 21,
          `seed ${seed}, message ${number}`,
        );
      }
    }
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

  it('are never waited for in vain when the rest of the window is too small for a copy', () => {
    // Losses make the window as small as such records.
    for (let seed = 1; seed <= 20; seed += 1) {
      const pair = new LinkPair({ seed, faults: { up: { delayMs: 80, loss: 0.15 }, down: { delayMs: 80 } } }).start();
      for (let number = 0; number < 60; number += 1) {
        const bytes = 350 + ((number * 37 + seed * 11) % 250);
        pair.network.after(number * 25, () => void pair.send('client', body(number, bytes)));
      }
      // A deadline that is due and stays so would keep the virtual clock where it is, which ends the run with an error.
      pair.pass(8_000);
      assert.equal(pair.bodies('server').length, 60, `seed ${seed}`);
    }
  });

  it('are repaired a round trip after they were lost, however many are sent behind them', () => {
    const pair = new LinkPair({ tuning: COPIES_OFF }).start();
    for (let number = 0; number < 20; number += 1) {
      pair.wire.up.faults.loss = number === 12 ? 1 : 0;
      pair.send('client', body(number));
      pair.pass(number === 12 ? 40 : 50);
    }
    pair.pass(500);
    const arrivals = pair.events.server.filter(({ event }) => event.type === 'record');
    const took = arrivals.map(({ atMs }, index) => atMs - arrivals[0]!.atMs - 50 * index + (index > 12 ? 10 : 0));
    assert.equal(took.length, 20);
    assert.ok(took[12]! > 40 && took[12]! < 55, `${took[12]} ms late`);
    assert.ok(
      took.every((lateMs, index) => index === 12 || lateMs < 20),
      `nothing else is late: ${took.join(' ')}`,
    );
  });

  it('that are copied are acknowledged together, and not probed for', () => {
    const pair = new LinkPair({ tuning: { copyShareMin: 1 } }).start();
    const speak = (messages: number): void => {
      for (let number = 0; number < messages; number += 1) {
        pair.send('client', body(number));
        pair.pass(50);
      }
      pair.pass(500);
    };
    // Until it is known how little is lost, nothing is calm.
    speak(40);
    const before = [pair.client.session.readout, pair.server.session.readout];
    speak(40);
    const after = [pair.client.session.readout, pair.server.session.readout];
    assert.equal(pair.bodies('server').length, 80);
    assert.deepEqual(
      [after[0]!.copies - before[0]!.copies, after[0]!.retransmissions - before[0]!.retransmissions],
      [40, 0],
    );
    const acks = after[1]!.packetsSent - before[1]!.packetsSent;
    assert.ok(acks <= 12, `${acks} packets for 40 messages`);
  });

  it('that are copied use up no window that losses have made small', () => {
    const pair = new LinkPair({ tuning: { copyShareMin: 1 } }).start();
    const postedMs: number[] = [];
    const took: number[] = [];
    pair.onEvent = (side, event) => {
      if (side === 'server' && event.type === 'record') took.push(pair.network.nowMs - postedMs[took.length]!);
    };
    for (let number = 0; number < 4_000; number += 1) {
      // Each loss halves the window, and a thin stream never fills it, so that it does not grow again.
      pair.wire.up.faults.loss = number % 40 === 39 ? 1 : 0;
      postedMs.push(pair.network.nowMs);
      pair.send('client', body(number));
      pair.pass(1);
      pair.wire.up.faults.loss = 0;
      pair.pass(19);
    }
    pair.pass(500);
    assert.equal(took.length, 4_000);
    const latest = Math.max(...took);
    assert.ok(latest <= 26, `${latest} ms for a message whose copy comes 5 ms behind it`);
  });

  it('are probed for once when an acknowledgement is lost, though others go on', () => {
    const pair = new LinkPair({ tuning: { copyShareMin: 0.85 } }).start();
    const speak = (onEachMs = () => {}): void => {
      pair.send('client', body(1));
      for (let ms = 0; ms < 20; ms += 1) {
        pair.pass(1);
        onEachMs();
      }
    };
    for (let number = 0; number < 300; number += 1) speak();
    const before = pair.client.session.readout.retransmissions;
    const { down, pipeUp } = pair.wire;
    const streamBytes = pipeUp!.bytes;
    for (let lost = 1; lost <= 20; lost += 1) {
      const { dropped } = down.counts;
      down.faults.loss = 1;
      while (down.counts.dropped === dropped)
        speak(() => {
          if (down.counts.dropped > dropped) down.faults.loss = 0;
        });
      for (let number = 0; number < 40; number += 1) speak();
    }
    const { retransmissions } = pair.client.session.readout;
    assert.ok(retransmissions - before <= 20, `${retransmissions - before} retransmissions`);
    assert.ok(pipeUp!.bytes <= streamBytes + 10, 'nothing but a ping goes over TCP as well');
  });

  it('that are copied are repaired after the longest delay of an acknowledgement when all of them are lost', () => {
    const pair = new LinkPair({ tuning: { copyShareMin: 1 } }).start();
    for (let number = 0; number < 40; number += 1) {
      pair.send('client', body(number));
      pair.pass(50);
    }
    pair.pass(500);
    pair.wire.up.faults.loss = 1;
    const sentMs = pair.network.nowMs;
    pair.send('client', body(1));
    pair.pass(20);
    pair.wire.up.faults.loss = 0;
    pair.pass(1_000);
    const last = pair.events.server.findLast(({ event }) => event.type === 'record');
    assert.ok(last!.atMs - sentMs <= 320, `${last!.atMs - sentMs} ms`);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
  });

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

describe('the read-out of a session', () => {
  it('tells the loss of each direction apart, the round trip, its variation, and when something was last confirmed', () => {
    const pair = new LinkPair({
      seed: 3,
      tuning: COPIES_OFF,
      faults: { up: { delayMs: 30, loss: 0.1 }, down: { delayMs: 30, loss: 0.02, jitterMs: 20 } },
    });
    pair.start();
    for (let number = 0; number < 600; number += 1) {
      pair.network.after(number * 50, () => {
        pair.send('client', body(number));
        pair.send('server', body(number));
      });
    }
    pair.pass(30_000);
    const near = (actual: number | undefined, expected: number, within: number): void =>
      assert.ok(actual !== undefined && Math.abs(actual - expected) <= within, `${actual}, not ${expected}`);
    const client = pair.client.session.readout;
    const server = pair.server.session.readout;
    near(client.lossOut, 0.1, 0.04);
    near(client.lossIn, 0.02, 0.015);
    near(server.lossOut, 0.02, 0.015);
    near(server.lossIn, 0.1, 0.04);
    for (const { rttMs, rttMinMs, jitterMs, confirmedMs } of [client, server]) {
      near(rttMs, 72, 15);
      near(rttMinMs, 61, 3);
      near(jitterMs, 7, 7);
      assert.ok(confirmedMs !== undefined && pair.network.nowMs - confirmedMs < 500);
    }
    // Acknowledgements that were lost on the way are said again meanwhile.
    pair.pass(2_000);
    const { confirmedMs } = pair.client.session.readout;
    pair.wire.up.faults.isBlocked = true;
    pair.wire.blockStream('up', true);
    pair.send('client', body(0));
    pair.pass(400);
    assert.equal(pair.client.session.readout.confirmedMs, confirmedMs, 'what does not arrive confirms nothing');
  });
});
