import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { nodeLinkCrypto } from '../../../link/src/crypto.ts';
import { connectionIdOf, type OpenedPacket, PacketProtection, type PacketProtectionOptions } from './index.ts';
import { framesBytesMin } from './packet-sealer.ts';

const secret = Uint8Array.from({ length: 32 }, (_, index) => index * 3);
const connectionId = Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2);
const frames = Uint8Array.from({ length: 40 }, (_, index) => index);

const end = (role: 'client' | 'server', more: Partial<PacketProtectionOptions> = {}) =>
  new PacketProtection({ role, crypto: nodeLinkCrypto, datagramSecret: secret, connectionId, ...more });

function opened(receiver: PacketProtection, packet: Uint8Array): OpenedPacket {
  const result = receiver.open(packet);
  if (typeof result === 'string') throw new assert.AssertionError({ message: `The packet is ${result}` });
  return result;
}

/** All that a refused packet must leave as it was. */
const stateOf = (protection: PacketProtection) => ({
  next: protection.nextNumber,
  largest: protection.largestReceived,
  ...protection.phases,
});

describe('Packets', () => {
  it('are opened by the other end, in any order, with their numbers', () => {
    const client = end('client');
    const server = end('server');
    const packets = Array.from({ length: 20 }, (_, index) => client.seal(Uint8Array.of(index, 1, 2, 3), -1));
    for (const index of [3, 1, 2, 0, 19, 10]) {
      const packet = opened(server, packets[index]!);
      assert.equal(packet.number, index);
      assert.deepEqual([...packet.frames], [index, 1, 2, 3]);
      assert.equal(packet.isNewest, index === 3 || index === 19);
    }
    assert.deepEqual([...opened(client, server.seal(frames, -1)).frames], [...frames]);
  });

  it('have a connection id towards the server only, and keys of their direction', () => {
    const client = end('client');
    const server = end('server');
    const out = client.seal(frames, -1);
    const back = server.seal(frames, -1);
    assert.deepEqual(connectionIdOf(out), connectionId);
    assert.equal(out.length - back.length, connectionId.length);
    // A packet sent back to its sender, as it is or in the shape of the other direction, is not taken for the peer's.
    const without = (packet: Uint8Array) => Uint8Array.from([packet[0]!, ...packet.subarray(1 + connectionId.length)]);
    const withId = (packet: Uint8Array) => Uint8Array.from([packet[0]!, ...connectionId, ...packet.subarray(1)]);
    for (const reflected of [out, without(out)]) assert.equal(client.open(reflected), 'unauthentic');
    for (const reflected of [back, withId(back)]) assert.equal(server.open(reflected), 'unauthentic');
    assert.deepEqual([...opened(server, out).frames], [...frames]);
    assert.deepEqual([...opened(client, back).frames], [...frames]);
  });

  it('show neither number, phase nor contents: the same frames twice have nothing but flags and id in common', () => {
    const client = end('client');
    const [one, other] = [client.seal(frames, -1), client.seal(frames, -1)];
    const common = one!.filter((byte, index) => byte === other![index]).length;
    assert.ok(common < 9 + 12, `${common} of ${one!.length} bytes are equal`);
  });

  it('are as long as said, and of at least so many bytes that there is a sample', () => {
    const client = end('client');
    const overhead = client.overheadBytes(-1);
    assert.equal(overhead, 26);
    assert.equal(client.seal(frames, -1).length, frames.length + overhead);
    const server = end('server');
    assert.equal(server.overheadBytes(-1), 18);
    assert.equal(server.seal(frames, -1).length, frames.length + 18);
    assert.throws(() => client.seal(Uint8Array.of(1, 0), -1), RangeError);
    assert.equal(framesBytesMin(1), 3);
    assert.equal(opened(server, client.seal(Uint8Array.of(1, 0, 0), -1)).frames.length, 3);
    assert.equal(opened(client, server.seal(Uint8Array.of(1, 0, 0), -1)).frames.length, 3);
  });

  it('with any one bit flipped are refused, and nothing but a count changes', () => {
    const packet = end('client').seal(frames, -1);
    const server = end('server');
    server.seal(frames, -1);
    const before = stateOf(server);
    for (let bit = 0; bit < packet.length * 8; bit += 1) {
      const flipped = packet.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      assert.equal(typeof server.open(flipped), 'string', `bit ${bit}`);
    }
    assert.deepEqual(stateOf(server), before);
    const { malformed, unauthentic, duplicate } = server.refused;
    assert.equal(malformed, 5, 'the five fixed bits');
    assert.equal(malformed + unauthentic + duplicate, packet.length * 8);
    assert.equal(opened(server, packet).number, 0, 'the packet itself is still taken');
  });

  it('cut short anywhere, or with more at their end, are refused', () => {
    const ways = [
      { from: 'client', to: 'server', bytesMin: 29 },
      { from: 'server', to: 'client', bytesMin: 21 },
    ] as const;
    for (const { from, to, bytesMin } of ways) {
      const packet = end(from).seal(frames, -1);
      const receiver = end(to);
      for (let length = 0; length < packet.length; length += 1) {
        const expected = length < bytesMin ? 'malformed' : 'unauthentic';
        assert.equal(receiver.open(packet.subarray(0, length)), expected, String(length));
      }
      assert.equal(receiver.open(Uint8Array.from([...packet, 0])), 'unauthentic');
      assert.equal(receiver.largestReceived, -1);
    }
  });

  it('of another key, another connection or sheer junk are refused', () => {
    const server = end('server');
    const otherKey = end('client', { datagramSecret: secret.map((byte) => byte ^ 1) });
    assert.equal(server.open(otherKey.seal(frames, -1)), 'unauthentic');
    const otherId = end('client', { connectionId: connectionId.map((byte) => byte ^ 1) });
    assert.equal(server.open(otherId.seal(frames, -1)), 'unauthentic');
    const before = stateOf(server);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (junk, isNearly) => {
        if (isNearly && junk.length > 9) {
          junk[0] = 0x40 | (junk[0]! & 7);
          junk.set(connectionId, 1);
        }
        assert.equal(typeof server.open(junk), 'string');
        assert.deepEqual(stateOf(server), before);
      }),
      { numRuns: propertyRuns() },
    );
  });

  it('that come again are duplicates, however often and however old', () => {
    const client = end('client');
    const server = end('server');
    const packets = Array.from({ length: 1_100 }, (_, index) => client.seal(frames, index - 1));
    for (const packet of packets) opened(server, packet);
    for (const packet of packets) assert.notEqual(typeof server.open(packet), 'object');
    assert.equal(server.largestReceived, 1_099);
    // Numbers within reach of the window are known as duplicates; older ones were cut, and come out as ones to come.
    assert.ok(server.refused.duplicate >= 128);
  });

  it('are found however far the receiver is behind', () => {
    const client = end('client');
    const server = end('server');
    let last: Uint8Array | undefined;
    for (let index = 0; index < 40_000; index += 1) last = client.seal(Uint8Array.of(0, 0, 0, 0), -1);
    assert.equal(opened(server, last!).number, 39_999);
  });
});
