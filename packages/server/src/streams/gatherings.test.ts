import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { DIRECT_BYTES_MAX, DirectWriter } from './direct-writer.ts';
import { FakeCalls } from './fake-calls.ts';
import { RING_ENTRIES } from './ring-calls.ts';
import { StuckSocket } from './stuck-socket.ts';

/** Sockets by name, on a writer with a ring, and all that each of them was given, by whichever way, in order. */
function openCrowd(names: string) {
  const calls = new FakeCalls({ hasRing: true });
  const heard: Record<string, string> = {};
  const byDescriptor = new Map<number, string>();
  calls.onSent = (descriptor, bytes) => {
    heard[byDescriptor.get(descriptor)!] += bytes;
  };
  let next = 0;
  const writer = new DirectWriter(calls, () => next);
  const members = new Map<string, { readonly socket: StuckSocket; readonly lane: number }>();
  for (const name of names) {
    heard[name] = '';
    next = 100 + byDescriptor.size;
    byDescriptor.set(next, name);
    const socket = new StuckSocket().on('error', () => {});
    socket.onTaken = (text) => {
      heard[name] += text;
    };
    members.set(name, { socket, lane: writer.open(socket) });
  }
  const socket = (name: string): StuckSocket => members.get(name)!.socket;
  /** As `settled` was called: the texts. */
  const settled: string[] = [];
  const write = (name: string, text: string): boolean =>
    writer.write(socket(name), members.get(name)!.lane, Buffer.from(text));
  /** As a delivery does: to all of them together that can be, to the others one by one. @returns the others */
  const tell = (crowd: string, text: string): string => {
    const bytes = Buffer.from(text);
    const added: Socket[] = [];
    const isGathering = writer.gather(bytes, crowd.length, {
      fellShort: (index, taken) => {
        if (added[index]!.writable) added[index]!.write(bytes.subarray(taken));
      },
      settled: () => settled.push(text),
    });
    const others: string[] = [];
    for (const name of crowd) {
      const { lane } = members.get(name)!;
      if (isGathering && writer.add(lane)) added.push(socket(name));
      else others.push(name);
    }
    if (isGathering) writer.settle();
    for (const name of others) writer.write(socket(name), members.get(name)!.lane, bytes);
    return others.join('');
  };
  return { calls, writer, heard, settled, socket, write, tell };
}

test('what is gathered for several crowds goes out by one call at the end, to each its own', () => {
  const { calls, writer, heard, settled, tell } = openCrowd('abcdef');
  writer.gathering(() => {
    assert.equal(tell('abc', 'one'), '');
    assert.equal(tell('de', 'two, which is longer'), '');
    assert.equal(tell('f', '3'), '');
    assert.deepEqual([calls.entered, settled], [[], []]);
  });
  assert.deepEqual(calls.entered, [[6, 0]]);
  assert.deepEqual(heard, {
    a: 'one',
    b: 'one',
    c: 'one',
    d: 'two, which is longer',
    e: 'two, which is longer',
    f: '3',
  });
  assert.deepEqual(settled, ['one', 'two, which is longer', '3']);
  tell('abc', '!');
  assert.deepEqual([calls.entered.at(-1), heard.a, settled.at(-1)], [[3, 0], 'one!', '!'], 'at once again');
});

test('who is told twice meanwhile hears both in order, and is never in the ring twice', () => {
  const { calls, writer, heard, tell } = openCrowd('abcd');
  writer.gathering(() => {
    tell('abc', 'one');
    assert.equal(tell('cd', 'two'), 'c');
  });
  assert.deepEqual(heard, { a: 'one', b: 'one', c: 'onetwo', d: 'two' });
  assert.equal(calls.entered[0]![0], 4);
});

const deeds: Record<string, (crowd: ReturnType<typeof openCrowd>) => void> = {
  'written to': ({ write }) => write('b', '!'),
  'written to as a socket': ({ socket }) => socket('b').write('!'),
  'ended with a word': ({ socket }) => socket('b').end('!'),
};
for (const [what, deed] of Object.entries(deeds)) {
  test(`who is ${what} meanwhile has all of what was gathered first, also what was not taken at once`, () => {
    for (const taken of [3, 1, -11]) {
      const crowd = openCrowd('abc');
      crowd.calls.answers.push(3, taken);
      crowd.writer.gathering(() => {
        crowd.tell('abc', 'one');
        deed(crowd);
        for (let writes = 0; writes < 3; writes += 1) crowd.socket('b').flow();
        assert.equal(crowd.heard.b, 'one!', `${taken} taken`);
      });
      assert.deepEqual(crowd.heard, { a: 'one', b: 'one!', c: 'one' });
    }
  });
}

test('who is destroyed meanwhile is written to before its descriptor is another one’s, and what it does not take is gone', () => {
  const { calls, writer, heard, socket, settled, tell } = openCrowd('abc');
  calls.answers.push(3, 1);
  writer.gathering(() => {
    tell('abc', 'one');
    socket('b').destroy();
    assert.deepEqual(heard, { a: 'one', b: 'o', c: 'one' });
    assert.equal(tell('abc', 'two'), 'b');
  });
  assert.deepEqual(heard, { a: 'onetwo', b: 'o', c: 'onetwo' });
  assert.deepEqual(settled, ['one', 'two']);
});

