import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectOptions, SendReceipt } from '@confab/client';
import { temporaryDirectory } from '@confab/testing';
import { FakeIo, type FakeIoOptions } from '@confab/testing/fake-io';
import { FakeSession, type FakeSessionOptions } from '@confab/testing/fake-session';
import { ExitCode } from '../exit-codes.ts';
import { type ChatOptions, runChat } from './chat.ts';

const URL = 'ucrp://127.0.0.1:9090/lobby';
const terminal = { columns: 80, rows: 24 };

function start(io: FakeIoOptions, options: ChatOptions & { session?: FakeSessionOptions } = {}) {
  const { session: sessionOptions, ...chatOptions } = options;
  const fakeIo = new FakeIo(io);
  const session = new FakeSession(sessionOptions);
  const asked: ConnectOptions[] = [];
  const code = runChat(fakeIo, URL, { user: 'Ann', ...chatOptions }, async (_url, connectOptions) => {
    asked.push(connectOptions);
    return session;
  });
  return { io: fakeIo, session, asked, code };
}

/** Wait for what follows without delay. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2000, 'waited in vain');
    await delay(1);
  }
}

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code });

test('lines of a pipe are sent in order, shown when accepted, and then the room is left', async () => {
  const { io, session, code } = start({ input: 'one\n\ntwo\n/three' });
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(session.sent, ['one', 'two', '/three']);
  assert.equal(io.stdout.text, 'Ann: one\nAnn: two\nAnn: /three\n');
  assert.equal(session.leaveCount, 1);
  assert.match(io.stderr.text, /^Joined "lobby" as Ann \(member\), own address/);
});

test('own messages are shown too on a wire that confirms nothing', async () => {
  const { io, code } = start({ input: 'one\n' }, { session: { isConfirming: false } });
  assert.equal(await code, ExitCode.OK);
  assert.equal(io.stdout.text, 'Ann: one\n');
});

test('a line is sent when the one before it is settled', async () => {
  const { session, code } = start({ input: 'one\ntwo\n' });
  const first = Promise.withResolvers<SendReceipt>();
  session.answer = () => first.promise;
  await until(() => session.sent.length > 0);
  await delay(10);
  assert.deepEqual(session.sent, ['one']);
  first.resolve({ status: 'accepted' });
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(session.sent, ['one', 'two']);
});

test('what others say and notices go to standard output, reachability to standard error', async () => {
  const { io, session, code } = start({});
  session.say('Bob', 'hello\nthere');
  session.emit({ type: 'notice', text: 'Cid joined' });
  session.emit({ type: 'missed', count: 2 });
  session.emit({ type: 'reachability', isReachable: false, text: 'The server cannot be reached' });
  await until(() => io.stderr.text.includes('reached'));
  io.stdin.end();
  assert.equal(await code, ExitCode.OK);
  assert.match(io.stdout.text, /^Bob: hello\n {4}there\n\* Cid joined\n\* 2 messages were missed.*\n$/);
  assert.match(io.stderr.text, /! The server cannot be reached\n/);
});

test('a message that is too long, or not confirmed, is told of and gives exit code 4', async () => {
  const { io, session, code } = start({ input: 'long\nlost\nfine\n' });
  session.answer = async (text) => {
    if (text === 'long') throw failure('MESSAGE_TOO_LONG', 'Cannot send: 4097 bytes exceed 4051');
    if (text === 'lost') throw failure('SEND_UNCERTAIN', 'Not confirmed within 3000 ms; it may be lost');
    return session.accept(text);
  };
  assert.equal(await code, ExitCode.NOT_SENT);
  assert.equal(io.stdout.text, 'Ann: fine\n');
  assert.match(io.stderr.text, /! Not sent: 4097 bytes exceed 4051: "long"\n/);
  assert.match(io.stderr.text, /! Not confirmed within 3000 ms; it may be lost: "lost"\n/);
});

test('the room closed by its host gives exit code 3, with a notice', async () => {
  const { io, session, code } = start({});
  session.end('room-closed', 'The host has left; the room is closed');
  assert.equal(await code, ExitCode.ROOM_CLOSED);
  assert.equal(io.stdout.text, '* The host has left; the room is closed\n');
});

test('a lost connection gives exit code 1', async () => {
  const { io, session, code } = start({});
  session.end('lost', 'The server is gone');
  assert.equal(await code, ExitCode.FAILED);
  assert.match(io.stderr.text, /confab: The server is gone\n/);
});

test('with --listen it stays after the end of input', async () => {
  const { io, session, code } = start({ input: 'one\n' }, { listen: true });
  await until(() => io.stdout.text === 'Ann: one\n');
  session.say('Bob', 'late');
  await until(() => io.stdout.text.endsWith('Bob: late\n'));
  session.end('room-closed', 'The end');
  assert.equal(await code, ExitCode.ROOM_CLOSED);
});

test('a signal leaves properly and gives its own exit code', async () => {
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const { io, session, code } = start({}, { listen: true });
    await until(() => io.stderr.text !== '');
    io.signal(signal);
    assert.equal(await code, expected);
    assert.equal(session.leaveCount, 1);
  }
});

test('a second interrupt ends the process at once', async () => {
  const { io, session, code } = start({});
  await until(() => io.stderr.text !== '');
  const left = Promise.withResolvers<void>();
  session.leave = async () => left.promise;
  io.signal('SIGINT');
  io.signal('SIGINT');
  assert.deepEqual(io.exits, [130]);
  left.resolve();
  session.end('left', '');
  await code;
});

test('an interrupt while connecting gives up', async () => {
  const io = new FakeIo();
  const code = runChat(io, URL, { user: 'Ann' }, (_url, { signal }) => {
    return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  });
  io.signal('SIGINT');
  assert.equal(await code, ExitCode.INTERRUPTED);
  assert.equal(io.stderr.text, '');
});

test('a refusal is one line and exit code 1, a bad URL is exit code 2', async () => {
  for (const [error, expected] of [
    [failure('ROOM_EXISTS', 'Room already\x1b[2J exists'), ExitCode.FAILED],
    [failure('URL_INVALID', 'Cannot connect to "x": not a URL'), ExitCode.USAGE],
  ] as const) {
    const io = new FakeIo();
    assert.equal(await runChat(io, URL, { user: 'Ann' }, () => Promise.reject(error)), expected);
    assert.match(io.stderr.text, /^confab: [^\x1b\n]+\n$/);
  }
});

test('a slow reader of standard output holds up the events, and memory with them', async () => {
  const { io, session, code } = start({});
  await until(() => io.stderr.text !== '');
  io.stdout.hold();
  for (let count = 0; count < 1000; count += 1) session.say('Bob', 'x'.repeat(100));
  await delay(20);
  assert.ok(io.stdout.writableLength < 4096, `${io.stdout.writableLength} bytes in memory`);
  assert.ok(session.unreadCount > 900);
  io.stdout.release();
  io.stdin.end();
  assert.equal(await code, ExitCode.OK);
  assert.equal(io.stdout.text.match(/Bob/g)?.length, 1000);
});

test('a reader of standard output that has gone does not keep the input from being sent', async () => {
  const { io, session, code } = start({}, { listen: true });
  io.stdout.break();
  io.type('one\n');
  await until(() => session.sent.length === 1);
  io.stdin.end('two\n');
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(session.sent, ['one', 'two']);
});

test('input is not read faster than it is sent', async () => {
  const { io, session, code } = start({});
  const first = Promise.withResolvers<SendReceipt>();
  session.answer = () => first.promise;
  const chunk = 'a line of text\n'.repeat(50);
  let isTaken = true;
  for (let count = 0; count < 1000 && isTaken; count += 1) {
    isTaken = io.stdin.write(chunk);
    await delay(1);
  }
  assert.equal(isTaken, false);
  io.signal('SIGTERM');
  first.resolve({ status: 'accepted' });
  await code;
});

test('at a terminal own messages are not shown twice, and commands are no messages', async () => {
  const { io, session, code } = start({ terminal });
  await until(() => io.stdout.text.includes('Ann> '));
  io.type('hello\r');
  await until(() => session.sent.length === 1);
  io.type('/nick\r//slash\r');
  await until(() => session.sent.length === 2);
  io.type('/quit\r');
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(session.sent, ['hello', '/slash']);
  assert.doesNotMatch(io.stdout.text, /Ann: hello/);
  assert.match(io.stdout.text, /! There is no \/nick; \/help lists the commands/);
});

test('at a terminal Ctrl+C leaves properly, with exit code 0', async () => {
  const { io, session, code } = start({ terminal });
  await until(() => io.stdout.text.includes('Ann> '));
  io.type('\x03');
  assert.equal(await code, ExitCode.OK);
  assert.equal(session.leaveCount, 1);
  assert.equal(io.isRaw, false);
});

test('at a terminal a message that is too long is put back to be shortened', async () => {
  const { io, session, code } = start({ terminal });
  session.answer = () => Promise.reject(failure('MESSAGE_TOO_LONG', 'Cannot send: 4097 bytes exceed 4051'));
  await until(() => io.stdout.text.includes('Ann> '));
  io.type('too long\r');
  await until(() => io.stdout.text.includes('! Not sent: 4097 bytes exceed 4051\r\n'));
  session.answer = async (text) => session.accept(text);
  io.type('\x7f\x7f\x7f\x7f\x7f\r');
  await until(() => session.sent.length === 2);
  assert.deepEqual(session.sent, ['too long', 'too']);
  io.type('\x04');
  assert.equal(await code, ExitCode.NOT_SENT);
});

test('the password comes from a file, or else from the environment', async (context) => {
  const directory = temporaryDirectory(context);
  const file = join(directory.path, 'password');
  writeFileSync(file, 'from file\n');
  const both = start({ input: '', env: { CONFAB_PASSWORD: 'from environment' } }, { passwordFile: file });
  await both.code;
  assert.equal(both.asked[0]?.password, 'from file');
  const one = start({ input: '', env: { CONFAB_PASSWORD: 'from environment' } });
  await one.code;
  assert.equal(one.asked[0]?.password, 'from environment');
  const none = start({ input: '' });
  await none.code;
  assert.equal(none.asked[0]?.password, undefined);
});

test('who comes first is the host, unless a flag says otherwise', async () => {
  for (const [options, entry] of [
    [{}, 'join-or-create'],
    [{ create: true }, 'create'],
    [{ join: true }, 'join'],
  ] as const) {
    const { asked, code } = start({ input: '' }, options);
    await code;
    assert.equal(asked[0]?.entry, entry);
  }
});
