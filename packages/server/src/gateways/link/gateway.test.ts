import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { temporaryDirectory } from '@confab/testing';
import { RawLink } from '@confab/testing/raw/link';
import { Frame, frame, text, varint } from '@confab/testing/raw/link-frames';
import { RawRefusal } from '@confab/testing/raw/link-handshake';
import { RawChat } from '@confab/testing/raw/link-room';
import { UdpPeer } from '@confab/testing/raw/ucrp';
import { eventually, within } from '@confab/testing/raw/wait';
import { startTestServer, type TestServer } from '@confab/testing/test-server';

type Settings = Readonly<Record<string, string | number | boolean>>;

function serve(context: TestContext, settings: Settings = {}): Promise<TestServer> {
  return startTestServer(context, { wires: ['link'], settings });
}

async function open(context: TestContext, server: TestServer, options: Parameters<typeof RawLink.open>[1]) {
  const link = await RawLink.open(server.ports, options);
  context.after(() => link.close());
  return link;
}

const deviceKey = () => generateKeyPairSync('ed25519').privateKey;
const refusedWith = (code: number) => (error: unknown) => error instanceof RawRefusal && error.code === code;

function drops(server: TestServer) {
  return server.running.stats.wire('link').drops;
}

describe('Who may come', () => {
  test('a guest is let in under a name that is nobody’s, unverified', async (context) => {
    const server = await serve(context);
    const { welcome } = await open(context, server, { user: 'Ann', wantsUdp: true });
    assert.deepEqual([welcome.isVerified, welcome.isResumed, welcome.isUdpOffered], [false, false, true]);
    assert.equal(welcome.udpPort, server.ports.port('confab', 'udp'));
    assert.match(welcome.address, /^127\.0\.0\.1:\d+$/);
    assert.equal(welcome.ticket.length, 32);
  });

  test('guests are refused where the configuration says so', async (context) => {
    const server = await serve(context, { 'link.guests': false });
    await assert.rejects(RawLink.open(server.ports, { user: 'Ann' }), refusedWith(6));
    const { welcome } = await open(context, server, { user: 'Ann', device: deviceKey() });
    assert.equal(welcome.isVerified, true);
  });

  test('a name belongs to the key that took it, against other keys and guests', async (context) => {
    const server = await serve(context);
    const device = deviceKey();
    assert.equal((await open(context, server, { user: 'Ann', device })).welcome.isVerified, true);
    assert.equal((await open(context, server, { user: 'Ann', device })).welcome.isVerified, true);
    await assert.rejects(RawLink.open(server.ports, { user: 'Ann', device: deviceKey() }), refusedWith(7));
    await assert.rejects(RawLink.open(server.ports, { user: 'Ann' }), refusedWith(7));
  });

  test('a proof that was made for another connection is refused', async (context) => {
    const server = await serve(context);
    const proofOf = randomBytes(32);
    await assert.rejects(RawLink.open(server.ports, { user: 'Ann', device: deviceKey(), proofOf }), refusedWith(8));
  });

  test('a name that no room would take is refused', async (context) => {
    const server = await serve(context);
    for (const user of ['', ' Ann', 'system', 'A\nB']) {
      await assert.rejects(RawLink.open(server.ports, { user }), refusedWith(9));
    }
  });

  test('beyond the sessions that the server may have nobody new is let in, and who was in can come back', async (context) => {
    const server = await serve(context, { 'link.address_sessions_max': 2 });
    const ann = await open(context, server, { user: 'Ann' });
    await open(context, server, { user: 'Bob' });
    await assert.rejects(RawLink.open(server.ports, { user: 'Eve' }), refusedWith(18));
    assert.equal(drops(server).limited, 1);
    const again = await open(context, server, { user: 'Ann', ticket: ann.welcome.ticket });
    assert.equal(again.welcome.isResumed, true);
  });

  test('datagrams are not offered where they are turned off', async (context) => {
    const server = await serve(context, { 'link.udp': false });
    const { welcome } = await open(context, server, { user: 'Ann', wantsUdp: true });
    assert.deepEqual([welcome.isUdpOffered, welcome.udpPort], [false, 0]);
    assert.deepEqual(
      server.running.endpoints.map(({ protocol }) => protocol),
      ['tcp'],
    );
  });
});

