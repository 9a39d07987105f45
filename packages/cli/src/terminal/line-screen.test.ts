import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeIo } from '@confab/testing/fake-io';
import { FakeTerminal } from '@confab/testing/fake-terminal';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { LineScreen } from './line-screen.ts';
import { textWidth } from './width.ts';

const LEFT = '\x1b[D';
const RIGHT = '\x1b[C';
const UP = '\x1b[A';
const BACKSPACE = '\x7f';

interface Setup {
  readonly io: FakeIo;
  readonly screen: LineScreen;
  /** Everything there was to see so far, as rows. */
  seen(): FakeTerminal;
  /** Press keys, and wait until their effect is drawn. */
  press(keys: string): Promise<void>;
}

function setUp(columns = 20, rows = 8): Setup {
  const io = new FakeIo({ terminal: { columns, rows } });
  const screen = new LineScreen(io);
  screen.setPrompt('> ');
  const seen = (): FakeTerminal => {
    const terminal = new FakeTerminal(columns, rows, textWidth);
    terminal.write(io.stdout.text);
    return terminal;
  };
  const press = async (keys: string): Promise<void> => {
    io.type(keys);
    await nextTurn();
    await nextTurn();
  };
  return { io, screen, seen, press };
}

test('a line typed and finished stands as text, and the next is begun below', async () => {
  const { screen, seen, press } = setUp();
  await press('hello\r');
  assert.equal(await screen.nextLine(), 'hello');
  assert.deepEqual(seen().transcript(), ['> hello', '>']);
});

test('lines typed ahead stand behind the questions that they answer', async () => {
  const { screen, seen, press } = setUp();
  screen.setPrompt('');
  await press('Ann\rlobby\rhel');
  screen.setPrompt('Name: ');
  assert.equal(await screen.nextLine(), 'Ann');
  screen.setPrompt('Room: ');
  assert.equal(await screen.nextLine(), 'lobby');
  screen.setPrompt('> ');
  assert.deepEqual(seen().transcript(), ['Name: Ann', 'Room: lobby', '> hel']);
});

test('a message arrives above the line being typed', async () => {
  const { screen, seen, press } = setUp();
  await press('half a sen');
  await screen.print('Bob: hi');
  await press('tence');
  assert.deepEqual(seen().transcript(), ['Bob: hi', '> half a sentence']);
});

test('a message arrives above a line of several rows with wide characters and the cursor in its middle', async () => {
  const { screen, seen, press } = setUp();
  const line = '日本語の長い文章 👍 with words';
  await press(line + LEFT.repeat(11));
  const before = seen();
  await screen.print('Bob: first');
  await screen.print('Bob: a message that is itself longer than a row');
  const after = seen();
  assert.deepEqual(
    after.transcript(),
    ['Bob: first', 'Bob: a message that ', 'is itself longer tha', 'n a row', ...before.transcript()].map((row) =>
      row.trimEnd(),
    ),
  );
  assert.equal(after.cursor.column, before.cursor.column);
  await press('X');
  await press('\r');
  assert.equal(await screen.nextLine(), `${line.slice(0, -11)}X${line.slice(-11)}`);
});

test('text of several lines is printed as such', async () => {
  const { screen, seen } = setUp();
  await screen.print('one\ntwo');
  assert.deepEqual(seen().transcript(), ['one', 'two', '>']);
});

test('earlier lines come back with the arrow keys, answers do not', async () => {
  const { screen, press } = setUp();
  screen.setPrompt('Name: ', { isAnswer: true });
  await press('Ann\r');
  screen.setPrompt('> ');
  await press('first\rsecond\r');
  await press(`${UP}${UP}\r`);
  // Beyond the oldest there is an empty line, and no name.
  await press(`${UP}${UP}${UP}\r`);
  const lines: (string | undefined)[] = [];
  for (let count = 0; count < 5; count += 1) lines.push(await screen.nextLine());
  assert.deepEqual(lines, ['Ann', 'first', 'second', 'first', '']);
});

test('a secret shows as dots, and not at all when it is finished', async () => {
  const { screen, io, seen, press } = setUp();
  screen.setPrompt('Password: ', { isSecret: true, isAnswer: true });
  await press('geheim');
  assert.deepEqual(seen().transcript(), ['Password: ••••••']);
  await press('\r');
  assert.equal(await screen.nextLine(), 'geheim');
  assert.doesNotMatch(io.stdout.text, /geheim/);
});

