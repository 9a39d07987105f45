import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectOptions } from '@confab/client';
import { FakeIo, type FakeIoOptions } from '@confab/testing/fake-io';
import { FakeSession } from '@confab/testing/fake-session';
import { ExitCode } from '../exit-codes.ts';
import { type ClientOptions, runClient } from './client.ts';

const terminal = { columns: 80, rows: 24 };
const TOKEN = 'c0ffee'.repeat(11).slice(0, 64);

interface Attempt {
  readonly url: string;
  readonly options: ConnectOptions;
}

/** Runs the client; each attempt to connect is refused with one of `refusals`, as long as there are some. */
function start(io: FakeIoOptions, options: ClientOptions = {}, refusals: Error[] = []) {
  const fakeIo = new FakeIo(io);
  const session = new FakeSession({ user: 'Ann', role: 'host' });
  const attempts: Attempt[] = [];
  const code = runClient(fakeIo, options, async (url, connectOptions) => {
    attempts.push({ url, options: connectOptions });
    connectOptions.onPhase?.({ phase: 'control-connected', address: '127.0.0.1:9090' });
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
    connectOptions.onPhase?.({ phase: 'admitted', role: 'host', token: TOKEN, participantCount: undefined });
    connectOptions.onPhase?.({ phase: 'control-disconnected' });
    connectOptions.onPhase?.({ phase: 'data-open', localAddress: session.localAddress });
    return session;
  });
  return { io: fakeIo, session, attempts, code };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2000, 'waited in vain');
    await delay(1);
  }
}

const refusal = (code: string, message: string): Error => Object.assign(new Error(message), { code });

test('piped answers go through the menu, further lines are messages, the end of input leaves', async () => {
  const { io, session, attempts, code } = start({ input: '\n\n\n1\nlobby\nAnn\nhello\nthere\n' });
  assert.equal(await code, ExitCode.OK);
  assert.equal(attempts[0]?.url, 'ucrp://127.0.0.1:9090/lobby');
  assert.equal(attempts[0]?.options.entry, 'create');
  assert.equal(attempts[0]?.options.user, 'Ann');
  assert.deepEqual(session.sent, ['hello', 'there']);
  assert.equal(session.leaveCount, 1);
  assert.equal(
    io.stdout.text,
    [
      'Server address [127.0.0.1]:',
      'TCP port [9090]:',
      'UDP port [9091]:',
      '1. Create Room',
      '2. Join Room',
      '3. Exit',
      'Choose 1, 2 or 3:',
      'Room name:',
      'User name:',
      'TCP: connected to 127.0.0.1:9090',
      'TCP: admitted as host; token c0ffeec0ff… (64 characters)',
      'TCP: disconnected',
      'UDP: in room "lobby" as Ann (host), own address 127.0.0.1:50000',
      'Type to chat; exit, quit, q or Ctrl+C leaves.',
      'Ann: hello',
      'Ann: there',
      'You have left the room. Goodbye.',
      '',
    ].join('\n'),
  );
});

test('the whole token is never on the screen', async () => {
  const { io, code } = start({ input: '\n\n\n1\nlobby\nAnn\n' });
  await code;
  assert.ok(!(io.stdout.text + io.stderr.text).includes(TOKEN));
});

test('full-width digits choose and name ports; names may be any UTF-8', async () => {
  const { attempts, code } = start({ input: 'chat.example\n７０００\n８０００\n２\ncafé ☕/x\nZoë👍\nexit\n' });
  assert.equal(await code, ExitCode.OK);
  assert.equal(attempts[0]?.url, 'ucrp://chat.example:7000/caf%C3%A9%20%E2%98%95%2Fx?udp=8000');
  assert.equal(attempts[0]?.options.entry, 'join');
  assert.equal(attempts[0]?.options.user, 'Zoë👍');
});

test('a bad port and an empty name are asked for again', async () => {
  const { io, attempts, code } = start({ input: '\nabc\n0\n7000\n\n9\n2\n\n  \nlobby\n\nAnn\n' });
  assert.equal(await code, ExitCode.OK);
  assert.equal(attempts[0]?.url, 'ucrp://127.0.0.1:7000/lobby');
  assert.equal(
    io.stderr.text,
    [
      'A port is a number from 1 to 65535.',
      'A port is a number from 1 to 65535.',
      'Please type 1, 2 or 3.',
      'Room name must not be empty.',
      'Room name must not be empty.',
      'User name must not be empty.',
      '',
    ].join('\n'),
  );
});

