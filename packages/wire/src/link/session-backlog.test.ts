import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair } from '@confab/testing/link-pair';
import { FrameWriter } from './frame-writer.ts';

const RECORD_BYTES = 400;
const RECORDS = 100;
/** A line of 216 kbit/s: what is sent below takes it one and a half seconds. */
const BYTES_PER_MS = 27;

const body = (number: number): Uint8Array =>
  Uint8Array.of(0, number >> 8, number & 255, ...new Uint8Array(RECORD_BYTES - 3));
const numberOf = (bytes: Uint8Array): number => bytes[1]! * 256 + bytes[2]!;
const numbersTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** Somebody who joins and says a hundred things at once over a slow line, shortly before UDP is proved. */
function bulk(records = RECORDS): LinkPair {
  const line = { bytesPerMs: BYTES_PER_MS };
  const pair = new LinkPair({ faults: { up: line, down: line, isOneLine: true } }).start(150);
  for (const number of numbersTo(records)) pair.send('client', body(number));
  return pair;
}

const heard = (pair: LinkPair): number[] => pair.bodies('server').map(numberOf);

describe('what the connection was given before records move to datagrams', () => {
  it('is left to it when it is much, and what follows goes by datagrams: nothing twice, and the path stays', () => {
    const pair = bulk();
    pair.pass(100);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
    for (let more = 1; more <= 20; more += 1) pair.send('client', body(RECORDS + more));
    pair.pass(5_000);
    assert.deepEqual(heard(pair), numbersTo(RECORDS + 20));
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
    assert.equal(pair.client.session.readout.path, 'udp');
    const payload = RECORDS * RECORD_BYTES;
    assert.ok(pair.wire.pipeUp!.bytes < 1.1 * payload, `${pair.wire.pipeUp!.bytes} bytes by the connection`);
    const { bytes } = pair.wire.up.counts;
    assert.ok(bytes > 20 * RECORD_BYTES && bytes < 0.5 * payload, `${bytes} bytes by datagrams`);
  });

  it('goes by datagrams as well when the connection brings nothing for a while', () => {
    const pair = bulk();
    pair.pass(300);
    // Without a word to either end.
    pair.wire.pipeUp!.close();
    pair.pass(5_000);
    assert.deepEqual(heard(pair), numbersTo(RECORDS));
    assert.equal(pair.client.session.readout.path, 'udp');
  });

  it('goes by datagrams at once when the connection breaks', () => {
    const pair = bulk();
    pair.pass(300);
    pair.wire.disconnect();
    const { bytes } = pair.wire.up.counts;
    pair.pass(50);
    assert.ok(pair.wire.up.counts.bytes > bytes + RECORD_BYTES);
    pair.pass(5_000);
    assert.deepEqual(heard(pair), numbersTo(RECORDS));
  });

  it('goes by datagrams at once when it is little', () => {
    const pair = bulk(20);
    pair.pass(100);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
    assert.ok(pair.wire.up.counts.bytes > 20 * RECORD_BYTES);
    pair.pass(1_000);
    assert.deepEqual(heard(pair), numbersTo(20));
  });

  it('is not sent once more by the connection when records come back to it', () => {
    const pair = bulk();
    pair.pass(300);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
    pair.client.session.datagramSocket(pair.network.nowMs, 'failed');
    pair.client.flush();
    pair.send('client', body(RECORDS + 1));
    pair.pass(4_000);
    assert.deepEqual(heard(pair), numbersTo(RECORDS + 1));
    assert.equal(pair.client.session.readout.path, 'tcp');
    assert.ok(pair.wire.pipeUp!.bytes < 1.1 * RECORDS * RECORD_BYTES, `${pair.wire.pipeUp!.bytes} bytes`);
  });

  it('keeps nobody busy when the peer turns datagrams off by a word that is out of date', () => {
    const pair = bulk();
    pair.pass(100);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
    const bytes = new Uint8Array(100);
    const writer = new FrameWriter(false);
    writer.begin(bytes);
    writer.path('tcp', 0, 'configured');
    pair.client.session.streamReceived(pair.network.nowMs, bytes.slice(0, writer.finish()));
    pair.client.flush();
    pair.wire.pipeUp!.close();
    // A timer that is never dealt with would stop the virtual clock.
    pair.pass(3_000);
    assert.ok((pair.client.session.nextTimeoutMs() ?? Number.POSITIVE_INFINITY) > pair.network.nowMs);
  });

  it('is all sent by the next connection when it breaks', () => {
    const pair = bulk();
    pair.wire.up.faults.isBlocked = true;
    pair.pass(300);
    pair.wire.disconnect();
    pair.wire.connect();
    pair.pass(4_000);
    assert.deepEqual(heard(pair), numbersTo(RECORDS));
  });
});
