import assert from 'node:assert/strict';
import { test } from 'node:test';
import { datagramSource } from '../datagrams/source.ts';
import { DatagramPeers } from './datagram-peers.ts';

const peer = datagramSource;

test('peers are bounded in all and per IP address, and make room when they go', () => {
  const peers = new DatagramPeers(3, 2);
  const [first, second, third] = [peer('192.0.2.1', 1), peer('192.0.2.1', 2), peer('192.0.2.2', 1)];
  peers.add(first);
  peers.add(second);
  assert.deepEqual([peers.hasRoomFor('192.0.2.1'), peers.hasRoomFor('192.0.2.2')], [false, true]);
  peers.add(third);
  assert.equal(peers.hasRoomFor('192.0.2.3'), false);
  peers.remove(first);
  peers.remove(first);
  assert.deepEqual([peers.hasRoomFor('192.0.2.1'), peers.size], [true, 2]);
});

test('a peer that takes the place of another is counted once, and the old one cannot take it away', () => {
  const peers = new DatagramPeers(3, 2);
  const [old, fresh] = [peer('192.0.2.1', 1), peer('192.0.2.1', 1)];
  peers.add(old);
  peers.add(fresh);
  peers.remove(old);
  assert.deepEqual([peers.get(old.key) === fresh, peers.size, peers.hasRoomFor('192.0.2.1')], [true, 1, true]);
});
