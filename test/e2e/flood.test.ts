import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { prng } from '@confab/testing';
import { Conversation } from '../support/conversation.ts';
import { sharedServer } from '../support/server-process.ts';
import { CREATE, TcrpConnection } from '../support/tcrp.ts';
import { encodeUcrp, expectSilence, LEAVE, REGISTER, UdpPeer } from '../support/ucrp.ts';
import { eventually } from '../support/wait.ts';

const HALF_OPEN = 1000;
const HALF_BYTES = 30_000;
/** Kept each time, that would be 210 MB; when a runtime frees what nobody uses any more is its own affair. */
const HALF_OPEN_AGAIN = 7;
const JUNK_DATAGRAMS = 20_000;
/** As many as surely fit a receive buffer of the usual size. */
const JUNK_AT_ONCE = 100;
/** What a process may keep for itself after a busy time. */
const MEMORY_SLACK_BYTES = 64 << 20;

const server = sharedServer({ 'hybrid.connections_max': 4096, 'hybrid.address_connections_max': 4096 });

/** Memory of the server in use, bytes, where the system tells. */
function memoryBytes(): number | undefined {
  try {
    const status = readFileSync(`/proc/${server().process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  } catch {
    return undefined;
  }
}

async function expectMemoryNear(startBytes: number | undefined): Promise<void> {
  if (startBytes === undefined) return;
  const isNear = (): boolean => memoryBytes()! - startBytes < MEMORY_SLACK_BYTES;
  await eventually(isNear, `the server holds little more than the ${startBytes >> 20} MiB of its start`);
}

/** A thousand connections that never say all of what they began; the memory in use while they are open, bytes. */
async function holdHalfOpen(conversation: Conversation, meanwhile: () => Promise<void>): Promise<number | undefined> {
  const connections: TcrpConnection[] = [];
  for (let batch = 0; batch < HALF_OPEN / 50; batch += 1) {
    connections.push(...(await Promise.all(Array.from({ length: 50 }, () => TcrpConnection.open(server())))));
    // A header that declares 60,000 bytes, and half of them.
    const half = Buffer.alloc(HALF_BYTES, 0x78);
    half.set([4, CREATE, 0, ...Buffer.alloc(25), 0, 0, 0xea, 0x60]);
    for (const connection of connections.slice(-50)) connection.write(half);
    await conversation.round();
  }
  assert.equal(connections.filter((connection) => connection.socket.destroyed).length, 0);
  await meanwhile();
  const bytes = memoryBytes();
  for (const connection of connections) connection.close();
  await conversation.round();
  return bytes;
}

test('chat goes on beside a thousand half-open connections, and their memory is used again', async (context) => {
  const conversation = await Conversation.open(server(), 'half-open', 10);
  for (let round = 0; round < 20; round += 1) await conversation.round();

  const firstBytes = await holdHalfOpen(conversation, async () => {
    // They are all still open, and people still come in.
    const late = await Conversation.open(server(), 'half-open too', 4);
    for (let round = 0; round < 20; round += 1) {
      await conversation.round();
      await late.round();
    }
    assert.equal(late.fault(), undefined);
  });
  let lastBytes: number | undefined;
  for (let time = 0; time < HALF_OPEN_AGAIN; time += 1)
    lastBytes = await holdHalfOpen(conversation, () => conversation.round());
  assert.equal(conversation.fault(), undefined);
  if (firstBytes === undefined || lastBytes === undefined) return;
  context.diagnostic(`${firstBytes >> 20} MiB the first time, ${lastBytes >> 20} MiB the last time`);
  const keptBytes = HALF_OPEN_AGAIN * HALF_OPEN * HALF_BYTES;
  assert.ok(lastBytes - firstBytes < keptBytes / 2, `${(lastBytes - firstBytes) >> 20} MiB more than the first time`);
});

test('20,000 junk datagrams cost ten people who chat not one line, and are never answered', async (context) => {
  const conversation = await Conversation.open(server(), 'busy', 10);
  for (let round = 0; round < 20; round += 1) await conversation.round();
  const startBytes = memoryBytes();
  const random = prng(4711);
  const [victim] = conversation.members;
  const guess = '0'.repeat(victim!.token.length);
  const kinds: (() => Uint8Array)[] = [
    () => Buffer.alloc(0),
    () => random.bytes(1),
    () => random.bytes(random.int(2, 200)),
    () => random.bytes(random.int(200, 2000)),
    () => Buffer.concat([Buffer.from([0, 0]), random.bytes(random.int(0, 40))]),
    () => encodeUcrp('one-byte', 'busy', guess, random.pick([REGISTER, LEAVE, 'Hello'])),
    () => encodeUcrp('four-byte', 'busy', guess, 'Hello'),
    () => encodeUcrp('one-byte', 'another room', victim!.token, LEAVE),
    // The right room and token, and a message that is no text.
    () => encodeUcrp('one-byte', 'busy', victim!.token, Buffer.from([0xc3, 0x28])),
    () => encodeUcrp('one-byte', 'busy', victim!.token, '').subarray(0, -1),
  ];
  const sources = await Promise.all(Array.from({ length: 20 }, () => UdpPeer.open()));
  let sent = 0;
  while (sent < JUNK_DATAGRAMS) {
    // From strangers, and now and then from the very sockets of those who chat.
    const batch = Array.from({ length: JUNK_AT_ONCE }, () => {
      const source = random.chance(0.1) ? random.pick(conversation.members).peer : random.pick(sources);
      return source.send(random.pick(kinds)(), server());
    });
    sent += batch.length;
    await Promise.all([...batch, conversation.round()]);
  }
  await conversation.round();
  assert.equal(conversation.fault(), undefined);
  assert.ok(server().process.isRunning);
  assert.doesNotMatch(server().process.stderr, /error/i);
  await expectSilence(server(), ...sources);
  if (startBytes !== undefined)
    context.diagnostic(`${startBytes >> 20} MiB at the start, ${memoryBytes()! >> 20} MiB at the end`);
  await expectMemoryNear(startBytes);
});
