import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentLayouts } from './layouts.ts';

test('an address keeps the layout it began with, until so many others were heard', () => {
  const layouts = new RecentLayouts(2);
  layouts.note('a', 'plain');
  layouts.note('a', 'typed');
  assert.equal(layouts.get('a'), 'plain');
  layouts.note('b', 'typed');
  layouts.note('c', 'typed');
  assert.deepEqual([layouts.size, layouts.get('a'), layouts.get('b')], [2, undefined, 'typed']);
});
