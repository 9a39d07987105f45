import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { ManualTimers, SimClock } from '@confab/testing';
import type { LinkEndpoint, LinkEvent, LinkReadout } from '@confab/wire/link';
import { addressText, DatagramAddresses } from './datagram-address.ts';
import { FLUSH_DATAGRAMS_MAX, FLUSH_EVENTS_MAX, LINGER_MS, LinkDriver, type LinkDriverOptions } from './driver.ts';
import { LinkLoop } from './loop.ts';

/** An endpoint that gives what a test has put in, and remembers what it was told. */
class ScriptedEndpoint implements LinkEndpoint {
  readonly calls: string[] = [];
  readonly stream: Uint8Array[] = [];
  readonly datagrams: string[] = [];
  readonly events: LinkEvent[] = [];
  timeoutMs: number | undefined;
  /** Thrown by the next call that takes something. */
  fault: Error | undefined;
  readonly readout = {} as LinkReadout;

  #note(call: string): void {
    this.calls.push(call);
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
  }

  streamOpened(): void {
    this.#note('opened');
  }
  streamReceived(_nowMs: number, bytes: Uint8Array): void {
    this.#note(`received ${Buffer.from(bytes)}`);
  }
  streamClosed(): void {
    this.#note('closed');
  }
  pollStream(_nowMs: number, bytesMax: number): Uint8Array | undefined {
    const next = this.stream.shift();
    if (next === undefined || next.length <= bytesMax) return next;
    this.stream.unshift(next.subarray(bytesMax));
    return next.subarray(0, bytesMax);
  }
  datagramReceived(_nowMs: number, datagram: Uint8Array, from: string): void {
    this.#note(`datagram ${Buffer.from(datagram)} from ${from}`);
  }
  pollDatagram(): { to: string; bytes: Uint8Array } | undefined {
    const next = this.datagrams.shift();
    return next === undefined ? undefined : { to: 'peer', bytes: Buffer.from(next) };
  }
  datagramSocket(_nowMs: number, state: string): void {
    this.#note(`socket ${state}`);
  }
  openChannel(): void {}
  closeChannel(): void {}
  send(): { number: number; isFull: boolean } {
    return { number: 1, isFull: false };
  }
  sendAll(): boolean {
    return false;
  }
  sendRun(): boolean {
    return false;
  }
  skip(): void {}
  sendEphemeral(): void {}
  nextTimeoutMs(): number | undefined {
    return this.timeoutMs;
  }
  onTimeout(nowMs: number): void {
    this.timeoutMs = undefined;
    this.#note(`timeout at ${nowMs}`);
  }
  pollEvent(): LinkEvent | undefined {
    return this.events.shift();
  }
  close(_nowMs: number, code: number, text: string): void {
    this.#note(`close ${code} ${text}`);
    this.stream.push(Buffer.from('CLOSE'));
  }
}

/** One end of a connection; what is written stays until the test lets it go. */
class HeldStream extends Duplex {
  readonly writes: string[] = [];
  #held: (() => void) | undefined;
  isHeld = false;

  constructor() {
    super({ highWaterMark: 4 });
  }
  override _read(): void {}
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString());
    if (this.isHeld) this.#held = done;
    else done();
  }
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    this.isHeld = false;
    held?.();
  }
}

function world(more: Partial<LinkDriverOptions> = {}) {
  const clock = new SimClock({ monotonicMs: 0 });
  const timers = new ManualTimers(clock);
  const tasks: (() => void)[] = [];
  const loop = new LinkLoop({ clock, timers, soon: (task) => tasks.push(task) });
  const endpoint = new ScriptedEndpoint();
  const events: LinkEvent[] = [];
  const faults: unknown[] = [];
  const sent: string[] = [];
  const driver = new LinkDriver({
    endpoint,
    loop,
    sendDatagram: (bytes, to) => sent.push(`${Buffer.from(bytes)} to ${to}`),
    onEvent: (event) => events.push(event),
    onFault: (error) => faults.push(error),
    ...more,
  });
  /** One turn of the loop, and what streams do by themselves after it. */
  const turn = async (): Promise<void> => {
    for (const task of tasks.splice(0)) task();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, timers, tasks, loop, endpoint, events, faults, sent, driver, turn };
}

const held = (channel: number): LinkEvent => ({ type: 'held', channel, next: 1 });
const closed: LinkEvent = { type: 'closed', code: 0, text: '', byPeer: true };

