import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { nodeLinkCrypto } from '../../../link/src/crypto.ts';
import type { LinkCrypto } from './crypto.ts';
import { connectionIdOf, type OpenedPacket, PacketProtection, type PacketProtectionOptions } from './index.ts';
import { clientConnectionId, directionSecrets, hkdfExpandLabel } from './keys.ts';
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

  it('of the two directions have different connection ids and keys', () => {
    const client = end('client');
    const server = end('server');
    assert.deepEqual(client.idOut, connectionId);
    assert.deepEqual(server.idIn, connectionId);
    assert.deepEqual(client.idIn, server.idOut);
    assert.notDeepEqual(client.idIn, connectionId);
    assert.deepEqual(connectionIdOf(client.seal(frames, -1)), connectionId);
    // A packet sent back to its sender, its id changed to the sender's own, is not taken for the peer's.
    const reflected = client.seal(frames, -1);
    reflected.set(client.idIn, 1);
    assert.equal(client.open(reflected), 'unauthentic');
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
    assert.throws(() => client.seal(Uint8Array.of(1, 0), -1), RangeError);
    assert.equal(framesBytesMin(1), 3);
    assert.equal(opened(end('server'), client.seal(Uint8Array.of(1, 0, 0), -1)).frames.length, 3);
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
    const packet = end('client').seal(frames, -1);
    const server = end('server');
    for (let length = 0; length < packet.length; length += 1) {
      const expected = length < 29 ? 'malformed' : 'unauthentic';
      assert.equal(server.open(packet.subarray(0, length)), expected, String(length));
    }
    assert.equal(server.open(Uint8Array.from([...packet, 0])), 'unauthentic');
    assert.equal(server.largestReceived, -1);
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

describe('Nonces', () => {
  it('are never used twice with one key, across sends, failures and key updates', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('client', 'server', 'lost', 'fail'), { maxLength: 60 }), (steps) => {
        const used = new Set<string>();
        let failsNext = false;
        const crypto: LinkCrypto = {
          ...nodeLinkCrypto,
          aes128Gcm: (key) => {
            const aead = nodeLinkCrypto.aes128Gcm(key);
            return {
              open: (nonce, aad, sealed) => aead.open(nonce, aad, sealed),
              seal: (nonce, aad, plaintext, out, outOffset) => {
                const name = `${Buffer.from(key).toString('hex')} ${Buffer.from(nonce).toString('hex')}`;
                assert.ok(!used.has(name), 'a nonce is used again');
                used.add(name);
                if (failsNext) throw new Error('no memory');
                aead.seal(nonce, aad, plaintext, out, outOffset);
              },
            };
          },
        };
        const ends = {
          client: end('client', { crypto, keyPackets: 3 }),
          server: end('server', { crypto, keyPackets: 5 }),
        };
        const acked = { client: -1, server: -1 };
        for (const step of steps) {
          const from = step === 'server' ? 'server' : 'client';
          const to = from === 'server' ? 'client' : 'server';
          failsNext = step === 'fail';
          const number = ends[from].nextNumber;
          if (failsNext) {
            assert.throws(() => ends[from].seal(frames, acked[from]), { message: 'no memory' });
            assert.equal(ends[from].nextNumber, number + 1);
            continue;
          }
          const packet = ends[from].seal(frames, acked[from]);
          if (step === 'lost') continue;
          assert.equal(opened(ends[to], packet).number, number);
          // Acknowledged a packet later, when the peer has sent something.
          acked[from] = ends[to].nextNumber > 0 ? number : acked[from];
        }
      }),
      { numRuns: Math.min(propertyRuns(), 5_000) },
    );
  });
});

