import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { layoutLine } from './line-layout.ts';
import { padTo, textWidth } from './width.ts';

const layout = (line: string, columns: number, cursor = line.length) =>
  layoutLine({ prompt: '> ', line, cursor, columns, rowsMax: 100 });

test('a short line is one row, with the cursor behind it', () => {
  assert.deepEqual(layout('abc', 10), { rows: ['> abc'], widths: [5], cursorRow: 0, cursorColumn: 5 });
});

test('a line that fills its row has the cursor on the next', () => {
  assert.deepEqual(layout('12345678', 10), {
    rows: ['> 12345678', ''],
    widths: [10, 0],
    cursorRow: 1,
    cursorColumn: 0,
  });
});

test('a wide character is not broken over two rows', () => {
  assert.deepEqual(layout('1234567日x', 10).rows, ['> 1234567', '日x']);
});

test('the cursor stands before the character it is at', () => {
  const line = '日本語日本語';
  assert.deepEqual([layout(line, 9, 1).cursorRow, layout(line, 9, 1).cursorColumn], [0, 4]);
  assert.deepEqual([layout(line, 9, 3).cursorRow, layout(line, 9, 3).cursorColumn], [1, 0]);
});

test('an emoji of several code points is one character of two cells', () => {
  assert.equal(textWidth('👨‍👩‍👧'), 2);
  assert.equal(layout('👨‍👩‍👧', 20).cursorColumn, 4);
});

test('a pasted control character shows as a blank', () => {
  assert.deepEqual(layout('a\x1bb\tc\x9bd', 20).rows, ['> a b c d']);
});

test('of a line higher than the screen, the rows around the cursor show', () => {
  const line = Array.from({ length: 26 }, (_, index) => String.fromCharCode(97 + index).repeat(10)).join('');
  const at = (cursor: number) => layoutLine({ prompt: '', line, cursor, columns: 10, rowsMax: 4 });
  assert.deepEqual(
    at(0).rows.map((row) => row[0]),
    ['a', 'b', 'c', 'd'],
  );
  assert.deepEqual(
    at(105).rows.map((row) => row[0]),
    ['i', 'j', 'k', 'l'],
  );
  assert.equal(at(105).rows[at(105).cursorRow]![0], 'k');
  assert.equal(at(260).cursorRow, 3);
});

test('no row is wider than the screen, the cursor is on it, and nothing is lost', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', ' ', '日', '👍', 'é', '한'), { maxLength: 60 }),
      fc.integer({ min: 2, max: 20 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (characters, columns, share) => {
        const line = characters.join('');
        const cursor = characters.slice(0, Math.round(share * characters.length)).join('').length;
        const { rows, widths, cursorRow, cursorColumn } = layoutLine({
          prompt: '> ',
          line,
          cursor,
          columns,
          rowsMax: 99,
        });
        assert.equal(rows.join(''), `> ${line}`);
        assert.deepEqual(rows.map(textWidth), widths);
        assert.ok(widths.every((width) => width <= columns));
        assert.ok(cursorRow < rows.length && cursorColumn < columns && cursorColumn <= widths[cursorRow]!);
      },
    ),
    { numRuns: propertyRuns() },
  );
});

test('text is padded by the cells it takes', () => {
  assert.equal(padTo('日本', 6), '日本  ');
  assert.equal(padTo('long', 2), 'long');
});