describe('A driver', () => {
  it('feeds the session what arrives, and writes and tells what it gives, once for each turn', async () => {
    const { driver, endpoint, events, sent, tasks, turn } = world();
    const stream = new HeldStream();
    driver.openStream(stream, Buffer.from('early'));
    stream.push('one');
    driver.receiveDatagram(Buffer.from('two'), 'there');
    driver.wake();
    endpoint.stream.push(Buffer.from('a'), Buffer.from('b'));
    endpoint.datagrams.push('d1', 'd2');
    endpoint.events.push(held(1));
    assert.equal(tasks.length, 1);
    await turn();
    assert.deepEqual(endpoint.calls, ['opened', 'received early', 'datagram two from there', 'received one']);
    assert.deepEqual(stream.writes, ['ab'], 'all that the turn brought is one write');
    assert.deepEqual(sent, ['d1 to peer', 'd2 to peer']);
    assert.deepEqual(events, [held(1)]);
  });

  it('asks for no more than the connection takes, and goes on when it has taken that', async () => {
    const { driver, endpoint, turn } = world({ streamBytesMax: 4 });
    const stream = new HeldStream();
    stream.isHeld = true;
    driver.openStream(stream);
    endpoint.stream.push(Buffer.from('abcdefgh'));
    await turn();
    driver.wake();
    await turn();
    assert.deepEqual([stream.writes, endpoint.stream.length], [['abcd'], 1]);
    stream.release();
    await turn();
    await turn();
    assert.deepEqual([stream.writes.join(''), endpoint.stream.length], ['abcdefgh', 0]);
  });

  it('wakes the session when its time has come, by one timer, and early changes move it', async () => {
    const { driver, endpoint, timers, turn } = world();
    endpoint.timeoutMs = 50;
    driver.wake();
    await turn();
    endpoint.timeoutMs = 20;
    driver.wake();
    await turn();
    assert.equal(timers.pending, 1);
    timers.advance(100);
    assert.deepEqual(endpoint.calls, ['timeout at 20']);
    assert.equal(timers.pending, 0);
  });

  it('takes a new connection in place of the old one, of which nothing is heard any more', async () => {
    const { driver, endpoint, turn } = world();
    const [first, second] = [new HeldStream(), new HeldStream()];
    driver.openStream(first);
    first.push('lost');
    driver.openStream(second);
    endpoint.stream.push(Buffer.from('x'));
    await turn();
    assert.equal(first.destroyed, true);
    assert.deepEqual([first.writes, second.writes], [[], ['x']]);
    assert.deepEqual(endpoint.calls, ['opened', 'opened']);
  });

  it('tells the session once that its connection is gone, whether it ended or broke', async () => {
    for (const error of [undefined, new Error('reset')]) {
      const { driver, endpoint, turn, faults } = world();
      const stream = new HeldStream();
      driver.openStream(stream);
      stream.destroy(error);
      await turn();
      endpoint.stream.push(Buffer.from('for the next one'));
      driver.wake();
      await turn();
      assert.deepEqual([endpoint.calls, driver.hasStream, faults], [['opened', 'closed'], false, []]);
      assert.equal(endpoint.stream.length, 1);
    }
  });

  it('tells the session of a connection that was dead when it came', async () => {
    const { driver, endpoint } = world();
    const stream = new HeldStream();
    stream.destroy();
    driver.openStream(stream);
    assert.deepEqual(endpoint.calls, ['opened', 'closed']);
  });

  it('tells the session when datagrams cannot be sent', async () => {
    const { driver, endpoint, turn, faults } = world({
      sendDatagram: () => {
        throw new Error('not running');
      },
    });
    endpoint.datagrams.push('x', 'y');
    driver.wake();
    await turn();
    assert.deepEqual([endpoint.calls[0], faults], ['socket failed', []]);
  });

  it('lets others have their turn when a session has very much to send or to tell', async () => {
    const { driver, endpoint, events, sent, turn } = world();
    for (let count = 0; count < FLUSH_DATAGRAMS_MAX + 1; count += 1) endpoint.datagrams.push('x');
    driver.wake();
    await turn();
    assert.equal(sent.length, FLUSH_DATAGRAMS_MAX);
    await turn();
    assert.equal(sent.length, FLUSH_DATAGRAMS_MAX + 1);
    for (let count = 0; count < 3 * FLUSH_EVENTS_MAX; count += 1) endpoint.events.push(held(count));
    driver.wake();
    await turn();
    assert.equal(events.length, 2 * FLUSH_EVENTS_MAX);
    await turn();
    assert.equal(events.length, 3 * FLUSH_EVENTS_MAX);
  });

  it('writes in the same turn what the answer to an event gave', async () => {
    const later: { endpoint?: ScriptedEndpoint } = {};
    const { driver, endpoint, turn } = world({ onEvent: () => later.endpoint?.stream.push(Buffer.from('answer')) });
    later.endpoint = endpoint;
    const stream = new HeldStream();
    driver.openStream(stream);
    endpoint.events.push(held(1));
    await turn();
    assert.deepEqual(stream.writes, ['answer']);
  });
});

