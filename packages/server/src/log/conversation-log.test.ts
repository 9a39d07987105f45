import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '@confab/config';
import { EventKind, type RoomEvent } from '@confab/core';
import { entry, openHubWorld, propertyRuns, temporaryDirectory } from '@confab/testing';
import fc from 'fast-check';
import { ConversationLog, conversationLine, escapeLine } from './conversation-log.ts';
import { createLogger } from './logger.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function event(text: string, more: Partial<RoomEvent> = {}): RoomEvent {
  const timeMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  return {
    roomId: 1,
    seq: 1,
    position: 1,
    kind: EventKind.MESSAGE,
    timeMs,
    author: 1,
    user: 'Ann',
    body: bytes(text),
    ...more,
  };
}

describe('A line of the conversation log', () => {
  it('is timestamp, room, user and text', () => {
    assert.equal(conversationLine('lobby', event('hello')), '2026-01-02T03:04:05.678Z lobby Ann: hello\n');
    assert.equal(
      conversationLine('a room', event('hé 👋', { user: 'Ann Lee' })),
      '2026-01-02T03:04:05.678Z a room Ann Lee: hé 👋\n',
    );
  });

  it('cannot be made to look like another one', () => {
    const line = conversationLine(
      'lobby',
      event('x\n2026-01-02T03:04:05.678Z lobby Bob: y\r\u2028\u001b[2J\u202e\\n\u0085'),
    );
    assert.equal(
      line,
      '2026-01-02T03:04:05.678Z lobby Ann: x\\n2026-01-02T03:04:05.678Z lobby Bob: y\\r\\u2028\\u001b[2J\\u202e\\\\n\\u0085\n',
    );
  });

  it('marks a correction, and is not there for what nobody said', () => {
    assert.equal(
      conversationLine('lobby', event('hi', { kind: EventKind.EDIT, target: 1 })),
      '2026-01-02T03:04:05.678Z lobby Ann: * hi\n',
    );
    for (const kind of [
      EventKind.JOIN,
      EventKind.LEAVE,
      EventKind.CLOSE,
      EventKind.NOTICE,
      EventKind.DELETE,
      EventKind.REACTION,
      99,
    ]) {
      assert.equal(conversationLine('lobby', event('', { kind })), undefined);
    }
  });

  it('can be read back', () => {
    const back = (line: string): string =>
      line.replace(/\\(?:u([0-9a-f]{4})|(.))/g, (_, code: string | undefined, letter: string) =>
        code === undefined
          ? { n: '\n', r: '\r', t: '\t', '\\': '\\' }[letter]!
          : String.fromCharCode(Number.parseInt(code, 16)),
      );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const line = escapeLine(text);
        assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
        assert.equal(back(line), text);
      }),
      { numRuns: propertyRuns() },
    );
  });
});

describe('The conversation log', () => {
  it('gets every line said in every room once, says at start what it is, and stops when it is closed', async (context) => {
    const { path: folder } = temporaryDirectory(context);
    const path = join(folder, 'conversation.log');
    const { config } = loadConfig({ flags: [{ flag: '', path: 'log.conversation', value: path }] });
    const { hub, done, run } = await openHubWorld();
    const said: string[] = [];
    const log = createLogger({ level: 'info', format: 'json' }, { write: (line) => said.push(line) });
    const conversation = await ConversationLog.open(config.log, hub, log);
    assert.equal(said.length, 1);
    assert.match(said[0]!, /in clear, outside the store/);

    const { member: ann } = await done(hub.create(entry('lobby', 'Ann')));
    const { member: bob } = await done(hub.create(entry('den', 'Bob')));
    for (const [member, text] of [
      [ann, 'one'],
      [bob, 'two'],
      [ann, 'three'],
    ] as const)
      hub.post(member, { body: bytes(text) });
    await run();
    hub.leave(ann);
    await run();
    await conversation.close();
    hub.post(bob, { body: bytes('unheard') });
    await run();
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\S+ /, ''));
    // Each room in its own order.
    assert.deepEqual(lines.toSorted(), ['den Bob: two', 'lobby Ann: one', 'lobby Ann: three']);
    assert.ok(lines.indexOf('lobby Ann: one') < lines.indexOf('lobby Ann: three'));
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});
