import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { RawLines } from '@confab/testing/raw/json-lines';
import { type ServerOptions, TestServer } from '../support/server-process.ts';
import { RawMember } from '../support/ucrp.ts';
import { eventually } from '../support/wait.ts';

type Settings = NonNullable<ServerOptions['settings']>;

/** A server in a process of its own, and its port for JSON lines, as it printed it. */
async function start(data: string, settings: Settings = {}): Promise<{ server: TestServer; port: number }> {
  const server = await TestServer.start({
    data,
    settings: { 'json_lines.enabled': true, 'json_lines.tcp_port': 0, ...settings },
  });
  const address = (): string | undefined => /JSON lines +tcp +127\.0\.0\.1:(\d+)/.exec(server.process.stdout)?.[1];
  await eventually(() => address() !== undefined, 'the port is printed');
  return { server, port: Number(address()) };
}

const textOf = (line: string): string => (JSON.parse(line) as { text: string }).text;
const seqOf = (line: string): number => (JSON.parse(line) as { seq: number }).seq;

test('people with lines and people with datagrams are in the same room, and hear the same in the same order', async (context) => {
  const folder = temporaryDirectory(context);
  const { server, port } = await start(folder.path);
  folder.closing(server);
  const host = await RawMember.create(server, { room: 'lobby', user: 'Host', dialect: 'object' });
  const ann = folder.closing(await RawLines.open(port));
  await ann.join('lobby', 'Ann');
  await host.send('from a datagram');
  assert.equal(await ann.next(), '{"type":"message","room":"lobby","user":"Host","text":"from a datagram","seq":3}');
  ann.say({ type: 'message', text: 'from a line 🎉' });
  assert.match(await ann.next(), /from a line 🎉/);
  const heard: string[] = [];
  for (const user of ['Bob', 'Eve']) {
    const late = folder.closing(await RawLines.open(port));
    late.say({ type: 'join', room: 'lobby', user });
    heard.push((await late.until(`${user} joined`)).slice(0, 4).join('\n'));
  }
  assert.equal(heard[0], heard[1], 'what is past is the same for everybody');
});

test('a kill loses nothing that was shown: the same lines with the same numbers, and higher ones from then on', async (context) => {
  const folder = temporaryDirectory(context);
  const first = await start(folder.path);
  folder.closing(first.server);
  const ann = folder.closing(await RawLines.open(first.port));
  await ann.join('lobby', 'Ann');
  const shown: string[] = [];
  for (let count = 0; count < 50; count += 1) ann.say({ type: 'message', text: `${count}` });
  while (shown.length < 40) shown.push(await ann.next());
  await first.server.process.end('SIGKILL');
  shown.push(...(await ann.ended()).lines.filter((line) => line.includes('"message"')));

  const second = await start(folder.path);
  folder.closing(second.server);
  const bob = folder.closing(await RawLines.open(second.port));
  bob.say({ type: 'join', room: 'lobby', user: 'Bob' });
  const past = await bob.until('"Bob joined"');
  assert.deepEqual(past.slice(1, 1 + shown.length), shown);
  // The connection ended with the process: she has left.
  assert.equal(textOf(past.at(-2)!), 'Ann left');
  assert.ok(seqOf(past.at(-1)!) > seqOf(shown.at(-1)!));
  assert.deepEqual(
    past.map(seqOf),
    past.map(seqOf).toSorted((left, right) => left - right),
  );
});

test('a stop by signal tells everybody, and is a leave', async (context) => {
  const folder = temporaryDirectory(context);
  const { server, port } = await start(folder.path);
  folder.closing(server);
  const [ann, bob] = [folder.closing(await RawLines.open(port)), folder.closing(await RawLines.open(port))];
  await ann.join('lobby', 'Ann');
  await bob.join('lobby', 'Bob');
  const status = await server.process.end('SIGTERM');
  assert.deepEqual(status, { code: 0, signal: null });
  for (const lines of [ann, bob]) {
    const { lines: last, end } = await lines.ended();
    assert.equal(textOf(last.at(-1)!), 'Server is shutting down');
    assert.equal(end, 'closed');
  }
});

test('a thousand connections that say nothing, and as many that say half, cost those who chat nothing', async (context) => {
  const folder = temporaryDirectory(context);
  const { server, port } = await start(folder.path, { 'json_lines.idle_connections_max': 200 });
  folder.closing(server);
  const [ann, bob] = [folder.closing(await RawLines.open(port)), folder.closing(await RawLines.open(port))];
  await ann.join('lobby', 'Ann');
  await bob.join('lobby', 'Bob');
  for (let batch = 0; batch < 20; batch += 1) {
    const idle = await Promise.all(Array.from({ length: 100 }, () => RawLines.connect(port)));
    for (const [index, lines] of idle.entries()) {
      folder.closing(lines);
      lines.socket.on('error', () => {});
      if (index % 2 === 0) lines.write('{"type":"join","room":');
    }
    ann.say({ type: 'message', text: `line ${batch}` });
    await bob.until(`"line ${batch}"`);
  }
});

test('a member that does not read costs the others nothing, and hears all of it when it does', async (context) => {
  const folder = temporaryDirectory(context);
  const { server, port } = await start(folder.path, {
    'json_lines.send_buffer_bytes': 10_000,
    'limits.member_messages.burst': 10_000,
  });
  folder.closing(server);
  const ann = folder.closing(await RawLines.open(port));
  await ann.join('lobby', 'Ann');
  const slow = folder.closing(await RawLines.open(port));
  await slow.join('lobby', 'Slow');
  await ann.until('"Slow joined"');
  slow.socket.pause();
  const padding = 'x'.repeat(3900);
  // More than the system's buffers hold; less than what a reader may be behind.
  const count = 6000;
  for (let line = 0; line < count; line += 100) {
    for (let index = line; index < line + 100; index += 1) ann.say({ type: 'message', text: `${index} ${padding}` });
    await ann.until(`"${line + 99} `);
  }
  slow.proceed();
  let last = -1;
  while (last < count - 1) {
    const next = Number(textOf(await slow.next()).split(' ')[0]);
    assert.ok(next > last, `line ${next} after ${last}`);
    last = next;
  }
});
