import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, type TestContext, test } from 'node:test';
import { type Batching, loadBatching } from './calls.ts';
import { descriptorOf } from './descriptor.ts';
import { openDatagramSocket } from './open.ts';
import { DatagramSocket } from './socket.ts';
import { DatagramTarget } from './source.ts';

const batched = loadBatching('auto');
const ways: readonly { readonly name: string; readonly batching: Batching }[] = [
  { name: 'in batches', batching: batched },
  { name: 'one by one', batching: loadBatching('off') },
];
const loopback = { 4: '127.0.0.1', 6: '::1' } as const;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A socket that keeps what it hears until it is asked for. */
class Ear {
  readonly heard: string[] = [];
  readonly sources: string[] = [];
  readonly socket: DatagramSocket;
  #wanted = 0;
  #wake: (() => void) | undefined;
  unsent = 0;

  static async open(context: TestContext, family: 4 | 6, batching: Batching): Promise<Ear> {
    let ear: Ear | undefined;
    const socket = await DatagramSocket.open({
      address: loopback[family],
      port: 0,
      portKey: 'test',
      receiveBufferBytes: 4_194_304,
      batching,
      isThorough: () => true,
      onDatagram: (datagram, { key }) => ear?.hear(Buffer.from(datagram).toString(), key),
      onUnsent: () => {
        ear!.unsent += 1;
      },
      onError: (error) => assert.fail(error),
    });
    ear = new Ear(socket);
    context.after(() => socket.close());
    return ear;
  }

  private constructor(socket: DatagramSocket) {
    this.socket = socket;
  }

  get target(): DatagramTarget {
    return new DatagramTarget(this.socket.address, this.socket.port);
  }

  hear(text: string, source: string): void {
    this.heard.push(text);
    this.sources.push(source);
    if (this.heard.length >= this.#wanted) this.#wake?.();
  }

  async has(count: number): Promise<readonly string[]> {
    this.#wanted = count;
    if (this.heard.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.heard;
  }
}

function hasIpv6(): Promise<boolean> {
  const socket = createSocket('udp6');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(0, '::1', () => socket.close(() => resolve(true)));
  });
}
const isIpv6 = await hasIpv6();

for (const { name, batching } of ways) {
  for (const family of [4, 6] as const) {
    const skip = family === 6 && !isIpv6 ? 'no IPv6 here' : false;
    describe(`A datagram socket, IPv${family}, ${name}`, { skip }, () => {
      test('says truly whether it sends in batches', async (context) => {
        const { socket } = await Ear.open(context, family, batching);
        assert.equal(socket.isBatched, batching.calls !== undefined);
      });

      test('says truly whether its datagrams go out whole or not at all, and only where that was asked for', async (context) => {
        const { socket: other } = await Ear.open(context, family, batching);
        assert.equal(other.isUnfragmented, false);
        const socket = await DatagramSocket.open({
          address: loopback[family],
          port: 0,
          portKey: 'test',
          receiveBufferBytes: 65_536,
          batching,
          isUnfragmented: true,
          onDatagram: () => {},
          onUnsent: () => {},
          onError: (error) => assert.fail(error),
        });
        context.after(() => socket.close());
        assert.equal(socket.isUnfragmented, batching.calls !== undefined);
      });

      test('sends a burst of one length to one target, cut into what was queued', async (context) => {
        const [from, to] = [await Ear.open(context, family, batching), await Ear.open(context, family, batching)];
        const texts = Array.from({ length: 200 }, (_, index) => `message ${1000 + index}`);
        const { target } = to;
        for (const text of texts) from.socket.queue(target, bytes(text));
        from.socket.queue(target, bytes('end'));
        assert.deepEqual(await to.has(201), [...texts, 'end']);
      });

      test('sends to many, to each in order, more than one call holds', async (context) => {
        const { socket } = await Ear.open(context, family, batching);
        const ears = [await Ear.open(context, family, batching), await Ear.open(context, family, batching)];
        const targets = ears.map(({ target }) => target);
        const texts = Array.from({ length: 300 }, (_, index) => `message ${index}`);
        for (const text of texts) {
          const datagram = bytes(text);
          for (const target of targets) socket.queue(target, datagram);
        }
        for (const ear of ears) {
          assert.deepEqual(await ear.has(texts.length), texts);
          const [source] = ear.sources;
          assert.equal(source, `${loopback[family]}|${socket.port}`);
          assert.deepEqual(new Set(ear.sources), new Set([source]));
        }
      });

      test('sends from the smallest to the largest, and drops and counts what is larger or goes to port 0', async (context) => {
        const { socket } = await Ear.open(context, family, batching);
        const ear = await Ear.open(context, family, batching);
        const mute = await Ear.open(context, family, batching);
        for (const size of [0, 65_507, 65_508, 4096]) mute.socket.queue(ear.target, new Uint8Array(size).fill(0x61));
        mute.socket.queue(new DatagramTarget(loopback[family], 0), bytes('nobody'));
        const heard = await ear.has(3);
        assert.deepEqual(
          heard.map((text) => text.length),
          [0, 65_507, 4096],
        );
        assert.equal(mute.unsent, 2);
        assert.notEqual(socket.port, mute.socket.port);
      });

      test('a datagram that the system refuses costs itself only', async (context) => {
        const { socket } = await Ear.open(context, family, batching);
        const ear = await Ear.open(context, family, batching);
        // Loopback reaches no address of the documentation's networks, and a socket none of the other family.
        const nowhere = family === 4 ? '203.0.113.1' : '2001:db8::1';
        const other = family === 4 ? '::1' : '127.0.0.1';
        socket.queue(ear.target, bytes('a'));
        socket.queue(new DatagramTarget(nowhere, 9), bytes('lost'));
        socket.queue(new DatagramTarget(other, 9), bytes('lost'));
        socket.queue(ear.target, bytes('b'));
        assert.deepEqual(await ear.has(2), ['a', 'b']);
      });

      test('closing sends what is queued, and then nothing more', async (context) => {
        const { socket } = await Ear.open(context, family, batching);
        const ear = await Ear.open(context, family, batching);
        socket.queue(ear.target, bytes('last words'));
        const closed = socket.close();
        socket.queue(ear.target, bytes('too late'));
        await closed;
        await socket.close();
        const other = await Ear.open(context, family, batching);
        other.socket.queue(ear.target, bytes('fence'));
        assert.deepEqual(await ear.has(2), ['last words', 'fence']);
      });
    });
  }
}

test('the descriptor is the socket’s own until it is closed, and is not told for one that cannot be made sure of', async (context) => {
  const { calls } = batched;
  if (calls === undefined) return context.skip('no batches here');
  const open = () => openDatagramSocket({ address: '127.0.0.1', port: 0, portKey: 'test', receiveBufferBytes: 65_536 });
  const [socket, other] = [await open(), await open()];
  context.after(() => other.close());
  const descriptor = descriptorOf(socket, calls);
  assert.ok(descriptor !== undefined && descriptor()! > 2);
  const impostor = Object.create(socket, { address: { value: () => other.address() } });
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    impostor[symbol] = (socket as unknown as Record<symbol, unknown>)[symbol];
  }
  assert.equal(descriptorOf(impostor, calls), undefined);
  assert.equal(descriptorOf(Object.create(null), calls), undefined);
  socket.close();
  assert.equal(descriptor(), undefined);
});