describe('Unfinished connections', () => {
  /** A TLS connection that is given these bytes; fulfils with all that came back when it is closed. */
  function say(server: TestServer, bytes: Buffer, alpn = ['confab/1']): Promise<Buffer> {
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.ports.port('confab', 'tcp'),
      ALPNProtocols: alpn,
      rejectUnauthorized: false,
    });
    const chunks: Buffer[] = [];
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('secureConnect', () => socket.write(bytes));
    const closed = new Promise<Buffer>((resolve) => socket.once('close', () => resolve(Buffer.concat(chunks))));
    return within(closed, 'the connection to be closed');
  }

  const hello = (version: number) =>
    frame(Frame.HELLO, varint(version), Buffer.from([0]), text('Ann'), text('raw'), varint(1200));

  test('another version is told which one is spoken here', async (context) => {
    const server = await serve(context);
    const answer = await say(server, hello(2));
    assert.deepEqual([answer[0], answer[2]], [Frame.REFUSE, 3]);
  });

  for (const [what, bytes] of [
    ['another frame than HELLO', frame(Frame.PING)],
    ['a HELLO of more than 1024 bytes', Buffer.concat([varint(Frame.HELLO), varint(1025)])],
    ['a HELLO that is cut short', frame(Frame.HELLO, varint(1))],
  ] as const) {
    test(`${what} ends the connection without an answer`, async (context) => {
      const server = await serve(context);
      assert.equal((await say(server, bytes)).length, 0);
      assert.equal(drops(server).unreadable, 1);
    });
  }

  test('frames behind HELLO, before WELCOME, are refused', async (context) => {
    const server = await serve(context);
    const answer = await say(server, Buffer.concat([hello(1), frame(Frame.PING)]));
    assert.deepEqual([answer[0], answer[2]], [Frame.REFUSE, 1]);
  });

  test('who speaks TLS but not link is closed', async (context) => {
    const server = await serve(context);
    assert.equal((await say(server, hello(1), [])).length, 0);
    assert.equal((await say(server, hello(1), ['h2'])).length, 0);
  });

  test('one that does not say HELLO in time is closed, with TLS or before it', async (context) => {
    const server = await serve(context, { 'link.handshake_timeout_ms': 50 });
    assert.equal((await say(server, Buffer.alloc(0))).length, 0);
    const silent = connect({ host: '127.0.0.1', port: server.ports.port('confab', 'tcp') });
    silent.on('error', () => {});
    await within(new Promise((resolve) => silent.resume().once('close', resolve)), 'the silent one to be closed');
  });

  test('a flood of half-open ones costs only them', async (context) => {
    const server = await serve(context, { 'link.address_connections_max': 8 });
    const port = server.ports.port('confab', 'tcp');
    const flood = Array.from({ length: 40 }, () => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => {});
      context.after(() => socket.destroy());
      // The beginning of a TLS record that never ends.
      socket.write(Buffer.from([22, 3, 1, 64, 0]));
      return socket;
    });
    await eventually(() => drops(server).limited >= 32, '32 of 40 are closed');
    const ann = await RawChat.open(server.ports, { user: 'Ann' });
    context.after(() => ann.close());
    const { channel } = await ann.join({ room: 'lobby' });
    assert.ok('number' in (await ann.post(channel, 'hello')));
    await eventually(() => server.running.stats.wire('link').connections <= 9, 'no more than 8 and Ann are left');
    assert.ok(flood.length === 40);
  });
});

