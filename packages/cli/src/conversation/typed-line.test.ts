import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTypedLine, typedHelp } from './typed-line.ts';

test('exit, quit and q leave, in any case and between blanks', () => {
  for (const line of ['exit', 'QUIT', '  q ', 'Exit\t']) {
    assert.deepEqual(parseTypedLine(line, true), { kind: 'leave' });
    assert.deepEqual(parseTypedLine(line, false), { kind: 'leave' });
  }
});

test('a line that only begins so is said', () => {
  assert.deepEqual(parseTypedLine('quit it', true), { kind: 'say', text: 'quit it' });
});

test('blank lines mean nothing', () => {
  assert.deepEqual(parseTypedLine(' \t', true), { kind: 'nothing' });
});

test('a line is said with the blanks around it', () => {
  assert.deepEqual(parseTypedLine('  indented ', true), { kind: 'say', text: '  indented ' });
});

test('where people type, a slash begins a command, and two begin a text', () => {
  assert.deepEqual(parseTypedLine('/help', true), { kind: 'help' });
  assert.deepEqual(parseTypedLine('/QUIT', true), { kind: 'leave' });
  assert.deepEqual(parseTypedLine('/usr/bin is a folder', true), { kind: 'unknown-command', command: '/usr/bin' });
  assert.deepEqual(parseTypedLine('//etc', true), { kind: 'say', text: '/etc' });
});

test('what a script pipes in has no commands', () => {
  assert.deepEqual(parseTypedLine('/help', false), { kind: 'say', text: '/help' });
  assert.deepEqual(parseTypedLine('//etc', false), { kind: 'say', text: '//etc' });
});

test('/join takes the rest of the line as the name of a room', () => {
  assert.deepEqual(parseTypedLine('/join  the  café ', true), { kind: 'join', room: 'the  café' });
  assert.deepEqual(parseTypedLine('/join', true), { kind: 'join', room: '' });
});

test('/link asks for the state of the link, and /help has it where there is one', () => {
  assert.deepEqual(parseTypedLine('/link', true), { kind: 'link' });
  assert.match(typedHelp(new Set(), true), /\/link/);
  assert.doesNotMatch(typedHelp(new Set()), /\/link/);
});

test('/edit, /react and /withdraw mean the newest message, or the one that is named by its number', () => {
  assert.deepEqual(parseTypedLine('/edit  new  text ', true), { kind: 'edit', seq: undefined, text: 'new  text' });
  assert.deepEqual(parseTypedLine('/edit #12 new text', true), { kind: 'edit', seq: 12, text: 'new text' });
  assert.deepEqual(parseTypedLine('/EDIT #12', true), { kind: 'edit', seq: 12, text: '' });
  assert.deepEqual(parseTypedLine('/edit #12th try', true), { kind: 'edit', seq: undefined, text: '#12th try' });
  assert.deepEqual(parseTypedLine('/react #3 👍', true), { kind: 'react', seq: 3, text: '👍' });
  assert.deepEqual(parseTypedLine('/withdraw', true), { kind: 'withdraw', seq: undefined });
  assert.deepEqual(parseTypedLine('/delete #9', true), { kind: 'withdraw', seq: 9 });
  assert.deepEqual(parseTypedLine('/last', true), { kind: 'last' });
  assert.deepEqual(parseTypedLine('/edit hi', false), { kind: 'say', text: '/edit hi' });
});

test('/keys lists, adds or removes', () => {
  assert.deepEqual(parseTypedLine('/keys', true), { kind: 'keys', change: undefined, key: '' });
  assert.deepEqual(parseTypedLine('/keys add  abc ', true), { kind: 'keys', change: 'add', key: 'abc' });
  assert.deepEqual(parseTypedLine('/keys remove', true), { kind: 'keys', change: 'remove', key: '' });
  assert.deepEqual(parseTypedLine('/keys drop abc', true), { kind: 'unknown-command', command: '/keys drop' });
});

test('/search takes the rest of the line, and may stand alone', () => {
  assert.deepEqual(parseTypedLine('/search  "good day" din*', true), { kind: 'search', query: '"good day" din*' });
  assert.deepEqual(parseTypedLine('/search', true), { kind: 'search', query: '' });
  assert.match(typedHelp(new Set(['search'])), /\/search WORDS/);
});

test('/help lists what the wire can do', () => {
  assert.match(typedHelp(new Set(['join', 'users'])), /\/join ROOM.*\n.*\/who/);
  assert.doesNotMatch(typedHelp(new Set()), /\/join|\/rooms|\/who|\/edit|\/react|\/last/);
  assert.match(
    typedHelp(new Set(['edit', 'react', 'withdraw'])),
    /\/edit TEXT.*\n.*\/withdraw.*\n.*\/react.*\n.*\/last/,
  );
});
