import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hosts } from './hosts.ts';

test('addresses and localhost are what nobody else can have named', () => {
  const hosts = new Hosts('', '127.0.0.1');
  const fine = [
    '127.0.0.1:8080',
    '192.0.2.7',
    '[::1]:8080',
    '[::ffff:192.0.2.7]',
    'localhost',
    'LOCALHOST:1',
    'localhost.',
  ];
  for (const host of [...fine, 'chat.localhost:8080', undefined]) assert.ok(hosts.permits(host), `${host}`);
  // 0x7f000001 is an address to a browser, too.
  assert.ok(hosts.permits('0x7f000001'));
});

test('any other name must be known: that of an attacker is not', () => {
  const hosts = new Hosts(' chat.example.org\thost:8080 ', 'server.lan');
  for (const host of ['chat.example.org', 'Chat.Example.Org:443', 'host', 'server.lan:8080']) {
    assert.ok(hosts.permits(host), host);
  }
  const foreign = ['evil.example', 'example.org', 'sub.chat.example.org', 'localhost.evil.example', 'notlocalhost'];
  for (const host of [...foreign, '127.0.0.1.evil.example', '', ':8080', 'a b', '127.0.0.1@evil.example', '%']) {
    assert.equal(hosts.permits(host), false, host);
  }
});

test('* is for all, as behind something that has looked already', () => {
  assert.ok(new Hosts('*', '127.0.0.1').permits('evil.example'));
});
