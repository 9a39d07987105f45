import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostPort, isLoopback, listenError, plainAddress, resolveHost } from './address.ts';
import { ServerError } from './errors.ts';

describe('Addresses', () => {
  it('of IPv4 in IPv6 clothes are counted and compared as IPv4', () => {
    assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(plainAddress('192.0.2.1'), '192.0.2.1');
    assert.equal(plainAddress('2001:db8::1'), '2001:db8::1');
    assert.equal(plainAddress(undefined), '');
  });

  it('are written as in a URL', () => {
    assert.equal(hostPort('127.0.0.1', 1), '127.0.0.1:1');
    assert.equal(hostPort('::1', 1), '[::1]:1');
  });

  it('are loopback or not', () => {
    assert.ok(isLoopback('127.0.0.1') && isLoopback('127.9.9.9') && isLoopback('::1'));
    assert.ok(!isLoopback('0.0.0.0') && !isLoopback('::') && !isLoopback('192.0.2.1'));
  });

  it('come from names, IPv4 first', async () => {
    assert.equal(await resolveHost('localhost'), '127.0.0.1');
    assert.equal(await resolveHost('::1'), '::1');
    await assert.rejects(
      resolveHost('no-such-host.invalid'),
      (error) => error instanceof ServerError && error.code === 'HOST_UNRESOLVED' && /--host/.test(error.message),
    );
  });

  it('that cannot be listened on give one line that says what to do', () => {
    const fail = (code: string) =>
      listenError(Object.assign(new Error('x'), { code }), 'udp', '::1', 53, 'hybrid.udp_port');
    assert.match(fail('EADDRINUSE').message, /^Cannot listen on udp \[::1\]:53: the port is busy; .*hybrid\.udp_port/);
    assert.equal(fail('EADDRINUSE').code, 'PORT_BUSY');
    assert.equal(fail('EACCES').code, 'PORT_FORBIDDEN');
    assert.equal(fail('EADDRNOTAVAIL').code, 'ADDRESS_UNAVAILABLE');
    assert.equal(fail('EWHATEVER').code, 'LISTEN_FAILED');
  });
});
