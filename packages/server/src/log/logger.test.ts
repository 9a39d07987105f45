import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger } from './logger.ts';

function logged(format: 'text' | 'json' | 'auto', isTTY = false): string[] {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format }, { write: (line) => lines.push(line), isTTY });
  log.debug('not shown');
  log.warn({ room: 3, err: new Error('disk full') }, 'cannot write');
  return lines;
}

describe('The log', () => {
  it('is JSON for programs', () => {
    const lines = logged('json');
    assert.equal(lines.length, 1);
    const entry = JSON.parse(lines[0]!) as Record<string, unknown>;
    assert.equal(entry.msg, 'cannot write');
    assert.equal(entry.room, 3);
  });

  it('is one line of text for people, with the cause and the details', () => {
    for (const lines of [logged('text'), logged('auto', true)]) {
      assert.equal(lines.length, 1);
      assert.match(lines[0]!, /^\d{4}-\d\d-\d\dT\S+ warn {2}cannot write: disk full room=3\n$/);
    }
  });
});
