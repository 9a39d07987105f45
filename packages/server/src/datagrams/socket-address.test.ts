import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { socketAddressOf } from './socket-address.ts';

function bytesOf(address: string, port: number): string {
  const words = Int32Array.from(socketAddressOf(address, port));
  return Buffer.from(words.buffer).toString('hex');
}

test('an IPv4 address is family 2, then port and address in network order', () => {
  assert.equal(bytesOf('127.0.0.1', 9091), '02002383' + '7f000001');
  assert.equal(bytesOf('255.254.253.252', 65_535), '0200ffff' + 'fffefdfc');
});

test('an IPv6 address is family 10, port, no flow label, address, no scope', () => {
  const [flow, scope] = ['00000000', '00000000'];
  assert.equal(bytesOf('::1', 9091), `0a002383${flow}${'00'.repeat(15)}01${scope}`);
  assert.equal(bytesOf('::', 1), `0a000001${flow}${'00'.repeat(16)}${scope}`);
  assert.equal(bytesOf('2001:db8::8:800:200c:417a', 1), `0a000001${flow}20010db80000000000080800200c417a${scope}`);
  assert.equal(bytesOf('1:2:3:4:5:6:7:8', 1), `0a000001${flow}00010002000300040005000600070008${scope}`);
  assert.equal(bytesOf('::ffff:192.0.2.1', 1), `0a000001${flow}${'00'.repeat(10)}ffffc0000201${scope}`);
  assert.equal(bytesOf('fe80::', 1), `0a000001${flow}fe80${'00'.repeat(14)}${scope}`);
});

test('what has a scope, or is no address, has no such form', () => {
  for (const address of ['fe80::1%eth0', 'localhost', '', '1.2.3', '1:2:3']) {
    assert.deepEqual(socketAddressOf(address, 1), [], address);
  }
});

test('any IPv4 and IPv6 address comes out byte by byte', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(65_535), (groups, port) => {
      const whole = groups.map((group) => group.toString(16).padStart(4, '0')).join('');
      const text = groups.map((group) => group.toString(16)).join(':');
      assert.equal(bytesOf(text, port).slice(16, 48), whole);
      const [first, second] = [groups[0]!, groups[1]!];
      const dotted = [first >> 8, first & 255, second >> 8, second & 255].join('.');
      assert.equal(bytesOf(dotted, port), `0200${port.toString(16).padStart(4, '0')}${whole.slice(0, 8)}`);
    }),
  );
});
