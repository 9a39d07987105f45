import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionSlots } from './connection-slots.ts';

function slots(totalMax: number, perAddressMax: number) {
  const evicted: string[] = [];
  return { table: new ConnectionSlots<string>(totalMax, perAddressMax, (name) => evicted.push(name)), evicted };
}

describe('Slots for unfinished connections', () => {
  it('make room for one more from an address by closing the oldest of that address', () => {
    const { table, evicted } = slots(10, 2);
    for (const name of ['a1', 'a2', 'a3']) table.take(name, 'a');
    table.take('b1', 'b');
    assert.deepEqual(evicted, ['a1']);
    assert.deepEqual(table.connections(), ['a2', 'a3', 'b1']);
  });

  it('make room in a full table by closing the oldest of all', () => {
    const { table, evicted } = slots(2, 2);
    table.take('a1', 'a');
    table.take('b1', 'b');
    table.take('c1', 'c');
    assert.deepEqual(evicted, ['a1']);
    assert.equal(table.size, 2);
  });

  it('are free again when a connection is finished, and forget the address', () => {
    const { table, evicted } = slots(2, 1);
    table.take('a1', 'a');
    table.release('a1');
    table.release('a1');
    table.take('a2', 'a');
    assert.deepEqual(evicted, []);
    assert.equal(table.size, 1);
  });
});
