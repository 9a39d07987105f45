import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing';
import { encodeUcrpRequest } from '@confab/wire/ucrp';
import fc from 'fast-check';
import type { TappedBytes } from '../tap.ts';
import { Masking } from './masking.ts';
import { LineMask, maskUcrpToken, SecretMask } from './secret-mask.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const masked = (input: string): string => text(new SecretMask().apply(Buffer.from(input, 'latin1')));

describe('The mask of secrets in JSON', () => {
  it('covers passwords and tokens and nothing else, byte for byte', () => {
    const examples: [string, string][] = [
      ['{"username": "Ann", "password": "s3cret"}', '{"username": "Ann", "password": "******"}'],
      ['{"token":"token_12"} {"token" : "x"}', '{"token":"********"} {"token" : "*"}'],
      ['{"password": null, "user": "password"}', '{"password": null, "user": "password"}'],
      ['{"password":"a\\"b\\\\","x":"y"}', '{"password":"******","x":"y"}'],
      ['{"text":"\\"password\\":\\"shown\\""}', '{"text":"\\"password\\":\\"shown\\""}'],
      ['{"text":"my password: hello"}', '{"text":"my password: hello"}'],
      ['{"pass\\u0077ord":"hidden"}', '{"pass\\u0077ord":"******"}'],
      // A TCRP header whose first byte is a quotation mark, and a room with one in its name.
      ['"\x01\x00\x00ro"om{"password":"hidden"}', '"\x01\x00\x00ro"om{"password":"******"}'],
      ['{"a":"x","password":"unfinished', '{"a":"x","password":"**********'],
    ];
    for (const [input, expected] of examples) assert.equal(masked(input), expected);
  });

  it('hides the password of any request, however the stream is cut and whatever comes before it', () => {
    const secret = fc.string({ unit: 'grapheme', minLength: 12, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.string(),
        secret,
        fc.array(fc.nat(200)),
        (head, user, password, cuts) => {
          const payload = JSON.stringify({ username: user, password });
          // A backslash right before the JSON would be no JSON.
          const stream = Buffer.concat([head, Buffer.from(` ${payload}`)]);
          const mask = new SecretMask();
          const pieces: Uint8Array[] = [];
          let start = 0;
          for (const cut of [...cuts.toSorted((left, right) => left - right), stream.length]) {
            const end = Math.min(Math.max(cut, start), stream.length);
            pieces.push(mask.apply(stream.subarray(start, end)));
            start = end;
          }
          const shown = Buffer.concat(pieces);
          assert.equal(shown.length, stream.length);
          const value = Buffer.from(JSON.stringify(password)).length - 2;
          assert.ok(shown.toString('latin1').endsWith(`"password":"${'*'.repeat(value)}"}`));
        },
      ),
      { numRuns: propertyRuns() },
    );
  });

  it('leaves a chunk without secrets as it is, and does not write to what it is given', () => {
    const plain = Buffer.from('{"a":1}');
    assert.equal(new SecretMask().apply(plain), plain);
    const secret = Buffer.from('{"token":"x"}');
    new SecretMask().apply(secret);
    assert.equal(secret.toString(), '{"token":"x"}');
  });
});

describe('The mask of secrets in lines', () => {
  it('covers the token of a bridge packet, however it is cut and written', () => {
    const packet = 'REGISTER\r\nclientID: ann\r\n CONFAB-token :  s3cr3t_\r\nConfab-Key: k\r\nConfab-Tokens: t\r\n\r\n';
    const expected = packet.replace('s3cr3t_', '*******');
    for (let cut = 0; cut <= packet.length; cut += 1) {
      const mask = new LineMask();
      const parts = [packet.slice(0, cut), packet.slice(cut)].map((part) => text(mask.apply(Buffer.from(part))));
      assert.equal(parts.join(''), expected);
    }
  });
});

describe('The mask of a UCRP token', () => {
  it('covers it in both layouts, also in a datagram that is cut short', () => {
    for (const layout of ['compact', 'wide'] as const) {
      const datagram = encodeUcrpRequest({ layout, room: 'lobby', token: 'sesame', message: Buffer.from('open') });
      for (let length = 0; length <= datagram.length; length += 1) {
        const shown = text(maskUcrpToken(datagram.subarray(0, length)));
        assert.equal(
          shown,
          text(datagram.subarray(0, length)).replace(/sesame|sesam|sesa|ses|se|s$/, (part) => '*'.repeat(part.length)),
        );
      }
    }
  });

  it('never throws, keeps the length, and is total', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => assert.equal(maskUcrpToken(bytes).length, bytes.length)),
      { numRuns: propertyRuns() },
    );
  });
});

describe('Masking', () => {
  const record = (wire: string, bytes: string, more: Partial<TappedBytes> = {}): TappedBytes => {
    return { wire, direction: 'in', peer: '127.0.0.1:1', bytes: Buffer.from(bytes, 'latin1'), ...more };
  };

  it('keeps streams apart, by wire, direction and peer, and ends them', () => {
    const masking = new Masking();
    const show = (tapped: TappedBytes): string => text(masking.mask(tapped));
    show(record('json-lines', '{"password":"ab'));
    assert.equal(show(record('json-lines', 'plain')), '*****');
    assert.equal(show(record('json-lines', 'plain', { peer: '127.0.0.1:2' })), 'plain');
    assert.equal(show(record('json-lines', 'plain', { direction: 'out' })), 'plain');
    assert.equal(show(record('websocket', 'plain')), 'plain');
    show(record('json-lines', '', { isEnd: true }));
    assert.equal(show(record('json-lines', 'plain')), 'plain');
  });

  it('takes each datagram by itself', () => {
    const masking = new Masking();
    masking.mask(record('json-datagrams', '{"password":"ab'));
    assert.equal(text(masking.mask(record('json-datagrams', 'plain'))), 'plain');
  });

  it('finds tokens of the hybrid wire wherever they stand', () => {
    const masking = new Masking();
    const token = `token_${'0123456789abcdef'.repeat(2)}`;
    const hex = 'c0ffee00'.repeat(8);
    for (const wire of ['tcrp', 'ucrp']) {
      for (const direction of ['in', 'out'] as const) {
        const shown = text(masking.mask(record(wire, `\x05\x01xx${token}, ${hex}!`, { direction })));
        assert.ok(!shown.includes(token) && !shown.includes(hex), shown);
        assert.ok(shown.endsWith('!'));
      }
    }
  });

  it('remembers a bounded number of streams', () => {
    const masking = new Masking();
    for (let peer = 0; peer < 10_000; peer += 1) {
      masking.mask(record('json-lines', '{"password":"ab', { peer: `127.0.0.1:${peer}` }));
    }
    assert.equal(text(masking.mask(record('json-lines', 'x', { peer: '127.0.0.1:9999' }))), '*');
    assert.equal(text(masking.mask(record('json-lines', 'x', { peer: '127.0.0.1:0' }))), 'x');
  });
});