test('a line is put back for editing only when nothing is being typed', async () => {
  const { screen, seen, press } = setUp();
  assert.equal(screen.restoreLine('once more'), true);
  assert.deepEqual(seen().transcript(), ['> once more']);
  await press('!');
  assert.equal(screen.restoreLine('again'), false);
  assert.deepEqual(seen().transcript(), ['> once more!']);
});

test('Ctrl+C is reported, Ctrl+D on an empty line ends the input', async () => {
  const { screen, io, press } = setUp();
  let interrupts = 0;
  const stop = screen.onInterrupt(() => {
    interrupts += 1;
  });
  await press('\x03');
  assert.equal(interrupts, 1);
  stop();
  await press('last\r\x04');
  assert.equal(await screen.nextLine(), 'last');
  assert.equal(await screen.nextLine(), undefined);
  assert.equal(io.isRaw, false);
});

test('closing keeps a line that was begun on the screen, and printing goes on', async () => {
  const { screen, io, seen, press } = setUp();
  await press('unfinished');
  screen.close();
  screen.close();
  await screen.print('Goodbye');
  assert.deepEqual(seen().transcript(), ['> unfinished', 'Goodbye']);
  assert.equal(await screen.nextLine(), undefined);
  assert.equal(io.isRaw, false);
});

test('closing takes an empty prompt away', async () => {
  const { screen, seen } = setUp();
  screen.close();
  await screen.print('Goodbye');
  assert.deepEqual(seen().transcript(), ['Goodbye']);
});

test('a line higher than the screen leaves no copies behind', async () => {
  const { screen, seen, press } = setUp(20, 6);
  await press('x'.repeat(400));
  for (let count = 0; count < 5; count += 1) await screen.print(`Bob: ${count}`);
  await press(LEFT.repeat(200));
  const rows = seen().transcript();
  assert.deepEqual(
    rows.filter((row) => row.startsWith('Bob')),
    ['Bob: 0', 'Bob: 1', 'Bob: 2', 'Bob: 3', 'Bob: 4'],
  );
  assert.equal(rows.filter((row) => row.startsWith('x')).length, 4);
  await press('\r');
  assert.equal((await screen.nextLine())?.length, 400);
  assert.equal(seen().transcript().join('').replaceAll(/[^x]/g, '').length, 400);
});

test('status goes above the line too, or to a standard error of its own', async () => {
  const { screen, io, seen } = setUp();
  await screen.printStatus('! Not sent');
  assert.deepEqual(seen().transcript(), ['! Not sent', '>']);
  assert.equal(io.stderr.text, '');
});

test('whatever is typed and whatever arrives, every message shows whole and once, and the line last', async () => {
  const step = fc.oneof(
    fc.record({
      type: fc.constant('keys' as const),
      keys: fc.constantFrom('a', ' ', '日', '👍', 'é', 'word ', LEFT, RIGHT, BACKSPACE),
    }),
    fc.record({
      type: fc.constant('keys' as const),
      keys: fc.constantFrom('日本語'.repeat(5), 'long '.repeat(10), LEFT.repeat(9)),
    }),
    fc.record({
      type: fc.constant('print' as const),
      text: fc.constantFrom('Bob: hi', 'Bob: 日本語日本語日本語日本語', 'Bob: a\n    b'),
    }),
    fc.record({ type: fc.constant('keys' as const), keys: fc.constant('\r') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { screen, seen, press } = setUp(17, 7);
      const plain = new FakeTerminal(17, 7, textWidth);
      let finished = 0;
      for (const action of steps) {
        if (action.type === 'print') {
          await screen.print(action.text);
          plain.write(`${action.text.replaceAll('\n', '\r\n')}\r\n`);
          continue;
        }
        await press(action.keys);
        if (action.keys !== '\r') continue;
        finished += 1;
        plain.write(`> ${await screen.nextLine()}\r\n`);
      }
      await press('\r');
      plain.write(`> ${await screen.nextLine()}\r\n> `);
      assert.deepEqual(seen().transcript(), plain.transcript(), `${finished} lines`);
      screen.close();
    }),
    { numRuns: Math.ceil(propertyRuns() / 3) },
  );
});
