import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hosts } from './hosts.ts';
import { Origins } from './origins.ts';

const cases: readonly (readonly [configured: string, origin: string | undefined, host: string, permitted: boolean])[] =
  [
    ['', undefined, 'chat.example.org', true],
    ['', 'http://chat.example.org', 'chat.example.org', true],
    ['', 'http://127.0.0.1:8080', '127.0.0.1:8080', true],
    // A page that has given its own name the server's address is of the same origin to its browser.
    ['', 'http://rebound.example:8080', 'rebound.example:8080', false],
    ['https://rebound.example', 'https://rebound.example', 'rebound.example', true],
    ['', undefined, 'rebound.example', true],
    ['', 'http://[::1]:8080', '[::1]:8080', true],
    // A proxy adds TLS; a default port is none; names have no case.
    ['', 'https://chat.example.org', 'Chat.Example.org', true],
    ['', 'https://chat.example.org', 'chat.example.org:443', true],
    ['', 'http://evil.example', 'chat.example.org', false],
    ['', 'http://chat.example.org.evil.example', 'chat.example.org', false],
    ['', 'http://chat.example.org:8081', 'chat.example.org:8080', false],
    ['', 'null', 'chat.example.org', false],
    ['', 'nonsense', 'nonsense', false],
    ['https://a.example  https://b.example:8443', 'https://b.example:8443', 'chat.example.org', true],
    ['https://a.example', 'http://a.example', 'chat.example.org', false],
    ['https://a.example/', 'https://a.example', 'chat.example.org', true],
    ['*', 'http://evil.example', 'chat.example.org', true],
  ];

for (const [configured, origin, host, permitted] of cases) {
  test(`origins "${configured}": a page of ${origin} may${permitted ? '' : ' not'} connect to ${host}`, () => {
    assert.equal(new Origins(configured, new Hosts('chat.example.org', '127.0.0.1')).permits(origin, host), permitted);
  });
}
