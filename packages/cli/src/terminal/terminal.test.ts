import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfabProcess, confabProgram, sharedConfabServer } from '@confab/testing/run-confab';
import { Tmux, withoutTmux } from '@confab/testing/tmux';

/** These look at the programs as a person does, in a real terminal. */
const atTerminal = withoutTmux === undefined ? {} : { skip: withoutTmux };
const confab = [process.execPath, confabProgram];
const shared = sharedConfabServer();

/** A screen that ends like this, wherever its rows are broken. */
const endsWith =
  (end: string) =>
  (screen: string): boolean =>
    screen.replaceAll('\n', '').endsWith(end);

test('the menu client, from the first question to Ctrl+C', atTerminal, async (context) => {
  const server = shared();
  const terminal = await Tmux.start(context, [...confab, 'client']);
  await terminal.sees(/Server address \[127\.0\.0\.1\]:$/);
  await terminal.press('Enter');
  await terminal.sees(/TCP port \[9090\]:$/);
  await terminal.type('x');
  await terminal.press('Enter');
  await terminal.sees(/A port is a number[\s\S]*TCP port \[9090\]:$/);
  await terminal.type(String(server.tcpPort));
  await terminal.press('Enter');
  await terminal.sees(/UDP port \[\d+\]:$/);
  await terminal.type(String(server.udpPort));
  await terminal.press('Enter');
  await terminal.sees(/1\. Create Room\n2\. Join Room\n3\. Exit\nChoose 1, 2 or 3:$/);
  await terminal.type('２');
  await terminal.press('Enter');
  await terminal.type('menu');
  await terminal.press('Enter');
  await terminal.type('Zoë👍');
  await terminal.press('Enter');
  await terminal.sees(/User name: Zoë👍[\s\S]*! .*not exist[\s\S]*1\. Create Room[\s\S]*Choose 1, 2 or 3:$/);
  await terminal.type('1');
  await terminal.press('Enter');
  await terminal.type('menu');
  await terminal.press('Enter');
  await terminal.type('Zoë👍');
  await terminal.press('Enter');
  const entered = await terminal.sees(/Zoë👍>$/);
  assert.match(
    entered,
    /TCP: connected .*\nTCP: admitted as host.*token \S{1,10}… \(\d+ characters\)\nTCP: disconnected\nUDP: in room "menu" as Zoë👍 \(host\), own address 127/,
  );
  const bob = new ConfabProcess(context, ['chat', server.url('menu'), '--user', 'Bob', '--join']);
  await bob.sees(/Joined/, 'stderr');
  await terminal.type('hello 日本');
  await terminal.press('Enter');
  await bob.sees(/Zoë👍: hello 日本\n/);
  await terminal.press('C-c');
  await terminal.sees(/Goodbye\.\n\[exit code 0\]$/);
  assert.equal(await bob.end(), 3);
});

test(
  'messages arrive while a long line with wide characters is being typed in its middle',
  atTerminal,
  async (context) => {
    const server = shared();
    const bob = new ConfabProcess(context, ['chat', server.url('long line'), '--user', 'Bob']);
    await bob.sees(/Joined/, 'stderr');
    const terminal = await Tmux.start(context, [...confab, 'chat', server.url('long line'), '--user', 'Ann'], {
      columns: 40,
      rows: 14,
    });
    await terminal.sees(/Ann>$/);
    const line = '日本語の長い文章 that wraps 👍 over more than two rows of this terminal, and on';
    await terminal.type(line);
    await terminal.sees(endsWith('and on'));
    for (let count = 0; count < 7; count += 1) await terminal.press('Left');
    await terminal.type('X');
    await terminal.sees(endsWith('X and on'));
    const before = await terminal.cursor();
    for (let count = 1; count <= 30; count += 1) bob.type(`message ${count} is 👍 long enough to wrap over two rows\n`);
    const screen = await terminal.sees((shown) => shown.includes('message 30') && endsWith('X and on')(shown));
    const rows = screen.split('\n');
    assert.equal(rows.length, 14);
    assert.match(rows.at(-3)!, /^Ann> 日本語の長い文章 that wraps 👍 over/);
    const cursor = await terminal.cursor();
    assert.equal(cursor.column, before.column);
    assert.equal(cursor.row, 12);
    const transcript = await terminal.transcript();
    for (let count = 1; count <= 30; count += 1) {
      assert.equal(
        transcript.split(`Bob: message ${count} is 👍 long enough to wrap over two rows\n`).length,
        2,
        `message ${count}`,
      );
    }
    assert.equal(transcript.split('Ann> ').length, 2);
    await terminal.press('Enter');
    await bob.sees(/Ann: 日本語の長い文章 that wraps 👍 over more than two rows of this terminal,X and on\n/);
    await terminal.press('C-d');
    await terminal.sees(/\[exit code 0\]$/);
  },
);

