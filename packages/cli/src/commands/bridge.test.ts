import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { BridgeEvent, Found, BridgeOptions as OpenOptions } from '@confab/client';
import { FakeIo, type FakeIoOptions } from '@confab/testing/fake-io';
import { parseBridgeLine } from '../bridge/bridge-line.ts';
import type { DialogueClient } from '../bridge/dialogue.ts';
import { ExitCode } from '../exit-codes.ts';
import { type BridgeOptions, runBridge } from './bridge.ts';

const BOB: Found = { clientId: 'bob', ip: '192.0.2.7', port: 5000, introduction: undefined };
const CHAT: BridgeEvent = {
  type: 'chat',
  peerId: 'bob',
  isSealed: true,
  path: 'direct',
  address: '192.0.2.7:5000',
  code: '11111 22222 33333 44444 55555 66666',
};
const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code });

/** A client whose rendezvous is the test: it does what it is told, and records it. */
class FakeClient implements DialogueClient {
  readonly mode = 'tcp';
  readonly serverAddress = '127.0.0.1:7000';
  readonly localAddress = '127.0.0.1:5001';
  state: DialogueClient['state'] = 'idle';
  id = '';
  peerId: string | undefined;
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  found: Found | undefined = BOB;
  /** What becomes of a line. */
  answer: (text: string) => Promise<{ status: 'accepted' | 'sent' }> = async () => ({ status: 'accepted' });
  refuse: Partial<Record<string, Error>> = {};
  readonly #events: BridgeEvent[] = [];
  #wake: () => void = () => {};

  emit(event: BridgeEvent): void {
    if (event.type === 'state') this.state = event.state;
    this.#events.push(event);
    this.#wake();
  }

  begin(): void {
    this.peerId = 'bob';
    this.state = 'chatting';
    this.emit(CHAT);
  }

  async register(id: string): Promise<void> {
    this.#note(`register ${id}`);
    this.id = id;
    this.state = 'registered';
  }

  async bridge(wanted?: string): Promise<Found | undefined> {
    this.#note(`bridge${wanted === undefined ? '' : ` ${wanted}`}`);
    this.state = this.found === undefined ? 'waiting' : 'found';
    return this.found;
  }

  async chat(): Promise<void> {
    this.#note('chat');
    this.begin();
  }

  async send(text: string): Promise<{ status: 'accepted' | 'sent' }> {
    this.#note(`send ${text}`);
    if (this.peerId === undefined) throw failure('SESSION_CLOSED', 'Cannot send: the session is over');
    return this.answer(text);
  }

  async quit(): Promise<void> {
    this.#note('quit');
    this.peerId = undefined;
    this.state = 'idle';
  }

  async close(): Promise<void> {
    if (this.state !== 'closed') this.emit({ type: 'closed' });
    this.state = 'closed';
  }

  async *events(): AsyncGenerator<BridgeEvent, undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        yield event;
        if (event.type === 'closed') return;
      }
    }
  }

  #note(call: string): void {
    this.calls.push(call);
    const error = this.refuse[call.split(' ')[0]!];
    if (error !== undefined) throw error;
  }
}

function start(io: FakeIoOptions, options: BridgeOptions = {}, prepare: (client: FakeClient) => void = () => {}) {
  const fakeIo = new FakeIo(io);
  const client = new FakeClient();
  prepare(client);
  const opened: OpenOptions[] = [];
  const code = runBridge(fakeIo, 'bridge://127.0.0.1:7000', options, async (_url, openOptions) => {
    opened.push(openOptions);
    return client;
  });
  return { io: fakeIo, client, opened, code };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2000, 'waited in vain');
    await delay(1);
  }
}

