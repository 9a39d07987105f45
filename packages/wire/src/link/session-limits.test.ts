import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair } from '@confab/testing/link-pair';
import { FrameWriter } from './frame-writer.ts';
import { LINK_LIMITS } from './tuning.ts';

const body = (number: number, bytes = 10): Uint8Array => new Uint8Array(bytes).fill(number % 251);

/** Bytes of frames, for the connection. */
function frames(write: (writer: FrameWriter) => void): Uint8Array {
  const bytes = new Uint8Array(200_000);
  const writer = new FrameWriter(false);
  writer.begin(bytes);
  write(writer);
  return bytes.slice(0, writer.finish());
}

/** Hand frames to the server as if the client had written them on the connection. */
function fake(pair: LinkPair, write: (writer: FrameWriter) => void): void {
  pair.server.session.streamReceived(pair.network.nowMs, frames(write));
  pair.server.flush();
}

const closings = (pair: LinkPair) => pair.events.server.filter(({ event }) => event.type === 'closed');

describe('a session whose peer', () => {
  it('says CLOSE is over, with code and words', () => {
    const pair = new LinkPair().start();
    pair.client.session.close(pair.network.nowMs, 5, 'see you');
    pair.client.flush();
    pair.pass(100);
    assert.deepEqual(closings(pair)[0]?.event, { type: 'closed', code: 5, text: 'see you', byPeer: true });
    pair.client.session.send(1, body(1));
    pair.client.flush();
    pair.pass(100);
    assert.deepEqual(pair.bodies('server'), []);
    assert.equal(pair.server.session.nextTimeoutMs(), undefined);
  });

  it('closes with a long text hears as much of it as a frame may carry', () => {
    const pair = new LinkPair().start();
    pair.client.session.close(pair.network.nowMs, 1, `x${'😀'.repeat(1_000)}`);
    pair.client.flush();
    pair.pass(100);
    const closed = closings(pair)[0]?.event;
    assert.ok(closed?.type === 'closed' && closed.text.startsWith('x😀'));
  });

  for (const [what, write] of [
    ['claims to hold what was never sent', (writer: FrameWriter) => writer.cursor(1, 2, [])],
    ['claims to hold, beyond a gap, what was never sent', (writer: FrameWriter) => writer.cursor(1, 1, [1, 1])],
    [
      'sends a record above the limit',
      (writer: FrameWriter) => writer.record(1, 1, body(1, LINK_LIMITS.recordBytesMax + 1)),
    ],
    [
      'says that a record is above the limit, and sends a piece of it',
      (writer: FrameWriter) => writer.piece(1, 1, LINK_LIMITS.recordBytesMax + 1, 0, body(1, 10)),
    ],
    [
      'says that a record is as long as a number can say, and sends its end',
      (writer: FrameWriter) => writer.piece(1, 1, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 10, body(1, 10)),
    ],
    ['leaps ahead in generations', (writer: FrameWriter) => writer.path('tcp', 2 ** 40, 'proved')],
  ] as const) {
    it(`${what} is told so and over`, () => {
      const pair = new LinkPair().start();
      fake(pair, write);
      const closed = closings(pair)[0]?.event;
      assert.ok(closed?.type === 'closed' && closed.code === 1 && !closed.byPeer);
      pair.pass(100);
      assert.ok(pair.events.client.some(({ event }) => event.type === 'closed' && event.byPeer && event.code === 1));
    });
  }

  it('sends what is no frame is told so and over', () => {
    const pair = new LinkPair().start();
    pair.server.session.streamReceived(
      pair.network.nowMs,
      Uint8Array.of(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    );
    pair.server.flush();
    assert.equal(closings(pair).length, 1);
  });

  it('sends records beyond a gap for ever is given no more memory than the limit', () => {
    const pair = new LinkPair({ limits: { aheadRecordsMax: 8 } }).start();
    fake(pair, (writer) => {
      for (let number = 2; number < 12; number += 1) writer.record(1, number, body(number));
    });
    assert.deepEqual(pair.bodies('server'), []);
    assert.ok(
      pair.events.server.some(({ event }) => event.type === 'stream-dead'),
      'it must come on another connection',
    );
    fake(pair, (writer) => writer.record(1, 1, body(1)));
    assert.equal(pair.bodies('server').length, 9, 'the first eight were kept');
  });

  it('names channels that are not open has their records kept within the limits', () => {
    const pair = new LinkPair({ limits: { channelsMax: 4 } }).start();
    fake(pair, (writer) => {
      for (let channel = 5; channel < 60; channel += 1) writer.record(channel, 1, body(channel));
    });
    pair.server.session.openChannel(5, { sendFrom: 1, receiveFrom: 1 });
    pair.server.flush();
    assert.deepEqual(pair.bodies('server', 5), [body(5)]);
    assert.equal(closings(pair).length, 0);
  });

  it('still sends on a closed channel is heard by nobody and disturbs nobody', () => {
    const pair = new LinkPair().start();
    pair.open(2);
    pair.server.session.closeChannel(2);
    pair.send('client', body(1), 2);
    pair.send('client', body(2), 1);
    pair.pass(500);
    assert.deepEqual(pair.bodies('server', 2), []);
    assert.deepEqual(pair.bodies('server', 1), [body(2)]);
    assert.equal(closings(pair).length, 0);
    assert.throws(() => pair.server.session.openChannel(2, { sendFrom: 1, receiveFrom: 1 }), RangeError);
  });

  it('floods with PINGs gets a bounded number of answers', () => {
    const pair = new LinkPair({ clientMode: 'tcp' }).start();
    const before = pair.wire.pipeDown!.bytes;
    fake(pair, (writer) => {
      for (let index = 0; index < 1_000; index += 1) writer.ping(body(index, 8));
    });
    assert.ok(pair.wire.pipeDown!.bytes - before < 100);
  });
});

describe('a channel', () => {
  it('tells when its window is full and when it has room again', () => {
    const pair = new LinkPair({ limits: { windowRecords: 10 } }).start();
    const full = Array.from({ length: 10 }, (_, number) => pair.client.session.send(1, body(number)).isFull);
    assert.deepEqual(full, [...Array(9).fill(false), true]);
    pair.client.flush();
    pair.pass(200);
    assert.equal(pair.events.client.filter(({ event }) => event.type === 'drained').length, 1);
  });

  it('skips what will not come, on both paths', () => {
    for (const clientMode of ['auto', 'tcp'] as const) {
      const pair = new LinkPair({ clientMode }).start();
      pair.send('server', body(1));
      pair.server.session.skip(1, 1_000_000);
      pair.send('server', body(2));
      pair.pass(200);
      const heard = pair.events.client.filter(({ event }) => event.type === 'skipped' || event.type === 'record');
      assert.deepEqual(
        heard.map(({ event }) =>
          event.type === 'record' ? event.number : event.type === 'skipped' ? [event.first, event.last] : 0,
        ),
        [1, [2, 1_000_000], 1_000_001],
      );
      assert.equal(pair.events.server.findLast(({ event }) => event.type === 'held')?.event.type, 'held');
    }
  });

  it('sends what is ephemeral once, and keeps none of it for later', () => {
    const pair = new LinkPair().start();
    for (let kind = 0; kind < 500; kind += 1) pair.client.session.sendEphemeral(1, kind, body(kind));
    pair.client.flush();
    pair.pass(100);
    const heard = pair.events.server.filter(({ event }) => event.type === 'ephemeral');
    assert.ok(heard.length > 0 && heard.length <= LINK_LIMITS.ephemeralsMax);
  });

  it('refuses a record above the limit to its sender', () => {
    const pair = new LinkPair().start();
    assert.throws(() => pair.client.session.send(1, body(1, LINK_LIMITS.recordBytesMax + 1)), RangeError);
  });
});
