/** What the trace shows of streams: each side of them, and their end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { connect as connectSession, knownServersInMemory } from '@confab/client';
import { startTestServer } from '@confab/testing/test-server';
import { WebSocket } from 'ws';
import { eventually } from '../support/wait.ts';

interface TraceLine {
  readonly wire?: string;
  readonly direction?: string;
  readonly peer?: string;
  readonly bytes?: string;
  readonly end?: boolean;
}

async function traced(context: TestContext, settings: Record<string, string | boolean> = {}) {
  const { running, ports } = await startTestServer(context, {
    wires: ['hybrid', 'json_lines', 'bridge', 'http', 'link'],
    settings: { 'trace.enabled': true, 'trace.tcp_port': 0, ...settings },
  });
  const watcher = connect(running.tracePort!, '127.0.0.1');
  context.after(() => void watcher.destroy());
  const lines: TraceLine[] = [];
  createInterface({ input: watcher }).on('line', (line) => void lines.push(JSON.parse(line) as TraceLine));
  await eventually(() => lines.length > 0, 'the trace to begin');
  const open = async (scheme: string): Promise<Socket> => {
    const socket = connect(ports.port(scheme, 'tcp'), '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'connect');
    context.after(() => void socket.destroy());
    return socket;
  };
  const url = `ws://127.0.0.1:${ports.port('ws', 'tcp')}/ws`;
  const linkUrl = `confab://127.0.0.1:${ports.port('confab', 'tcp')}/lobby`;
  return { lines, open, url, linkUrl };
}

const peerOf = ({ localPort }: Socket): string => `127.0.0.1:${localPort}`;

for (const [wire, scheme, beginning] of [
  ['tcrp', 'ucrp', '\u0004\u0001\u0000'],
  ['json-lines', 'jsonl', '{"type":"join","password":"half a sec'],
  ['bridge', 'bridge', 'REGISTER\r\nclientID: '],
] as const) {
  test(`the end of a connection of ${wire} is in the trace, whoever makes it`, async (context) => {
    const { lines, open } = await traced(context);
    for (const end of ['end', 'resetAndDestroy'] as const) {
      const socket = await open(scheme);
      socket.write(beginning);
      const peer = peerOf(socket);
      await eventually(() => lines.some((line) => line.peer === peer && line.direction === 'in'), 'what was sent');
      socket[end]();
      await eventually(() => lines.some((line) => line.peer === peer && line.end === true), 'its end');
      assert.equal(lines.filter((line) => line.peer === peer && line.end === true).length, 1);
      assert.ok(lines.every((line) => line.end !== true || (line.wire === wire && line.bytes === '')));
    }
  });
}

for (const compression of [false, true]) {
  test(`of WebSocket the trace shows each object of both sides by itself, then the end; compression ${compression}`, async (context) => {
    const { lines, url } = await traced(context, { 'http.compression': compression });
    const ann = new WebSocket(url);
    const heard: string[] = [];
    ann.on('message', (data) => void heard.push(String(data)));
    await once(ann, 'open');
    const texts = ['{"type":"join","room":"lobby","user":"Ann","password":"sesame"}', '{"type":"message","text":"hi"}'];
    const long = `{"type":"message","text":"${'x'.repeat(3000)}"}`;
    for (const text of [...texts, long, '{"type":"who"}']) ann.send(text);
    await eventually(() => heard.some((text) => text.includes('"users"')), 'the last answer');
    // With history, which is one write of several frames.
    ann.send('{"type":"join","room":"lobby2","user":"Ann"}');
    ann.send('{"type":"join","room":"lobby","user":"Ann"}');
    await eventually(() => heard.filter((text) => text.includes('x'.repeat(3000))).length === 2, 'the history');
    ann.close();
    await eventually(() => lines.some(({ wire, end }) => wire === 'websocket' && end === true), 'the end');
    const shown = (direction: string): string[] =>
      lines
        .filter((line) => line.wire === 'websocket' && line.direction === direction && line.end !== true)
        .map(({ bytes }) => Buffer.from(bytes!, 'base64').toString());
    assert.deepEqual(shown('out').slice(0, heard.length), heard);
    assert.deepEqual(shown('in').slice(0, 2), [texts[0]!.replace('sesame', '******'), texts[1]]);
    assert.equal(shown('in').length, 6);
  });
}

test('of link the trace shows the frames behind TLS and the packets behind their seal, without secrets', async (context) => {
  const { lines, linkUrl } = await traced(context);
  const session = await connectSession(linkUrl, {
    user: 'Ann',
    entry: 'create',
    password: 'sesame',
    link: { deviceKey: 'none', knownServers: knownServersInMemory(), outbox: 'memory' },
  });
  context.after(() => session.leave());
  for await (const event of session.events()) if (event.type === 'link' && event.status.path === 'udp') break;
  await session.send('by UDP');
  const of = (wire: string, direction: string) =>
    lines
      .filter((line) => line.wire === wire && line.direction === direction)
      .map(({ bytes }) => Buffer.from(bytes!, 'base64'));
  await eventually(() => of('link-udp', 'in').some((bytes) => bytes.includes('by UDP')), 'what was said');
  const [hello, ...frames] = of('link-tcp', 'in');
  assert.equal(hello?.[0], 0x20);
  assert.ok(hello.includes('Ann'));
  const join = frames.find((bytes) => bytes.includes('lobby'));
  assert.ok(join?.includes('******') && !join.includes('sesame'));
  const [welcome] = of('link-tcp', 'out');
  assert.equal(welcome?.[0], 0x21);
  // A ticket of 32 bytes.
  assert.ok(welcome.includes('*'.repeat(32)));
  const [packet] = of('link-udp', 'out');
  assert.equal(packet![0]! & 0xf8, 0x40);
});