describe('The end of a session', () => {
  it('writes its goodbye, then ends the connection, and rings no more', async () => {
    const { driver, endpoint, turn, timers, sent } = world();
    const stream = new HeldStream();
    driver.openStream(stream);
    endpoint.timeoutMs = 10;
    await turn();
    driver.close(0, 'bye');
    endpoint.datagrams.push('CLOSE');
    await turn();
    assert.deepEqual([stream.writes, stream.writableEnded, sent], [['CLOSE'], true, ['CLOSE to peer']]);
    stream.push(null);
    await turn();
    await turn();
    assert.equal(driver.isEnded, true);
    timers.advance(100_000);
    assert.deepEqual(endpoint.calls, ['opened', 'close 0 bye']);
  });

  it('waits a bounded time for a connection that does not take the goodbye', async () => {
    const { driver, endpoint, turn, timers } = world({ streamBytesMax: 4 });
    const stream = new HeldStream();
    stream.isHeld = true;
    driver.openStream(stream);
    endpoint.stream.push(Buffer.from('full'));
    await turn();
    driver.close(0, '');
    await turn();
    timers.advance(LINGER_MS - 1);
    assert.deepEqual([driver.isEnded, stream.destroyed], [false, false]);
    timers.advance(1);
    assert.deepEqual([driver.isEnded, stream.destroyed], [true, true]);
  });

  it('that the peer brought about is told, and the connection ended', async () => {
    const { driver, endpoint, events, turn } = world();
    const stream = new HeldStream();
    driver.openStream(stream);
    endpoint.events.push(closed, held(1));
    await turn();
    await turn();
    assert.deepEqual([events, stream.writableEnded], [[closed], true]);
  });

  it('without a connection is at once, and takes nothing more', async () => {
    const { driver, endpoint, turn, loop } = world();
    driver.close(5, '');
    await turn();
    assert.equal(driver.isEnded, true);
    driver.receiveDatagram(Buffer.from('late'), 'x');
    driver.datagramSocket('replaced');
    const stream = new HeldStream();
    driver.openStream(stream);
    driver.wake();
    await turn();
    assert.deepEqual([endpoint.calls, stream.destroyed, loop.alarms.size], [['close 5 '], true, 0]);
  });

  it('may be brought about by whoever hears an event', async () => {
    const later: { driver?: LinkDriver } = {};
    const { driver, endpoint, turn, faults } = world({ onEvent: () => later.driver?.end() });
    later.driver = driver;
    endpoint.events.push(held(1), held(2));
    endpoint.datagrams.push('x');
    driver.wake();
    await turn();
    assert.deepEqual([endpoint.events.length, endpoint.datagrams.length, faults], [1, 1, []]);
  });
});

describe('A fault', () => {
  it('of a session ends it and no other, and is told once', async () => {
    const one = world();
    const other = new ScriptedEndpoint();
    const told: LinkEvent[] = [];
    const neighbour = new LinkDriver({
      endpoint: other,
      loop: one.loop,
      onEvent: (event) => told.push(event),
      onFault: (error) => assert.fail(String(error)),
    });
    const stream = new HeldStream();
    one.driver.openStream(stream);
    await one.turn();
    one.endpoint.fault = new Error('a bug');
    one.driver.receiveDatagram(Buffer.from('x'), 'y');
    one.driver.receiveDatagram(Buffer.from('x'), 'y');
    other.events.push(held(3));
    neighbour.wake();
    await one.turn();
    assert.deepEqual([one.faults.map(String), stream.destroyed], [['Error: a bug'], true]);
    assert.deepEqual(told, [held(3)]);
  });

  it('at a deadline, or of whoever hears an event, is contained as well', async () => {
    const timed = world();
    timed.endpoint.timeoutMs = 5;
    timed.driver.wake();
    await timed.turn();
    timed.endpoint.fault = new Error('late');
    timed.timers.advance(10);
    assert.deepEqual([timed.faults.map(String), timed.driver.isEnded], [['Error: late'], true]);
    const deaf = world({
      onEvent: () => {
        throw new Error('deaf');
      },
    });
    deaf.endpoint.events.push(held(1));
    deaf.driver.wake();
    await deaf.turn();
    assert.deepEqual(deaf.faults.map(String), ['Error: deaf']);
  });
});

describe('An address of datagrams', () => {
  it('is one text, and comes apart again', () => {
    const addresses = new DatagramAddresses();
    for (const [address, port] of [
      ['192.0.2.1', 9443],
      ['2001:db8::1', 1],
      ['fe80::1%eth0', 65_535],
    ] as const) {
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual(addresses.parse(addressText(address, port)), { address, port });
      }
    }
  });

  it('is refused when it is none', () => {
    const addresses = new DatagramAddresses();
    for (const text of ['', 'peer', 'host 1', '192.0.2.1', '192.0.2.1 0', '192.0.2.1 65536', '192.0.2.1 x']) {
      assert.throws(() => addresses.parse(text), RangeError, text);
    }
  });
});
