import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { nodeLinkCrypto } from '../../../link/src/crypto.ts';
import type { LinkCrypto } from './crypto.ts';
import { type OpenedPacket, PacketProtection, type PacketProtectionOptions } from './index.ts';
import { hkdfExpandLabel } from './keys.ts';

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
  });
});
