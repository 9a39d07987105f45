import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing';
import fc from 'fast-check';
import { CoreError } from './errors.ts';
import { NAME_BYTES_MAX, utf8Length, validateRoomName, validateUserName } from './names.ts';

const refusedAs = (code: string) => (error: unknown) => error instanceof CoreError && error.code === code;

function assertRefused(name: string): void {
  assert.throws(() => validateRoomName(name), refusedAs('ROOM_NAME_INVALID'), `room ${JSON.stringify(name)}`);
  assert.throws(() => validateUserName(name), refusedAs('USER_NAME_INVALID'), `user ${JSON.stringify(name)}`);
}

function assertTaken(name: string): void {
  validateRoomName(name);
  validateUserName(name);
}

test('a name has 1 to 255 bytes of UTF-8, not characters', () => {
  assertRefused('');
  assertTaken('a');
  assertTaken('a'.repeat(255));
  assertRefused('a'.repeat(256));
  assertTaken(`a${'é'.repeat(127)}`);
  assertRefused('é'.repeat(128));
  assertTaken('語'.repeat(85));
  assertRefused(`${'語'.repeat(85)}a`);
  assertTaken(`abc${'😀'.repeat(63)}`);
  assertRefused('😀'.repeat(64));
});

test('emoji, joiners and letters of any script are taken', () => {
  for (const name of ['😀', '👨‍👩‍👧', 'Zoë', 'Ωμέγα', '会議室', 'غرفة', 'a b', 'a\u00a0b']) assertTaken(name);
});

test('control characters are refused wherever they stand', () => {
  for (const control of ['\0', '\t', '\n', '\r', '\u001b', '\u001f', '\u007f', '\u0080', '\u009b', '\u009f']) {
    assertRefused(control);
    assertRefused(`a${control}b`);
    assertRefused(`${control}a`);
    assertRefused(`a${control}`);
  }
});

test('white space is refused at either end and taken in the middle', () => {
  for (const space of [' ', '\u00a0', '\u1680', '\u2003', '\u2028', '\u2029', '\u3000', '\ufeff']) {
    assertRefused(space);
    assertRefused(`${space}a`);
    assertRefused(`a${space}`);
    assertTaken(`a${space}b`);
  }
});

test('half a surrogate pair is refused', () => {
  for (const name of ['\ud800', 'a\ud83d', '\ude00a', '\ude00\ud83d']) assertRefused(name);
});

test('the name of the server is refused to users in any letter case, and is a fine name for a room', () => {
  for (const name of ['system', 'System', 'SYSTEM', 'sYsTeM', '\u017fyStem']) {
    assert.throws(() => validateUserName(name), refusedAs('USER_NAME_INVALID'), name);
    validateRoomName(name);
  }
  for (const name of ['systems', 'a system', 'sistem', 'system.']) validateUserName(name);
});

test('names are not normalised: two spellings of one letter are two names, both taken', () => {
  assertTaken('\u00e9');
  assertTaken('e\u0301');
});

test('an error message shows a bad name on one line, shortened, without what a terminal would obey', () => {
  const name = `\u001b[2J\u009b2J\u2028\u007f${'x'.repeat(500)}`;
  assert.throws(
    () => validateRoomName(name),
    (error: Error) => {
      assert.doesNotMatch(error.message, /[\p{Cc}\p{Zl}\p{Zp}]/u);
      assert.ok(error.message.length < 200);
      assert.match(error.message, /\\u001b.*\\u009b.*\\u2028.*\\u007f/);
      return true;
    },
  );
});

test('the length in UTF-8 is what an encoder makes of any well-formed text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      assert.equal(utf8Length(text), new TextEncoder().encode(text).byteLength);
    }),
    { numRuns: propertyRuns() },
  );
});

test('any text is either taken or refused with the code of its kind, by the rules alone', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string());
  fc.assert(
    fc.property(text, (name) => {
      const bytes = new TextEncoder().encode(name).byteLength;
      const isFine = bytes >= 1 && bytes <= NAME_BYTES_MAX && name.trim() === name && !/\p{Cc}/u.test(name);
      if (isFine) validateRoomName(name);
      else assert.throws(() => validateRoomName(name), refusedAs('ROOM_NAME_INVALID'));
    }),
    { numRuns: propertyRuns() },
  );
});
