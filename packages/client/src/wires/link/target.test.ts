import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { knownServersInMemory } from '@confab/link';
import { parseLinkUrl, trustOfUrl } from './target.ts';

const parse = (url: string) => parseLinkUrl(new URL(url));

describe('A confab:// URL', () => {
  it('names host, port, room and path', () => {
    assert.deepEqual(parse('confab://[::1]:7000/caf%C3%A9?path=udp'), {
      host: '::1',
      port: 7000,
      room: 'café',
      path: 'udp',
    });
    assert.deepEqual(parse('confab://example.org/lobby'), {
      host: 'example.org',
      port: 9443,
      room: 'lobby',
      path: undefined,
    });
  });

  it('is refused when it says what there is not', () => {
    for (const url of [
      'confab://h/',
      'confab:///lobby',
      'confab://h/%ff',
      'confab://h/a?path=any',
      'confab://h/a?pim=x',
    ]) {
      assert.throws(() => parse(url), { code: 'URL_INVALID' }, url);
    }
    assert.throws(() => parse('confab://h/a?path=udp&path=tcp'), { code: 'URL_INVALID' });
  });

  it('keeps what stands before its host out of the message', () => {
    assert.throws(
      () => parse('confab://Ann:secret@h/a'),
      (error: Error) => !error.message.includes('secret'),
    );
  });

  it('says whom to trust, once', () => {
    const servers = knownServersInMemory();
    const trust = (query: string) => trustOfUrl(new URL(`confab://h/a${query}`), servers);
    assert.equal(trust('').kind, 'known');
    assert.equal(trust('?trust=ca').kind, 'ca');
    assert.throws(() => trust('?pin=short'), { code: 'URL_INVALID' });
    assert.throws(() => trust(`?trust=ca&pin=${'A'.repeat(43)}`), { code: 'URL_INVALID' });
  });
});