describe('Datagrams', () => {
  test('with no session’s id are counted and never answered', async (context) => {
    const server = await serve(context);
    const eve = await UdpPeer.open();
    context.after(() => eve.close());
    const heard: Buffer[] = [];
    eve.onDatagram = ({ bytes }) => void heard.push(bytes);
    const target = { address: '127.0.0.1', udpPort: server.ports.port('confab', 'udp') };
    const ann = await open(context, server, { user: 'Ann', wantsUdp: true });
    const before = drops(server).unknown;
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from([0x43]),
      Buffer.concat([Buffer.from([0x43]), randomBytes(60)]),
      randomBytes(1472),
    ])
      await eve.send(bytes, target);
    // With the right id and nothing else right, and the id with too few bytes for a packet.
    await eve.send(Buffer.concat([Buffer.from([0x43]), ann.welcome.connectionId, randomBytes(1200)]), target);
    await eve.send(Buffer.concat([Buffer.from([0x43]), ann.welcome.connectionId]), target);
    await ann.moveToUdp();
    await eventually(() => drops(server).unknown >= before + 5, 'all junk is counted');
    assert.equal(server.running.stats.link?.().drops.get('unknown-id'), drops(server).unknown);
    assert.equal(server.running.stats.link?.().drops.get('unauthentic'), 1);
    assert.deepEqual(heard, []);
  });

  for (const packets of [1, 20])
    test(`of an address that has not answered are worth at most three times their bytes, ${packets} of them`, async (context) => {
      const server = await serve(context);
      const chat = await RawChat.open(server.ports, { user: 'Ann', wantsUdp: true });
      context.after(() => chat.close());
      await chat.link.moveToUdp();
      const { channel } = await chat.join({ room: 'lobby' });
      const eve = await UdpPeer.open();
      context.after(() => eve.close());
      let heardBytes = 0;
      eve.onDatagram = ({ bytes }) => {
        heardBytes += bytes.length;
      };
      // Ann's next packets, which Eve caught on their way and sends from her own address: authentic, and newer than all.
      let sentBytes = 0;
      const target = { address: '127.0.0.1', udpPort: server.ports.port('confab', 'udp') };
      for (let tries = 0; heardBytes === 0 && tries < 5; tries += 1) {
        for (let count = 0; count < packets; count += 1) {
          const { bytes } = chat.link.packets!.seal(frame(Frame.PING, Buffer.alloc(8)));
          sentBytes += bytes.length;
          await eve.send(bytes, target);
        }
        // Not if an acknowledgement of Ann's own overtook it, which is newer then: nobody else sends for her for so long.
        await eventually(() => heardBytes > 0, 'Eve is challenged', 2_000).catch(() => undefined);
      }
      assert.ok(heardBytes > 0, 'Eve is challenged');
      for (let line = 0; line < 20; line += 1)
        assert.ok('number' in (await chat.post(channel, `${line} ${'x'.repeat(500)}`)));
      await server.stop();
      assert.ok(heardBytes <= 3 * sentBytes, `${heardBytes} for ${sentBytes}`);
      context.diagnostic(
        `amplification: ${heardBytes} bytes for ${sentBytes}, ${(heardBytes / sentBytes).toFixed(2)} times`,
      );
    });

  test('from another port of the client move the session there, without a login', async (context) => {
    const server = await serve(context);
    const chat = await RawChat.open(server.ports, { user: 'Ann', wantsUdp: true });
    context.after(() => chat.close());
    await chat.link.moveToUdp();
    const { channel } = await chat.join({ room: 'lobby' });
    assert.ok('number' in (await chat.post(channel, 'before')));
    await chat.link.changePort();
    assert.ok('number' in (await within(chat.post(channel, 'after'), 'the acceptance')));
    chat.link.dropStream();
    assert.ok('number' in (await within(chat.post(channel, 'without TCP'), 'the acceptance')));
  });
});

test('a server that stops says so', async (context) => {
  const server = await serve(context);
  const tcp = await open(context, server, { user: 'Ann' });
  const udp = await open(context, server, { user: 'Bob', wantsUdp: true });
  await udp.moveToUdp();
  await server.stop();
  await within(Promise.all([tcp.ended, udp.ended]), 'both goodbyes');
  assert.equal(tcp.closed?.code, 5);
  assert.equal(udp.closed?.code, 5);
});

test('the fingerprint of an endpoint is that of the key which the server shows, and stays', async (context) => {
  const directory = temporaryDirectory(context);
  const fingerprints: unknown[] = [];
  for (let start = 0; start < 2; start += 1) {
    const server = await startTestServer(context, { wires: ['link'], data: directory.path });
    fingerprints.push(server.running.endpoints[0]?.fingerprint);
    const { socket } = await open(context, server, { user: 'Ann' });
    const spki = socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' });
    assert.equal(fingerprints[start], createHash('sha256').update(spki).digest('base64url'));
    await server.stop();
  }
  assert.equal(fingerprints[0], fingerprints[1]);
});