test('a script’s commands are obeyed in order, its lines said, and then it leaves', async () => {
  const input = '/id ann\n/register\n\n/bridge\n/chat\nhello\n//slash\n';
  const { io, client, code } = start({ input });
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(client.calls, ['register ann', 'bridge', 'chat', 'send hello', 'send /slash']);
  assert.equal(
    io.stdout.text,
    '* Talking to "bob" directly (192.0.2.7:5000); encrypted. Both see the same number if nobody stands between: 11111 22222 33333 44444 55555 66666\nann: hello\nann: /slash\n',
  );
  assert.match(io.stderr.text, /^Connected in TCP mode at 127\.0\.0\.1:7000, own address 127\.0\.0\.1:5001\n/);
  assert.match(io.stderr.text, /\nRegistered as ann, own address 127\.0\.0\.1:5001\nFound bob at 192\.0\.2\.7:5000\n$/);
  assert.equal(client.state, 'closed');
});

test('in a script /chat waits to be found when nobody was there', async () => {
  const { io, client, code } = start({ input: '/register\n/bridge\n/chat\nhello\n' }, { id: 'ann' }, (fake) => {
    fake.found = undefined;
  });
  await until(() => client.calls.includes('bridge'));
  await delay(10);
  assert.equal(
    client.calls.some((call) => call.startsWith('send')),
    false,
  );
  client.begin();
  assert.equal(await code, ExitCode.OK);
  assert.match(io.stdout.text, /\nann: hello\n$/);
});

test('--chat does all that leads to a conversation, and --stay remains until it ends', async () => {
  const { io, client, code } = start({ input: '' }, { id: 'ann', chat: true, stay: true });
  await until(() => client.calls.includes('chat'));
  client.emit({ type: 'message', user: 'bob', text: 'hi\nthere\x1b[2J' });
  client.emit({ type: 'held', count: 2 });
  client.emit({ type: 'path', path: 'relay', address: '127.0.0.1:7000' });
  client.emit({ type: 'ended', reason: 'peer-left', text: '"bob" has left the conversation' });
  assert.equal(await code, ExitCode.OK);
  assert.deepEqual(client.calls, ['register ann', 'bridge', 'chat']);
  assert.match(
    io.stdout.text,
    /\nbob: hi\n {4}there\n\* The way is now through the server \(127\.0\.0\.1:7000\)\n\* "bob" has left the conversation\n$/,
  );
  assert.match(io.stderr.text, /! 2 lines wait for an answer/);
});

test('a lost peer is exit code 1', async () => {
  const { client, code } = start({}, { id: 'ann', chat: true });
  await until(() => client.calls.includes('chat'));
  client.emit({ type: 'ended', reason: 'lost', text: '"bob" cannot be reached any more' });
  assert.equal(await code, ExitCode.FAILED);
});

test('the first command of a script that fails ends it with exit code 1', async () => {
  const { io, client, code } = start({ input: '/register\n/bridge\n' }, { id: 'ann' }, (fake) => {
    fake.refuse = { register: failure('ID_TAKEN', 'Cannot register as "ann": the id is taken') };
  });
  assert.equal(await code, ExitCode.FAILED);
  assert.deepEqual(client.calls, ['register ann']);
  assert.match(io.stderr.text, /! Cannot register as "ann": the id is taken\n$/);
  for (const [input, expected] of [
    ['/register\n', /! Nobody knows you yet: .*\/id NAME\n/],
    ['/id\n', /! \/id needs a name/],
    ['/nonsense\n', /! There is no \/nonsense/],
    ['/chat\n', /! There is nobody to talk to/],
  ] as const) {
    const run = start({ input });
    assert.equal(await run.code, ExitCode.FAILED);
    assert.match(run.io.stderr.text, expected);
  }
});

test('a line that is not sent or not confirmed is told of, and gives exit code 4', async () => {
  const { io, code } = start({ input: '/chat\none\ntwo\n' }, { id: 'ann' }, (fake) => {
    fake.begin();
    fake.answer = async (text) => {
      if (text === 'one') throw failure('MESSAGE_TOO_LONG', 'Cannot send: 2000 bytes exceed 1160');
      throw failure('SEND_UNCERTAIN', 'Not confirmed before the conversation ended; it may be lost');
    };
  });
  assert.equal(await code, ExitCode.NOT_SENT);
  assert.match(io.stderr.text, /! Not sent: 2000 bytes exceed 1160: "one"\n/);
  assert.match(io.stderr.text, /! Not confirmed before the conversation ended; it may be lost: "two"\n/);
  const alone = start({ input: 'to nobody\n' }, { id: 'ann' });
  assert.equal(await alone.code, ExitCode.NOT_SENT);
  assert.match(alone.io.stderr.text, /! Not sent: you are not talking to anybody: "to nobody"\n/);
});

