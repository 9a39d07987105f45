import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientError } from './errors.ts';
import { roomOfUrl, urlPathOfRoom } from './room-of-url.ts';

const invalid = (_url: URL, fault: string) => new ClientError('URL_INVALID', fault);
const roomOf = (end: string) => roomOfUrl(new URL(`ucrp://127.0.0.1:9090${end}`), invalid);

test('every name of a room has a URL that names it', () => {
  const names = [
    'lobby',
    'a room/🎉',
    '.',
    '..',
    '...',
    '.hidden',
    '%2e',
    '%2E%2e',
    'a/../b',
    '?',
    'a+b&room=x',
    ' ',
    '#',
  ];
  for (const query of ['', 'udp=12']) {
    for (const name of names) assert.equal(roomOf(urlPathOfRoom(name, query)), name);
  }
  assert.equal(urlPathOfRoom('lobby', 'udp=12'), '/lobby?udp=12');
  assert.equal(urlPathOfRoom('..', 'udp=12'), '/?room=..&udp=12');
});

test('a room can be named by ?room=, and by that or the path, not by both', () => {
  assert.equal(roomOf('/?room=a+room'), 'a room');
  assert.equal(roomOf('?room=..'), '..');
  assert.equal(roomOf('/?udp=1'), '');
  assert.equal(roomOf('/?room='), '');
  for (const end of ['/lobby?room=lobby', '/?room=a&room=b']) assert.throws(() => roomOf(end), /more than one room/);
  assert.throws(() => roomOf('/%ff'), /not properly percent-encoded/);
});

test('a path of dots is no room: parsers take it away before we see it', () => {
  for (const end of ['/.', '/..', '/%2e', '/%2E%2e', '/.%2E']) assert.equal(roomOf(end), '', end);
});