test('more bytes than there is room for, and more sockets than the ring has, go out in between', () => {
  const { calls, writer, heard, tell, write } = openCrowd('abcdefg');
  const half = 'x'.repeat(DIRECT_BYTES_MAX / 2);
  writer.gathering(() => {
    tell('ab', half);
    tell('cd', half);
    assert.deepEqual(calls.entered, []);
    tell('ef', 'y');
    assert.deepEqual(calls.entered, [[4, 0]]);
    write('g', `${half}${half}`);
    assert.deepEqual(calls.entered, [
      [4, 0],
      [2, 0],
    ]);
  });
  assert.equal(calls.entered.length, 2);
  assert.deepEqual([heard.a, heard.d, heard.e, heard.g], [half, half, 'y', `${half}${half}`]);

  const many = String.fromCharCode(...Array.from({ length: RING_ENTRIES + 2 }, (_, index) => 0x4000 + index));
  const crowd = openCrowd(many);
  const [first, second] = [many.slice(0, RING_ENTRIES - 1), many.slice(RING_ENTRIES - 1)];
  crowd.calls.answers[RING_ENTRIES - 1] = 2;
  for (let index = 0; index < RING_ENTRIES - 1; index += 1) crowd.calls.answers[index] = 3;
  crowd.writer.gathering(() => {
    crowd.tell(first, 'one');
    crowd.tell(second, 'two');
    assert.deepEqual(crowd.settled, []);
  });
  assert.deepEqual(crowd.calls.entered, [
    [RING_ENTRIES, 0],
    [2, 0],
  ]);
  for (const name of first) assert.equal(crowd.heard[name], 'one');
  for (const name of second) assert.equal(crowd.heard[name], 'two');
});

test('one gathering within another goes out with it, and a task that throws costs nobody what was gathered', () => {
  const { calls, writer, heard, tell } = openCrowd('abc');
  assert.throws(() =>
    writer.gathering(() => {
      writer.gathering(() => tell('ab', 'one'));
      assert.deepEqual(calls.entered, []);
      tell('c', 'two');
      throw new Error('a bug');
    }),
  );
  assert.deepEqual(heard, { a: 'one', b: 'one', c: 'two' });
  assert.deepEqual(calls.entered, [[3, 0]]);
});

test('without a ring nothing is gathered', () => {
  const writer = new DirectWriter(new FakeCalls());
  writer.gathering(() => {
    const gathered = { fellShort: () => {}, settled: () => {} };
    assert.equal(writer.gather(Buffer.from('one'), 100, gathered), false);
  });
});

const NAMES = 'abcdefgh';
const someone = fc.constantFrom(...NAMES);
const deed = fc.oneof(
  { weight: 4, arbitrary: fc.record({ tell: fc.uniqueArray(someone, { minLength: 1 }) }) },
  fc.record({ write: someone }),
  fc.record({ writeSocket: someone }),
  { weight: 2, arbitrary: fc.record({ flow: someone }) },
);
type Deed = { tell: string[] } | { write: string } | { writeSocket: string } | { flow: string };

test('whatever is gathered and written in whatever order, and however little is taken, each hears all in order, once', () => {
  const turns = fc.array(fc.record({ isGathered: fc.boolean(), deeds: fc.array(deed, { maxLength: 8 }) }));
  const answers = fc.array(fc.constantFrom(100, 100, 100, 0, 1, 2, -11), { maxLength: 60 });
  fc.assert(
    fc.property(turns, answers, (story, taken) => {
      const { calls, writer, heard, socket, write, tell } = openCrowd(NAMES);
      calls.answers.push(...taken);
      const expected: Record<string, string> = Object.fromEntries([...NAMES].map((name) => [name, '']));
      let count = 0;
      const isFull = (name: string): boolean => socket(name).writableNeedDrain;
      const act = (what: Deed): void => {
        count += 1;
        const text = `<${count}>`;
        const to =
          'tell' in what ? what.tell : 'write' in what ? [what.write] : 'writeSocket' in what ? [what.writeSocket] : [];
        for (const name of to) expected[name] += text;
        if ('tell' in what) tell(what.tell.join(''), text);
        else if ('write' in what) write(what.write, text);
        else if ('writeSocket' in what) socket(what.writeSocket).write(text);
        else socket(what.flow).flow();
      };
      for (const { isGathered, deeds: all } of story) {
        if (isGathered) writer.gathering(() => all.forEach(act));
        else all.forEach(act);
      }
      for (const name of NAMES) {
        for (let left = 1000; socket(name).writableLength > 0 && left > 0; left -= 1) socket(name).flow();
        assert.ok(!isFull(name));
      }
      assert.deepEqual(heard, expected);
    }),
    { numRuns: propertyRuns() },
  );
});