test('a refusal shows its reason and brings the menu back', async () => {
  const { io, attempts, code } = start({ input: '\n\n\n1\nlobby\nAnn\n2\nlobby\nAnn\n' }, {}, [
    refusal('ROOM_EXISTS', 'Room already exists'),
  ]);
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(
    attempts.map(({ options }) => options.entry),
    ['create', 'join'],
  );
  assert.equal(io.stderr.text, '! Room already exists\n');
});

test('an unreachable server brings the menu back; a script that ends there has failed', async () => {
  const { io, code } = start({ input: '\n\n\n1\nlobby\nAnn\n' }, {}, [
    refusal('CONNECT_FAILED', 'Cannot reach 127.0.0.1:9090: connection refused'),
  ]);
  assert.equal(await code, ExitCode.FAILED);
  assert.match(io.stderr.text, /^! Cannot reach 127.0.0.1:9090: connection refused/);
  assert.equal(io.stdout.text.match(/1\. Create Room/g)?.length, 2);
});

test('flags answer beforehand, once', async () => {
  const flags = { host: '::1', tcpPort: 7000, udpPort: 7001, join: 'lobby', user: 'Ann' };
  const { attempts, code } = start({ input: '3\n' }, flags, [refusal('ROOM_NOT_FOUND', 'Room does not exist')]);
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(
    attempts.map(({ url }) => url),
    ['ucrp://[::1]:7000/lobby'],
  );
});

test('3 and the leaving words exit from the menu', async () => {
  for (const answer of ['3', '３', 'exit', ' Q ']) {
    const { attempts, code } = start({ input: `\n\n\n${answer}\n` });
    assert.equal(await code, ExitCode.OK);
    assert.equal(attempts.length, 0);
  }
});

test('the end of input at any question ends the program', async () => {
  for (const input of ['', '\n', '\n\n\n', '\n\n\n1\n', '\n\n\n1\nlobby\n']) {
    assert.equal(await start({ input }).code, ExitCode.OK);
  }
});

test('the room closed by its host ends with a notice and exit code 0', async () => {
  const { io, session, code } = start({}, { host: 'h', tcpPort: 1, udpPort: 2, join: 'lobby', user: 'Ann' });
  await until(() => io.stdout.text.includes('Type to chat'));
  session.end('room-closed', 'The host has left; the room is closed');
  assert.equal(await code, ExitCode.OK);
  assert.match(io.stdout.text, /\* The host has left; the room is closed\nThe room is closed\. Goodbye\.\n$/);
});

test('at a terminal Ctrl+C leaves properly, at a question as well as in the chat', async () => {
  const asking = start({ terminal });
  await until(() => asking.io.stdout.text.includes('Server address'));
  asking.io.type('\x03');
  assert.equal(await asking.code, ExitCode.OK);

  const chatting = start({ terminal }, { host: 'h', tcpPort: 1, udpPort: 2, join: 'lobby', user: 'Ann' });
  await until(() => chatting.io.stdout.text.includes('Ann> '));
  chatting.io.type('half a line\x03');
  assert.equal(await chatting.code, ExitCode.OK);
  assert.equal(chatting.session.leaveCount, 1);
  assert.deepEqual(chatting.session.sent, []);
  assert.equal(chatting.io.isRaw, false);
});

test('SIGTERM leaves properly', async () => {
  const { io, session, code } = start({}, { host: 'h', tcpPort: 1, udpPort: 2, join: 'lobby', user: 'Ann' });
  await until(() => io.stdout.text.includes('Type to chat'));
  io.signal('SIGTERM');
  assert.equal(await code, ExitCode.TERMINATED);
  assert.equal(session.leaveCount, 1);
});

test('a password is asked for only on request, and empty means none', async () => {
  const flags = { host: 'h', tcpPort: 1, udpPort: 2, join: 'lobby', user: 'Ann', askPassword: true };
  const given = start({ input: 'geheim\n' }, flags);
  await given.code;
  assert.equal(given.attempts[0]?.options.password, 'geheim');
  assert.match(given.io.stdout.text, /^Password:\n/);
  const empty = start({ input: '\n' }, flags);
  await empty.code;
  assert.equal(empty.attempts[0]?.options.password, undefined);
});