test('at a terminal states are shown, failures end nothing, and /quit leaves', async () => {
  const { io, client, code } = start({ terminal: { columns: 80, rows: 24 } }, { id: 'ann' }, (fake) => {
    fake.found = undefined;
  });
  await until(() => io.stdout.text.includes('/help for help'));
  io.type('/chat\r');
  await until(() => io.stdout.text.includes('There is nobody to talk to'));
  io.type('/help\r');
  await until(() => io.stdout.text.includes('/register     let others find you'));
  io.type('/register\r');
  await until(() => client.calls.includes('register ann'));
  client.emit({ type: 'state', state: 'registered' });
  await until(() => io.stdout.text.includes('registered; /bridge finds somebody'));
  io.type('/bridge bob\r');
  await until(() => client.calls.includes('bridge bob'));
  io.type('/status\r');
  await until(() => io.stdout.text.includes('TCP mode at 127.0.0.1:7000'));
  client.begin();
  client.emit({ type: 'ended', reason: 'peer-left', text: '"bob" has left the conversation' });
  await until(() => io.stdout.text.includes('has left'));
  io.type('/leave\r');
  await until(() => client.calls.includes('quit'));
  io.type('/quit\r');
  assert.equal(await code, ExitCode.OK);
});

test('signals leave properly and give their own exit codes', async () => {
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const { io, client, code } = start({}, { id: 'ann', chat: true });
    await until(() => client.calls.includes('chat'));
    io.signal(signal);
    assert.equal(await code, expected);
    assert.equal(client.state, 'closed');
  }
});

test('flags reach the client', async () => {
  const { opened, code } = start({ input: '' }, { listen: '192.0.2.7:5000', path: 'direct', sealed: true, free: true });
  assert.equal(await code, ExitCode.OK);
  const { listen, path, isSealedOnly, isFree, isPlain } = opened[0]!;
  assert.deepEqual(
    [listen, path, isSealedOnly, isFree, isPlain],
    [{ host: '192.0.2.7', port: 5000 }, 'direct', true, true, false],
  );
  const only = start({ input: '' }, { listen: ':5000' });
  await only.code;
  assert.deepEqual(only.opened[0]!.listen, { host: undefined, port: 5000 });
  const six = start({ input: '' }, { listen: '[::1]:1' });
  await six.code;
  assert.deepEqual(six.opened[0]!.listen, { host: '::1', port: 1 });
});

test('what cannot be listened on, and --chat without an id, are wrong usage', async () => {
  for (const listen of ['', 'here:1', '127.0.0.1:70000', '127.0.0.1:', 'x']) {
    await assert.rejects(start({ input: '' }, { listen }).code, { name: 'UsageError' }, listen);
  }
  await assert.rejects(start({ input: '' }, { chat: true }).code, { name: 'UsageError' });
});

test('lines are told apart', () => {
  assert.deepEqual(parseBridgeLine('/ID  Ann B'), { kind: 'id', id: 'Ann B' });
  assert.deepEqual(parseBridgeLine('/bridge'), { kind: 'bridge', wanted: undefined });
  assert.deepEqual(parseBridgeLine('  quit '), { kind: 'quit' });
  assert.deepEqual(parseBridgeLine('/Q'), { kind: 'quit' });
  assert.deepEqual(parseBridgeLine('   '), { kind: 'nothing' });
  assert.deepEqual(parseBridgeLine('//x'), { kind: 'say', text: '/x' });
  assert.deepEqual(parseBridgeLine(' /x'), { kind: 'say', text: ' /x' });
});