describe('Key updates', () => {
  /** Client and server that talk in turn; each packet arrives and is acknowledged. */
  function conversation(keyPackets: number) {
    const client = end('client', { keyPackets });
    const server = end('server');
    return {
      client,
      server,
      round: () => {
        opened(server, client.seal(frames, client.nextNumber - 1));
        opened(client, server.seal(frames, server.nextNumber - 1));
      },
    };
  }

  it('are made after so many packets, and the peer follows', () => {
    const { client, server, round } = conversation(10);
    for (let index = 0; index < 10; index += 1) round();
    assert.deepEqual(client.phases, { out: 0, in: 0 });
    round();
    assert.deepEqual(client.phases, { out: 1, in: 1 });
    assert.deepEqual(server.phases, { out: 1, in: 1 });
    for (let index = 0; index < 40; index += 1) round();
    assert.deepEqual(server.phases, { out: 5, in: 5 });
  });

  it('wait until the peer has followed the last one and acknowledged something of this phase', () => {
    const client = end('client', { keyPackets: 2 });
    for (let index = 0; index < 10; index += 1) client.seal(frames, -1);
    assert.equal(client.phases.out, 0, 'nothing was acknowledged');
    for (let index = 0; index < 10; index += 1) client.seal(frames, 3);
    assert.equal(client.phases.out, 1, 'once, and the peer has not followed');
  });

  it('still let late packets of the last phase in, until those keys are dropped', () => {
    const { client, server, round } = conversation(4);
    round();
    round();
    const [late, later] = [client.seal(frames, 1), client.seal(frames, 1)];
    assert.equal(client.phases.out, 0);
    round();
    assert.equal(server.phases.in, 1);
    assert.equal(opened(server, late!).number, 2);
    server.dropPreviousKeys();
    assert.equal(server.open(later!), 'unauthentic');
  });

  it('are found although the first packets of the new phase were lost or came in another order', () => {
    const { client, server, round } = conversation(2);
    round();
    round();
    const fresh = [1, 2, 3].map(() => client.seal(frames, 1));
    assert.equal(client.phases.out, 1);
    assert.equal(opened(server, fresh[2]!).number, 4);
    assert.equal(opened(server, fresh[0]!).number, 2);
    assert.equal(opened(server, fresh[1]!).number, 3);
    assert.deepEqual(server.phases, { out: 1, in: 1 });
  });

  it('of both ends at once are one', () => {
    const client = end('client', { keyPackets: 1 });
    const server = end('server', { keyPackets: 1 });
    opened(server, client.seal(frames, -1));
    opened(client, server.seal(frames, -1));
    const [one, other] = [client.seal(frames, 0), server.seal(frames, 0)];
    opened(server, one);
    opened(client, other);
    assert.deepEqual(client.phases, { out: 1, in: 1 });
    assert.deepEqual(server.phases, { out: 1, in: 1 });
  });

  it('that a peer makes faster than it can have had an acknowledgement are not followed', () => {
    const client = end('client', { keyPackets: 1 });
    const server = end('server');
    // A client that turns the phase for every packet, as if all of them were acknowledged and followed.
    opened(server, client.seal(frames, -1));
    opened(client, server.seal(frames, -1));
    opened(server, client.seal(frames, 0));
    assert.equal(server.phases.in, 1);
    // It has not heard of the server since, so that a second turn cannot be right; it makes one all the same.
    const liar = end('client', { keyPackets: 1 });
    const accomplice = end('server');
    opened(accomplice, liar.seal(frames, -1));
    opened(liar, accomplice.seal(frames, -1));
    opened(accomplice, liar.seal(frames, 0));
    opened(liar, accomplice.seal(frames, -1));
    const tooEarly = liar.seal(frames, 1);
    assert.equal(liar.phases.out, 2);
    assert.equal(server.open(tooEarly), 'unauthentic');
    assert.deepEqual(server.phases, { out: 1, in: 1 });
  });
});

describe('Limits of keys', () => {
  it('end the sealing with a key that the peer does not follow', () => {
    const client = end('client', { keyPackets: 2, keyPacketsMax: 4 });
    for (let index = 0; index < 4; index += 1) {
      assert.ok(client.canSeal(-1));
      client.seal(frames, -1);
    }
    assert.ok(!client.canSeal(-1));
    assert.throws(() => client.seal(frames, -1), RangeError);
    assert.ok(client.canSeal(3), 'an acknowledgement lets the phase turn');
    client.seal(frames, 3);
    assert.equal(client.phases.out, 1);
  });

  it('drop the keys after too many packets that do not authenticate', () => {
    const client = end('client');
    const server = end('server', { failedOpeningsMax: 3 });
    const good = client.seal(frames, -1);
    const bad = good.slice();
    bad[20]! ^= 1;
    for (let count = 0; count < 3; count += 1) assert.ok(typeof server.open(bad) === 'string');
    assert.ok(server.isWornOut);
    assert.equal(server.open(good), 'unauthentic');
    assert.ok(!server.canSeal(-1));
    assert.throws(() => server.seal(frames, -1), RangeError);
  });

  it('are given as they are: secrets, ids and labels of another length are refused', () => {
    assert.throws(() => end('client', { connectionId: new Uint8Array(7) }), RangeError);
    assert.throws(() => end('server', { connectionId: new Uint8Array(9) }), RangeError);
    assert.throws(() => end('client', { datagramSecret: new Uint8Array(31) }), RangeError);
    assert.throws(() => hkdfExpandLabel(nodeLinkCrypto, secret, '', 16), RangeError);
    assert.throws(() => hkdfExpandLabel(nodeLinkCrypto, secret, 'x'.repeat(256), 16), RangeError);
    assert.throws(() => hkdfExpandLabel(nodeLinkCrypto, secret, 'x', 33), RangeError);
    const { server } = directionSecrets(nodeLinkCrypto, secret);
    assert.equal(clientConnectionId(nodeLinkCrypto, server).length, 8);
  });
});
