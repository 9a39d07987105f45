import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonLinesUrl, parseWebSocketUrl } from './target.ts';

test('a jsonl URL names host, port and room', () => {
  assert.deepEqual(parseJsonLinesUrl(new URL('jsonl://chat.example:1234/a%20room%2F%F0%9F%8E%89')), {
    host: 'chat.example',
    port: 1234,
    room: 'a room/🎉',
  });
  assert.equal(parseJsonLinesUrl(new URL('jsonl://[::1]/lobby')).host, '::1');
  assert.equal(parseJsonLinesUrl(new URL('jsonl://localhost/lobby')).port, 8765);
});

test('a ws URL leads to /ws of its host', () => {
  const { endpoint, room } = parseWebSocketUrl(new URL('ws://chat.example:8080/lobby'));
  assert.equal(endpoint.href, 'ws://chat.example:8080/ws');
  assert.equal(room, 'lobby');
  assert.equal(parseWebSocketUrl(new URL('wss://chat.example/lobby')).endpoint.href, 'wss://chat.example/ws');
});

for (const [url, fault] of [
  ['jsonl://127.0.0.1:1/', /it names no room, as in jsonl:\/\/127\.0\.0\.1:1\/lobby/],
  ['jsonl:///lobby', /it names no host/],
  ['jsonl://127.0.0.1/%ff', /not properly percent-encoded/],
  ['ws://127.0.0.1:1/', /it names no room/],
  ['ws://ann:sesame@127.0.0.1:1/lobby', /do not belong into it/],
] as const) {
  test(`${url} is refused`, () => {
    const parse = url.startsWith('ws') ? parseWebSocketUrl : parseJsonLinesUrl;
    assert.throws(() => parse(new URL(url)), fault);
    assert.throws(
      () => parse(new URL(url)),
      (error: Error) => !error.message.includes('sesame'),
    );
  });
}
