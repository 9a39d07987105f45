/** Link on a server that is a process of its own, as raw clients see it. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { prng, temporaryDirectory } from '@confab/testing';
import { RawRefusal } from '@confab/testing/raw/link-handshake';
import { RawChat, type RawJoined } from '@confab/testing/raw/link-room';
import type { ServerPorts } from '@confab/testing/raw/member';
import { UdpPeer } from '@confab/testing/raw/ucrp';
import { within } from '@confab/testing/raw/wait';
import { ConfabProcess } from '@confab/testing/run-confab';

interface LinkServer {
  readonly process: ConfabProcess;
  readonly ports: ServerPorts;
  readonly fingerprint: string;
}

async function serve(context: TestContext, data: string, settings: readonly string[] = []): Promise<LinkServer> {
  const all = ['enabled=true', 'tcp_port=0', 'udp_port=0', ...settings].map((setting) => `link.${setting}`);
  const off = ['hybrid.enabled=false', ...all].flatMap((setting) => ['--set', setting]);
  const process = new ConfabProcess(context, ['serve', '--data', data, ...off]);
  await process.sees(/Ctrl\+C/);
  const port = async (protocol: string) =>
    Number((await process.sees(new RegExp(`Link +${protocol} +\\S+:(\\d+)`)))[1]);
  const [tcp, udp] = [await port('tcp'), await port('udp')];
  const fingerprint = (await process.sees(/^Fingerprint: (\S+)$/m))[1]!;
  const url = `confab://127.0.0.1:${tcp}/lobby?pin=${fingerprint}`;
  assert.ok(process.stdout.includes(`Join encrypted: npx confab chat '${url}' --user NAME\n`), process.stdout);
  return {
    process,
    fingerprint,
    ports: { address: '127.0.0.1', port: (_scheme, protocol) => (protocol === 'tcp' ? tcp : udp) },
  };
}

async function open(context: TestContext, { ports }: LinkServer, options: Parameters<typeof RawChat.open>[1]) {
  const chat = await RawChat.open(ports, options);
  context.after(() => chat.close());
  if (chat.link.welcome.isUdpOffered) await chat.link.moveToUdp();
  return chat;
}

const refusedWith = (code: number) => (error: unknown) => error instanceof RawRefusal && error.code === code;

function cursorAfter({ epoch, roomId, first }: RawJoined, chat: RawChat) {
  return { epoch, roomId, next: (chat.events.at(-1)?.number ?? first - 1) + 1 };
}

test('members join, speak and hear, on either path; names are their keys’, and guests may be refused', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const server = await serve(context, data, ['guests=false']);
  const [annKey, bobKey] = [generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('ed25519').privateKey];
  const ann = await open(context, server, { user: 'Ann', device: annKey });
  const bob = await open(context, server, { user: 'Bob', device: bobKey, wantsUdp: true });
  const spki = ann.link.socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' });
  assert.equal(createHash('sha256').update(spki).digest('base64url'), server.fingerprint);
  const at = await ann.join({ room: 'lobby' });
  const there = await bob.join({ room: 'lobby' });
  await ann.post(at.channel, 'hello');
  assert.equal(await bob.shown.nextChat(), 'Ann: hello');
  await bob.post(there.channel, 'x'.repeat(4000));
  await ann.shown.until((shown) => shown.kind === 'chat' && shown.text === 'x'.repeat(4000), 'the long answer');
  await assert.rejects(RawChat.open(server.ports, { user: 'Ann', device: bobKey }), refusedWith(7));
  await assert.rejects(RawChat.open(server.ports, { user: 'Eve' }), refusedWith(6));
});

test('after kill -9 and a start everybody has exactly what was accepted, once', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const first = await serve(context, data);
  const device = generateKeyPairSync('ed25519').privateKey;
  const ann = await open(context, first, { user: 'Ann', device });
  const bob = await open(context, first, { user: 'Bob', wantsUdp: true });
  const annAt = await ann.join({ room: 'lobby' });
  const bobAt = await bob.join({ room: 'lobby' });
  for (let line = 1; line <= 20; line += 1) await ann.post(annAt.channel, `line ${line}`);
  await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === 'line 20', 'the last line');
  const [annCursor, bobCursor] = [cursorAfter(annAt, ann), cursorAfter(bobAt, bob)];
  for (const chat of [ann, bob]) chat.link.isPersistent = false;
  await first.process.close();

  const second = await serve(context, data);
  assert.equal(second.fingerprint, first.fingerprint);
  await assert.rejects(RawChat.open(second.ports, { user: 'Ann' }), refusedWith(7), 'names are kept');
  const annAgain = await open(context, second, { user: 'Ann', device, ticket: ann.link.welcome.ticket });
  const bobAgain = await open(context, second, { user: 'Bob', wantsUdp: true });
  const { token, outboxId } = annAt;
  const annBack = await annAgain.join({ room: 'lobby', token, outboxId, cursor: annCursor });
  const bobBack = await bobAgain.join({ room: 'lobby', token: bobAt.token, cursor: bobCursor });
  for (const { isResumed, isResynchronised, members } of [annBack, bobBack])
    assert.deepEqual([isResumed, isResynchronised, members], [true, false, 2]);
  // What was not seen accepted is posted again; what was in the log is not doubled.
  for (let line = 15; line <= 25; line += 1) await annAgain.postAs(line, annBack.channel, `line ${line}`);
  await bobAgain.shown.until((shown) => shown.kind === 'chat' && shown.text === 'line 25', 'the last line');
  const seen = [...bob.shown.chat, ...bobAgain.shown.chat];
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, index) => `Ann: line ${index + 1}`),
  );
});

test('a flood of half-open connections and of junk datagrams costs nobody else anything', async (context) => {
  const { path: data } = temporaryDirectory(context);
  const server = await serve(context, data, ['address_connections_max=16']);
  const ann = await open(context, server, { user: 'Ann' });
  const bob = await open(context, server, { user: 'Bob', wantsUdp: true });
  const { channel } = await ann.join({ room: 'lobby' });
  await bob.join({ room: 'lobby' });
  const random = prng(7);
  const eve = await UdpPeer.open();
  context.after(() => eve.close());
  let answers = 0;
  eve.onDatagram = () => {
    answers += 1;
  };
  for (let round = 0; round < 10; round += 1) {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect({ host: '127.0.0.1', port: server.ports.port('confab', 'tcp') });
      socket.on('error', () => {});
      socket.write(Buffer.from([22, 3, 1, 64, 0]));
      context.after(() => socket.destroy());
      for (let datagram = 0; datagram < 20; datagram += 1) {
        const head = Buffer.concat([Buffer.from([0x43]), bob.link.welcome.connectionId]);
        const bytes = Buffer.from(random.bytes(random.int(1, 1400)));
        await eve.send(datagram % 2 === 0 ? bytes : Buffer.concat([head, bytes]), {
          address: '127.0.0.1',
          udpPort: server.ports.port('confab', 'udp'),
        });
      }
    }
    await within(ann.post(channel, `line ${round}`), `line ${round} to be accepted`);
    await bob.shown.until((shown) => shown.kind === 'chat' && shown.text === `line ${round}`, `line ${round}`);
  }
  const late = await open(context, server, { user: 'Late' });
  await late.join({ room: 'lobby' });
  assert.equal(answers, 0);
});
