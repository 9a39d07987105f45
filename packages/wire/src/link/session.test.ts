import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair } from '@confab/testing/link-pair';

const body = (number: number, bytes = 100): Uint8Array => new Uint8Array(bytes).fill(number % 256);

describe('a session', () => {
  it('starts on TCP at once and moves to UDP when that is proved both ways', () => {
    const pair = new LinkPair();
    pair.wire.connect();
    pair.open(1);
    pair.send('client', body(1));
    pair.pass(25);
    assert.deepEqual(pair.bodies('server'), [body(1)]);
    assert.deepEqual(pair.moves('client'), []);
    pair.pass(200);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
    assert.deepEqual(pair.moves('server'), ['udp: proved']);
    const before = pair.wire.pipeUp!.bytes;
    pair.send('client', body(2));
    pair.pass(100);
    assert.deepEqual(pair.bodies('server'), [body(1), body(2)]);
    assert.ok(pair.wire.pipeUp!.bytes - before < 100, 'the record did not take the connection');
  });

  it('carries records of any size both ways, in order and once', () => {
    const pair = new LinkPair({ faults: { up: { loss: 0.2 }, down: { loss: 0.2 } } }).start();
    const sizes = [0, 1, 100, 1_100, 1_146, 1_147, 1_200, 5_000, 32_768, 3];
    for (const [index, size] of sizes.entries()) {
      pair.send('client', body(index, size));
      pair.send('server', body(index + 100, size));
    }
    pair.pass(20_000);
    assert.deepEqual(
      pair.bodies('server'),
      sizes.map((size, index) => body(index, size)),
    );
    assert.deepEqual(
      pair.bodies('client'),
      sizes.map((size, index) => body(index + 100, size)),
    );
  });
});
