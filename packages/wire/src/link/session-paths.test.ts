import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LinkPair, type LinkPairOptions, type Side } from '@confab/testing/link-pair';

const body = (number: number): Uint8Array => Uint8Array.of(0, number >> 8, number & 255, ...new Uint8Array(97));
const numberOf = (bytes: Uint8Array): number => bytes[1]! * 256 + bytes[2]!;

/** Both sides send every 50 ms. @returns what was sent by each */
function talk(pair: LinkPair, durationMs: number): { readonly sent: number } {
  let sent = 0;
  const startMs = pair.network.nowMs;
  for (let atMs = startMs; atMs < startMs + durationMs; atMs += 50) {
    sent += 1;
    const number = sent;
    pair.network.at(atMs, () => {
      pair.send('client', body(number));
      pair.send('server', body(number));
    });
  }
  return { sent };
}

function expectAll(pair: LinkPair, sent: number): void {
  const numbers = Array.from({ length: sent }, (_, index) => index + 1);
  for (const side of ['client', 'server'] as const) assert.deepEqual(pair.bodies(side).map(numberOf), numbers, side);
}

const started = (options: LinkPairOptions = {}): LinkPair => {
  const pair = new LinkPair(options).start();
  assert.deepEqual(pair.moves('client'), ['udp: proved']);
  return pair;
};

/** How long after a moment a side was on a path. */
const movedAfter = (pair: LinkPair, side: Side, path: 'tcp' | 'udp', fromMs: number): number =>
  pair.movedAtMs(side, path) - fromMs;