test('the screen may be resized in the middle of a line', atTerminal, async (context) => {
  const server = shared();
  const bob = new ConfabProcess(context, ['chat', server.url('resized'), '--user', 'Bob']);
  await bob.sees(/Joined/, 'stderr');
  const terminal = await Tmux.start(context, [...confab, 'chat', server.url('resized'), '--user', 'Ann'], {
    columns: 60,
  });
  await terminal.sees(/Ann>$/);
  // Word by word: a change of size right after something was printed is another case, see LineScreen.
  const line = 'a line that is longer than sixty columns, and then is longer than that by far';
  for (const word of line.match(/\S+ ?/g)!) await terminal.type(word);
  await terminal.sees(endsWith('by far'));
  await terminal.resize(33, 20);
  await terminal.sees(/^Ann> a line that is longer than s\nixty columns, and then is longer\nthan that by far$/m);
  bob.type('after the first\n');
  await terminal.sees(
    /Bob: after the first\nAnn> a line that is longer than s\nixty columns, and then is longer\nthan that by far$/,
  );
  await terminal.resize(90, 20);
  await terminal.sees(/\nAnn> a line that is longer than .* that by far$/);
  bob.type('after the second\n');
  const screen = await terminal.sees(/Bob: after the second\nAnn> a line that is longer than .* that by far$/);
  assert.equal(screen.split('Ann> ').length, 2);
});

test('Ctrl+C leaves the room properly, and a half-typed line stays to be seen', atTerminal, async (context) => {
  const server = shared();
  const bob = new ConfabProcess(context, ['chat', server.url('left'), '--user', 'Bob']);
  await bob.sees(/Joined/, 'stderr');
  const terminal = await Tmux.start(context, [...confab, 'chat', server.url('left'), '--user', 'Ann']);
  await terminal.sees(/Ann>$/);
  await terminal.type('not yet sent');
  await terminal.sees(/not yet sent$/);
  await terminal.press('C-c');
  await terminal.sees(/Ann> not yet sent\n\[exit code 0\]$/);
  await bob.sees(/\* Ann left\n/);
  assert.doesNotMatch(bob.stdout, /not yet sent/);
});

test('what comes off the network cannot act on the terminal', atTerminal, async (context) => {
  const server = shared();
  const bob = new ConfabProcess(context, ['chat', server.url('escapes'), '--user', 'Bob']);
  await bob.sees(/Joined/, 'stderr');
  const terminal = await Tmux.start(context, [...confab, 'chat', server.url('escapes'), '--user', 'Ann']);
  await terminal.sees(/Ann>$/);
  bob.type('\x1b[2J\x1b[H\x1b]0;title\x07wiped\x1b[31m?\rAnn: forged\n');
  await terminal.sees(/Joined[\s\S]*\nBob: wiped\?\n {4}Ann: forged\nAnn>$/);
});

test('the server asks, listens, and stops on Ctrl+C', atTerminal, async (context) => {
  const other = shared();
  const terminal = await Tmux.start(context, [...confab, 'serve', '-i', '--set', 'store.kind=memory'], {
    columns: 120,
  });
  await terminal.sees(/Host name \[localhost\]:$/);
  await terminal.press('Enter');
  await terminal.sees(/TCP port \[9090\]:$/);
  await terminal.type(String(other.tcpPort));
  await terminal.press('Enter');
  await terminal.sees(/UDP port \[9091\]:$/);
  await terminal.type(String(other.udpPort));
  await terminal.press('Enter');
  await terminal.sees(
    new RegExp(`confab: .*tcp 127\\.0\\.0\\.1:${other.tcpPort}: the port is busy[^\\0]*\\[exit code 1\\]$`),
  );

  const interrupted = await Tmux.start(context, [...confab, 'serve', '-i']);
  await interrupted.sees(/Host name \[localhost\]:$/);
  await interrupted.press('C-c');
  await interrupted.sees(/\[exit code 130\]$/);

  const args = [
    'serve',
    '--tcp-port',
    '0',
    '--udp-port',
    '0',
    '--set',
    'store.kind=memory',
    '--set',
    'hybrid.alternate.enabled=false',
  ];
  const running = await Tmux.start(context, [...confab, ...args], { columns: 120 });
  await running.sees(/Press Ctrl\+C to stop\.$/);
  await running.press('C-c');
  await running.sees(/Stopped\n\[exit code 0\]$/);
});
