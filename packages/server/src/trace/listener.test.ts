import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { Tap, type TappedBytes } from '../tap.ts';
import { TraceListener } from './listener.ts';

type Line = Record<string, unknown>;

class Watcher {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(context: TestContext, port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    context.after(() => void this.socket.destroy());
    this.#lines = createInterface({ input: this.socket })[Symbol.asyncIterator]();
  }

  async next(): Promise<Line> {
    const { value, done } = await this.#lines.next();
    assert.ok(done !== true, 'the trace ended');
    return JSON.parse(value as string) as Line;
  }
}

async function listening(context: TestContext, more: { secrets?: boolean } = {}) {
  const tap = new Tap();
  const wallMs = () => Date.UTC(2026, 0, 1);
  const listener = await TraceListener.open({ tap, port: 0, secrets: false, wallMs, ...more });
  context.after(() => listener.close());
  return { tap, listener };
}

const datagram: TappedBytes = {
  wire: 'ucrp',
  direction: 'in',
  peer: '192.0.2.1:5000',
  bytes: Buffer.from('\x05\x06lobbysesamehello', 'latin1'),
};

describe('The trace listener', () => {
  it('shows what passes as JSON lines with tokens masked, unless it is to show them', async (context) => {
    const { tap, listener } = await listening(context);
    const watcher = new Watcher(context, listener.port);
    assert.deepEqual(await watcher.next(), { confab: 'trace', version: 1, secrets: false });
    tap.watcher?.(datagram);
    const { bytes, ...rest } = await watcher.next();
    assert.deepEqual(rest, { time: '2026-01-01T00:00:00.000Z', wire: 'ucrp', direction: 'in', peer: '192.0.2.1:5000' });
    assert.equal(Buffer.from(bytes as string, 'base64').toString('latin1'), '\x05\x06lobby******hello');
    listener.showSecrets(true);
    tap.watcher?.(datagram);
    assert.equal(Buffer.from((await watcher.next()).bytes as string, 'base64').toString(), datagram.bytes.toString());
    tap.watcher?.({ ...datagram, wire: 'tcrp', bytes: new Uint8Array(0), isEnd: true });
    assert.equal((await watcher.next()).end, true);
  });

  it('listens on loopback only', async (context) => {
    const { listener } = await listening(context);
    const other = connect(listener.port, '127.0.0.2');
    const [error] = (await once(other, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
  });

  it('hides a password that was on its way in pieces when somebody began to watch', async (context) => {
    const { tap, listener } = await listening(context);
    const stream = { wire: 'tcrp', direction: 'in', peer: '192.0.2.1:5000' } as const;
    tap.watcher?.({ ...stream, bytes: Buffer.from('{"password": "first half') });
    const watcher = new Watcher(context, listener.port);
    await watcher.next();
    tap.watcher?.({ ...stream, bytes: Buffer.from(' second half"}') });
    assert.equal(Buffer.from((await watcher.next()).bytes as string, 'base64').toString(), '************"}');
  });

  it('drops records for a watcher that does not read, tells it how many, and spares the others', async (context) => {
    const { tap, listener } = await listening(context);
    const slow = new Watcher(context, listener.port);
    await slow.next();
    slow.socket.pause();
    const big = { ...datagram, bytes: new Uint8Array(60_000).fill(1) };
    const total = 500;
    // All in one turn, so that nothing drains meanwhile.
    for (let count = 0; count < total; count += 1) tap.watcher?.(big);
    slow.socket.resume();
    let seen = 0;
    let lost = 0;
    while (seen + lost < total) {
      const line = await slow.next();
      if (typeof line.lost === 'number') lost += line.lost;
      else seen += 1;
    }
    assert.equal(seen + lost, total);
    assert.ok(lost > 300, `${lost} lost`);
  });

  it('takes so many watchers and no more', async (context) => {
    const { listener } = await listening(context);
    const watchers = Array.from({ length: 8 }, () => new Watcher(context, listener.port));
    for (const watcher of watchers) assert.equal((await watcher.next()).confab, 'trace');
    const late = new Watcher(context, listener.port);
    assert.match(String((await late.next()).error), /^8 watch already/);
    watchers[0]!.socket.destroy();
    for (;;) {
      const next = new Watcher(context, listener.port);
      if ((await next.next()).confab === 'trace') break;
    }
  });

  it('does not mind what a watcher sends', async (context) => {
    const { tap, listener } = await listening(context);
    const watcher = new Watcher(context, listener.port);
    await watcher.next();
    watcher.socket.write(Buffer.alloc(1_000_000));
    tap.watcher?.(datagram);
    assert.equal((await watcher.next()).wire, 'ucrp');
  });

  it('costs a gateway nothing when it is closed', async (context) => {
    const { tap, listener } = await listening(context);
    assert.notEqual(tap.watcher, undefined);
    await listener.close();
    assert.equal(tap.watcher, undefined);
  });

  it('refuses a port that is taken, and names the setting', async (context) => {
    const { listener } = await listening(context);
    const again = TraceListener.open({ tap: new Tap(), port: listener.port, secrets: false, wallMs: () => 0 });
    await assert.rejects(again, /PORT_BUSY|port is busy.*trace\.tcp_port/);
  });
});