describe('the paths of a session', () => {
  for (const dead of ['up', 'down', 'both'] as const) {
    it(`are left within a second when UDP dies (${dead}), and taken again within five when it heals`, () => {
      const pair = started();
      const { sent } = talk(pair, 20_000);
      pair.pass(2_000);
      const lanes = dead === 'both' ? (['up', 'down'] as const) : ([dead] as const);
      const diedMs = pair.network.nowMs;
      for (const lane of lanes) pair.wire[lane].faults.isBlocked = true;
      pair.pass(7_300);
      for (const side of ['client', 'server'] as const) assert.ok(movedAfter(pair, side, 'tcp', diedMs) <= 1_000, side);
      const healedMs = pair.network.nowMs;
      for (const lane of lanes) pair.wire[lane].faults.isBlocked = false;
      pair.pass(15_000);
      for (const side of ['client', 'server'] as const) {
        const afterMs = movedAfter(pair, side, 'udp', healedMs);
        assert.ok(afterMs > 0 && afterMs <= 5_000, `${side} after ${afterMs} ms`);
      }
      expectAll(pair, sent);
    });
  }

  it('are asked for at once when the connection breaks: a UDP that died with it is found out though nobody speaks', () => {
    const pair = started();
    pair.pass(2_000);
    for (const lane of ['up', 'down'] as const) pair.wire[lane].faults.isBlocked = true;
    pair.wire.disconnect();
    assert.equal(pair.client.session.readout.paths.udp, 'up');
    pair.pass(1_000);
    assert.notEqual(pair.client.session.readout.paths.udp, 'up');
    // The server has sent too little to know the round trip: it waits longer.
    pair.pass(4_000);
    assert.notEqual(pair.server.session.readout.paths.udp, 'up');
  });

  it('stay as they are when only the connection breaks and nobody speaks', () => {
    const pair = started();
    pair.wire.disconnect();
    pair.pass(5_000);
    for (const side of ['client', 'server'] as const) assert.equal(pair[side].session.readout.paths.udp, 'up', side);
  });

  it('are not changed back by a path that flaps', () => {
    const pair = started();
    const { sent } = talk(pair, 20_000);
    // Up for less time than three challenges in a row take, again and again.
    for (let index = 0; index < 12; index += 1) {
      pair.network.after(index * 1_500, () => {
        pair.wire.up.faults.isBlocked = true;
      });
      pair.network.after(index * 1_500 + 1_350, () => {
        pair.wire.up.faults.isBlocked = false;
      });
    }
    pair.pass(17_000);
    assert.ok(pair.moves('client').length <= 3, pair.moves('client').join(', '));
    pair.pass(10_000);
    expectAll(pair, sent);
  });

  it('carry everything on TCP when UDP is blocked from the start', () => {
    const pair = new LinkPair();
    pair.wire.up.faults.isBlocked = true;
    pair.start();
    const { sent } = talk(pair, 3_000);
    pair.pass(4_000);
    expectAll(pair, sent);
    assert.deepEqual(pair.moves('client'), []);
    assert.equal(pair.client.session.readout.path, 'tcp');
  });

  it('go on over UDP when the connection is gone, and when it is dead in silence', () => {
    const pair = started();
    const { sent } = talk(pair, 20_000);
    pair.pass(1_000);
    pair.wire.blockStream('up', true);
    pair.wire.blockStream('down', true);
    pair.pass(10_000);
    pair.wire.disconnect();
    pair.pass(12_000);
    expectAll(pair, sent);
    assert.deepEqual(pair.moves('client'), ['udp: proved']);
  });

  it('leave a quiet connection in peace that records do not take: the client asks, every 20 s', () => {
    const pair = started();
    pair.pass(5_000);
    const bytesOf = () => [pair.wire.pipeUp!.bytes, pair.wire.pipeDown!.bytes];
    const quiet = bytesOf();
    pair.pass(13_000);
    assert.deepEqual(bytesOf(), quiet);
    pair.pass(4_000);
    const [ping, pong] = bytesOf().map((bytes, index) => bytes - quiet[index]!) as [number, number];
    assert.ok(ping > 0 && pong > 0);
    pair.pass(60_000);
    assert.deepEqual(bytesOf(), [quiet[0]! + 4 * ping, quiet[1]! + 4 * pong], 'the server never asks');
  });

  it('tell that the connection is dead when it is needed', () => {
    const pair = new LinkPair({ clientMode: 'tcp' }).start();
    pair.wire.blockStream('down', true);
    pair.send('client', body(1));
    pair.pass(6_000);
    assert.ok(pair.events.client.some(({ event }) => event.type === 'stream-dead'));
  });

  it('follow a client to another address without a new login', () => {
    const pair = started();
    const { sent } = talk(pair, 10_000);
    pair.pass(2_000);
    pair.wire.changeAddress();
    pair.pass(12_000);
    expectAll(pair, sent);
    assert.equal(pair.server.session.readout.path, 'udp');
  });

  it('follow a client to another address with all that was lost before and waits to be sent again', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const lossy = { loss: 0.3, delayMs: 40 };
      const pair = started({ seed, faults: { up: { delayMs: 40 }, down: { ...lossy, loss: 0 } } });
      Object.assign(pair.wire.down.faults, lossy);
      const longest = new Uint8Array(20_000);
      for (let number = 1; number <= 60; number += 1) pair.send('server', number % 20 === 0 ? longest : body(number));
      // Something comes from the new address, so that it is asked to prove itself.
      pair.network.after(60 + 10 * seed, () => {
        pair.wire.changeAddress();
        pair.send('client', body(1));
      });
      pair.pass(60 + 10 * seed + 200);
      pair.wire.down.faults.loss = 0;
      pair.pass(10_000);
      assert.equal(pair.bodies('client').length, 60, `seed ${seed}`);
    }
  });

  it('follow a client that opens another socket', () => {
    const pair = started();
    const { sent } = talk(pair, 10_000);
    pair.pass(2_000);
    pair.wire.changeAddress();
    pair.client.session.datagramSocket(pair.network.nowMs, 'replaced');
    pair.client.flush();
    pair.pass(12_000);
    expectAll(pair, sent);
  });

  it('are TCP when the local socket fails, and UDP again when there is another', () => {
    const pair = started();
    const { sent } = talk(pair, 10_000);
    pair.pass(2_000);
    pair.client.session.datagramSocket(pair.network.nowMs, 'failed');
    pair.client.flush();
    pair.pass(500);
    assert.equal(pair.moves('client').at(-1), 'tcp: socket-failed');
    pair.client.session.datagramSocket(pair.network.nowMs, 'replaced');
    pair.client.flush();
    pair.pass(12_000);
    assert.equal(pair.client.session.readout.path, 'udp');
    expectAll(pair, sent);
  });

  it('are bound in both directions: tcp sends and answers no packet', () => {
    for (const modes of [{ clientMode: 'tcp' }, { serverMode: 'tcp' }] as const) {
      const pair = new LinkPair(modes).start();
      const { sent } = talk(pair, 2_000);
      pair.pass(3_000);
      expectAll(pair, sent);
      assert.equal(pair.wire.down.counts.datagrams, 0);
      assert.deepEqual([...pair.moves('client'), ...pair.moves('server')], []);
    }
  });

  it('are bound in both directions: udp takes no record to the connection, whatever happens', () => {
    const pair = new LinkPair({ clientMode: 'udp' }).start();
    const { sent } = talk(pair, 8_000);
    pair.pass(2_000);
    pair.wire.up.faults.isBlocked = true;
    pair.pass(4_000);
    pair.wire.up.faults.isBlocked = false;
    pair.pass(20_000);
    expectAll(pair, sent);
    assert.ok(pair.wire.pipeUp!.bytes + pair.wire.pipeDown!.bytes < 200, 'only PATH, PING and CURSOR');
    assert.ok(!pair.moves('server').some((move) => move.startsWith('tcp')));
  });

  it('answer an address that is not proved with three times its bytes at most', () => {
    const pair = new LinkPair();
    // Nothing comes back, so that no address is ever proved; what the server owes is a lot.
    pair.wire.down.faults.isBlocked = true;
    pair.start(0);
    for (let number = 0; number < 200; number += 1) pair.send('server', body(number));
    for (let step = 0; step < 400; step += 1) {
      pair.pass(50);
      const { up, down } = pair.wire;
      assert.ok(down.counts.bytes <= 3 * up.counts.bytes, `${down.counts.bytes} for ${up.counts.bytes} bytes`);
    }
    assert.ok(pair.wire.down.counts.bytes > 0);
  });
});
