import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { propertyRuns, temporaryDirectory } from '@confab/testing';
import fc from 'fast-check';
import { Journal, readJournal, readJournals, takeJournals } from './journal.ts';
import { JOURNAL_FILE, JOURNAL_TAKEN_FILE } from './options.ts';

function start(context: TestContext) {
  const directory = temporaryDirectory(context).path;
  const journal = new Journal(directory);
  context.after(() => journal.close(false));
  const file = join(directory, JOURNAL_FILE);
  return { directory, journal, file, taken: join(directory, JOURNAL_TAKEN_FILE) };
}

const batch = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (batches: readonly Uint8Array[]): string[] => batches.map((bytes) => new TextDecoder().decode(bytes));

test('what was written is read in its order while the journal is open, and it is its owner’s alone', (context) => {
  const { journal, file } = start(context);
  assert.deepEqual(readJournal(file), []);
  for (const text of ['one', 'two', 'three']) journal.append(batch(text));
  assert.deepEqual(texts(readJournal(file)), ['one', 'two', 'three']);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readJournal(`${file}.none`), []);
});

test('after it began anew only what was written since is read, however much lies behind', (context) => {
  const { journal, file } = start(context);
  for (let count = 0; count < 50; count += 1) journal.append(batch(`before ${count}`));
  journal.rewind();
  assert.equal(journal.bytes, 0);
  assert.deepEqual(readJournal(file), []);
  journal.append(batch('a'));
  journal.append(batch('longer than what was there'));
  assert.deepEqual(texts(readJournal(file)), ['a', 'longer than what was there']);
});

test('batches of any length come back as they were', (context) => {
  const { journal, file } = start(context);
  const lengths = [1, 65_519, 65_520, 65_521, 65_536, 200_000, 7];
  const batches = lengths.map((length, index) => new Uint8Array(length).fill(index + 1));
  for (const bytes of batches) journal.append(bytes);
  assert.deepEqual(
    readJournal(file).map((bytes) => Buffer.compare(bytes, batches[bytes[0]! - 1]!)),
    lengths.map(() => 0),
  );
});

test('of a journal that breaks off or is damaged anywhere, the batches before that place are read', (context) => {
  const { journal, file } = start(context);
  const written = ['first', 'the second', '3'];
  for (const text of written) journal.append(batch(text));
  const whole = readFileSync(file);
  // Heads take 8 bytes.
  const ends = [13, 31, 40];
  const intact = (at: number) => written.slice(0, ends.filter((end) => end <= at).length);
  for (let length = 0; length < 40; length += 1) {
    writeFileSync(file, whole.subarray(0, length));
    assert.deepEqual(texts(readJournal(file)), intact(length), `cut to ${length}`);
  }
  fc.assert(
    fc.property(fc.nat(39), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Uint8Array.from(whole);
      damaged[at]! ^= flip;
      writeFileSync(file, damaged);
      assert.deepEqual(texts(readJournal(file)), intact(at));
    }),
    { numRuns: propertyRuns() },
  );
});

test('a length that is larger than the file is none, and costs no memory', (context) => {
  const { journal, file } = start(context);
  journal.append(batch('one'));
  writeFileSync(
    file,
    Buffer.concat([readFileSync(file).subarray(0, 11), Buffer.alloc(8, 0xff), Buffer.alloc(100_000)]),
  );
  assert.deepEqual(texts(readJournal(file)), ['one']);
});

test('it is no longer ours when it was removed, or another process has taken the folder', (context) => {
  const removed = start(context);
  assert.equal(removed.journal.isOurs, true);
  unlinkSync(removed.file);
  assert.equal(removed.journal.isOurs, false);

  const { directory, journal, file } = start(context);
  const next = new Journal(directory);
  assert.deepEqual([journal.isOurs, next.isOurs], [false, true]);
  journal.close(true);
  assert.ok(existsSync(file), 'the file of the other one stays');
  next.close(true);
  assert.ok(!existsSync(file));
});

test('a journal that is taken over is put aside, gone through and removed', (context) => {
  const { directory, journal, file, taken } = start(context);
  for (const text of ['one', 'two', 'three']) journal.append(batch(text));
  const seen: string[] = [];
  takeJournals(directory, (records) => {
    assert.deepEqual([existsSync(file), existsSync(taken), journal.isOurs], [false, true, false]);
    seen.push(...texts([records]));
    return seen.length < 2;
  });
  assert.deepEqual(seen, ['one', 'two'], 'what follows one that is no sequel is none either');
  assert.deepEqual([existsSync(file), existsSync(taken)], [false, false]);
  takeJournals(directory, () => assert.fail('there is none'));
});

test('a journal that could not be taken over waits, and goes before the next one', (context) => {
  const { directory, journal, taken } = start(context);
  journal.append(batch('one'));
  const isFull = () => {
    throw new Error('the disk is full');
  };
  assert.throws(() => takeJournals(directory, isFull), /full/);
  assert.ok(existsSync(taken));
  const next = new Journal(directory);
  next.append(batch('two'));
  assert.deepEqual(texts(readJournals(directory)), ['one', 'two']);
  const seen: string[] = [];
  takeJournals(directory, (records) => seen.push(...texts([records])) > 0);
  assert.deepEqual(seen, ['one', 'two']);
  next.close(false);
});
