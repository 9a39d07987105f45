import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { prng } from '@confab/testing';
import {
  bridge,
  bridgeack,
  chat,
  line,
  NOBODY,
  opening,
  PROBE,
  PROBEACK,
  quit,
  quitack,
  RawListener,
  RawPeer,
  RawUdp,
  REGNACK,
  regack,
  register,
  sharedBridge,
  tcpExchange,
} from '../support/bridge.ts';
import { eventually } from '../support/wait.ts';

const BAN_MS = 1500;
const REQUEST_TIMEOUT_MS = 400;
/** Tests share an address, and each says more than ten packets. */
const server = sharedBridge({ 'bridge.packets_max': 100_000 });
const strict = sharedBridge({ 'bridge.ban_ms': BAN_MS });
const patient = sharedBridge();
const impatient = sharedBridge({
  'bridge.packets_max': 100_000,
  'bridge.request_timeout_ms': REQUEST_TIMEOUT_MS,
  'bridge.connections_max': 100,
  'bridge.address_connections_max': 50,
});

let count = 0;
const name = (): string => {
  count += 1;
  return `client${count}`;
};

test('TCP mode answers each packet as the page says, in one segment, and closes', async () => {
  const { tcpPort } = server();
  const [ann, bob] = [name(), name()];
  assert.deepEqual(await tcpExchange(tcpPort, PROBE), { text: PROBEACK, chunks: 1 });
  assert.deepEqual(await tcpExchange(tcpPort, register(ann, '192.0.2.7', 65535)), {
    text: regack(ann, '192.0.2.7', 65535),
    chunks: 1,
  });
  assert.deepEqual(await tcpExchange(tcpPort, register(ann, '192.0.2.8', 1)), { text: REGNACK, chunks: 1 });
  assert.deepEqual(await tcpExchange(tcpPort, bridge(ann)), { text: NOBODY, chunks: 1 });
  assert.equal((await tcpExchange(tcpPort, register(bob))).text, regack(bob));
  assert.deepEqual(await tcpExchange(tcpPort, bridge(bob)), { text: bridgeack(ann, '192.0.2.7', 65535), chunks: 1 });
  assert.deepEqual(await tcpExchange(tcpPort, chat(bob, ann), { close: true }), { text: '', chunks: 0 });
  // Both are free again.
  assert.equal((await tcpExchange(tcpPort, register(ann))).text, regack(ann));
  assert.equal((await tcpExchange(tcpPort, register(bob))).text, regack(bob));
  assert.deepEqual(await tcpExchange(tcpPort, quit(bob)), { text: '', chunks: 0 });
  assert.equal((await tcpExchange(tcpPort, bridge(ann))).text, NOBODY);
  assert.equal((await tcpExchange(tcpPort, register(bob))).text, regack(bob));
  for (const id of [ann, bob]) await tcpExchange(tcpPort, quit(id));
});

test('UDP mode answers each packet as the page says', async () => {
  const { udpPort } = server();
  const [ann, bob] = [name(), name()];
  const [annUdp, bobUdp] = [await RawUdp.open(), await RawUdp.open()];
  assert.equal(await annUdp.ask(udpPort, PROBE), PROBEACK);
  assert.equal(await annUdp.ask(udpPort, register(ann, '10.0.0.1', 4000)), regack(ann, '10.0.0.1', 4000));
  assert.equal(await bobUdp.ask(udpPort, register(ann)), REGNACK);
  assert.equal(await annUdp.ask(udpPort, bridge(ann)), NOBODY);
  assert.equal(await bobUdp.ask(udpPort, register(bob)), regack(bob));
  assert.equal(await bobUdp.ask(udpPort, bridge(bob)), bridgeack(ann, '10.0.0.1', 4000));
  bobUdp.send(udpPort, chat(bob, ann));
  assert.equal(await bobUdp.ask(udpPort, register(ann)), regack(ann), 'both are free again');
  assert.equal(await bobUdp.ask(udpPort, quit(ann)), quitack(ann));
  assert.equal(await bobUdp.ask(udpPort, quit('nobody')), quitack('nobody'));
  assert.equal(await bobUdp.ask(udpPort, bridge(bob)), NOBODY);
  annUdp.close();
  bobUdp.close();
});

test('the longest-waiting other client is found first, then the first registered one, and never oneself', async () => {
  const { tcpPort } = server();
  const [idle, first, second, asker] = [name(), name(), name(), name()];
  for (const id of [idle, first, second, asker]) await tcpExchange(tcpPort, register(id));
  assert.equal(
    (await tcpExchange(tcpPort, bridge(second))).text,
    bridgeack(idle),
    'nobody waits: the first registered',
  );
  assert.equal((await tcpExchange(tcpPort, bridge(first))).text, bridgeack(second), 'it has bridged');
  assert.equal((await tcpExchange(tcpPort, bridge(second))).text, bridgeack(first), 'and is not given itself');
  assert.equal((await tcpExchange(tcpPort, bridge(asker))).text, bridgeack(second), 'the longest-waiting one');
  await tcpExchange(tcpPort, chat(asker, second), { close: true });
  assert.equal((await tcpExchange(tcpPort, bridge(idle))).text, bridgeack(first));
  for (const id of [idle, first]) await tcpExchange(tcpPort, quit(id));
});

test('the modes have clients of their own, and the port of UDP mode has no TCP listener', async () => {
  const { tcpPort, udpPort } = server();
  const [tcpId, udpId] = [name(), name()];
  await tcpExchange(tcpPort, register(tcpId));
  const udp = await RawUdp.open();
  assert.equal(await udp.ask(udpPort, register(udpId)), regack(udpId));
  assert.equal(await udp.ask(udpPort, bridge(udpId)), NOBODY);
  assert.equal((await tcpExchange(tcpPort, bridge(tcpId))).text, NOBODY);
  await tcpExchange(tcpPort, quit(tcpId));
  await udp.ask(udpPort, quit(udpId));
  udp.close();
  const socket = connect({ host: '127.0.0.1', port: udpPort });
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.on('error', resolve));
  assert.equal(error.code, 'ECONNREFUSED');
});

test('what other programs send slightly otherwise is understood', async () => {
  const { tcpPort } = server();
  const id = name();
  assert.equal((await tcpExchange(tcpPort, PROBE, { close: true })).text, PROBEACK, 'with a half-close');
  const bare = `REGISTER\nport:5000\nip: 127.0.0.1\nCLIENTID:  ${id}\nMore: of it`;
  assert.equal((await tcpExchange(tcpPort, bare, { close: true })).text, regack(id));
  assert.equal((await tcpExchange(tcpPort, `BRIDGE\r\nclientID: ${id}`, { close: true })).text, NOBODY);
  await tcpExchange(tcpPort, quit(id));
});

test('junk is answered with silence, or closed without an answer, and costs nobody else anything', async () => {
  const { tcpPort, udpPort } = server();
  const random = prng(20_261_121);
  const junk = [
    ...Array.from({ length: 60 }, () => random.bytes(random.int(1, 1200))),
    Buffer.from('HELLO\r\n\r\n'),
    Buffer.from('REGISTER\r\nclientID: a b\r\nIP: x\r\nPort: 1\r\n\r\n'),
    Buffer.from('REGISTER\r\nclientID: x\r\nIP: x\r\nPort: 65536\r\n\r\n'),
    Buffer.from('REGACK\r\nclientID: x\r\nIP: x\r\nPort: 6\r\n\r\n'),
    Buffer.from('RELAY\r\nclientID: x\r\n\r\n'),
    Buffer.from('QUIT\r\n\r\n'),
    Buffer.from('CHAT\r\nclientID1: no\r\nclientID2: body\r\n\r\n'),
    Buffer.from('CHAT\r\nclientID: peer\r\n\r\n'),
    Buffer.alloc(2000, 0x41),
    Buffer.alloc(40, 0xff),
  ];
  await Promise.all(
    junk.map(async (bytes) => {
      assert.equal((await tcpExchange(tcpPort, bytes, { close: true })).text, '', Buffer.from(bytes).toString('hex'));
    }),
  );
  const udp = await RawUdp.open();
  for (const bytes of junk) udp.send(udpPort, bytes);
  assert.equal(await udp.ask(udpPort, PROBE), PROBEACK, 'the answer to the only packet among them');
  assert.equal(udp.untaken, 0);
  udp.close();
});

test('nobody can unregister somebody else', async () => {
  const { tcpPort } = server();
  const [ann, bob] = [name(), name()];
  for (const id of [ann, bob]) await tcpExchange(tcpPort, register(id));
  for (const packet of [quit(ann), chat(ann, bob)]) {
    await tcpExchange(tcpPort, packet, { close: true, localAddress: '127.0.0.9' });
  }
  for (const id of [ann, bob]) assert.equal((await tcpExchange(tcpPort, register(id))).text, REGNACK);
  for (const id of [ann, bob]) await tcpExchange(tcpPort, quit(id));
});

test('the eleventh packet of an address is ignored, and what follows, until the ban is over (UDP)', async () => {
  const { udpPort } = strict();
  const udp = await RawUdp.open();
  const other = await RawUdp.open();
  for (let packet = 1; packet <= 10; packet += 1) assert.equal(await udp.ask(udpPort, PROBE), PROBEACK);
  for (let packet = 0; packet < 5; packet += 1) udp.send(udpPort, PROBE);
  const bannedAtMs = performance.now();
  // Somebody else is served meanwhile; what is ignored would have been answered before.
  assert.equal(await other.ask(udpPort, PROBE), PROBEACK);
  assert.equal(udp.untaken, 0);
  for (;;) {
    udp.send(udpPort, PROBE);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (udp.untaken > 0) break;
    assert.ok(performance.now() - bannedAtMs < 20 * BAN_MS, 'the ban does not end');
  }
  assert.ok(performance.now() - bannedAtMs >= BAN_MS * 0.9);
  udp.close();
  other.close();
});

test('the eleventh packet of an IP address is closed without an answer, and further connections at once (TCP)', async () => {
  const { tcpPort } = strict();
  const from = { localAddress: '127.0.0.2' };
  for (let packet = 1; packet <= 10; packet += 1) {
    assert.equal((await tcpExchange(tcpPort, PROBE, from)).text, PROBEACK);
  }
  for (let packet = 11; packet <= 14; packet += 1) {
    assert.equal((await tcpExchange(tcpPort, PROBE, from)).text, '');
  }
  // Nothing is sent: the server closes by itself.
  assert.equal((await tcpExchange(tcpPort, '', from)).text, '');
  assert.equal((await tcpExchange(tcpPort, PROBE, { localAddress: '127.0.0.3' })).text, PROBEACK, 'nobody else is');
});

test('a chat clears the counts of both', async () => {
  const { udpPort, tcpPort } = patient();
  const [ann, bob] = [await RawUdp.open(), await RawUdp.open()];
  for (let round = 0; round < 4; round += 1) {
    await ann.ask(udpPort, register('ann'));
    await bob.ask(udpPort, register('bob'));
    for (let packet = 0; packet < 6; packet += 1) {
      assert.equal(await ann.ask(udpPort, PROBE), PROBEACK);
      assert.equal(await bob.ask(udpPort, PROBE), PROBEACK);
    }
    ann.send(udpPort, chat('ann', 'bob'));
    assert.equal(await ann.ask(udpPort, PROBE), PROBEACK);
  }
  ann.close();
  bob.close();
  const one = { localAddress: '127.0.0.4' };
  const two = { localAddress: '127.0.0.5' };
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await tcpExchange(tcpPort, register('ann'), one)).text, regack('ann'));
    assert.equal((await tcpExchange(tcpPort, register('bob'), two)).text, regack('bob'));
    for (let packet = 0; packet < 6; packet += 1) {
      assert.equal((await tcpExchange(tcpPort, PROBE, one)).text, PROBEACK);
      assert.equal((await tcpExchange(tcpPort, PROBE, two)).text, PROBEACK);
    }
    await tcpExchange(tcpPort, chat('ann', 'bob'), { ...one, close: true });
  }
});

test('junk counts as packets do', async () => {
  const { udpPort } = patient();
  const udp = await RawUdp.open();
  const fence = await RawUdp.open();
  for (let packet = 0; packet < 11; packet += 1) udp.send(udpPort, 'junk');
  udp.send(udpPort, PROBE);
  assert.equal(await fence.ask(udpPort, PROBE), PROBEACK);
  assert.equal(udp.untaken, 0);
  udp.close();
  fence.close();
});

test('two programs that are told of each other may both open in TCP mode, and both wait for an answer', async (context) => {
  const { tcpPort } = server();
  const listeners = [await RawListener.open(), await RawListener.open()] as const;
  context.after(() => listeners.forEach((listener) => void listener.close()));
  const [annPort, bobPort] = listeners.map(({ port }) => port) as [number, number];
  // Both register before either bridges: by the rule of the wire each is told of the other, and neither waits.
  assert.equal(
    (await tcpExchange(tcpPort, register('ann', '127.0.0.1', annPort))).text,
    regack('ann', '127.0.0.1', annPort),
  );
  assert.equal(
    (await tcpExchange(tcpPort, register('bob', '127.0.0.1', bobPort))).text,
    regack('bob', '127.0.0.1', bobPort),
  );
  assert.equal((await tcpExchange(tcpPort, bridge('ann'))).text, bridgeack('bob', '127.0.0.1', bobPort));
  assert.equal((await tcpExchange(tcpPort, bridge('bob'))).text, bridgeack('ann', '127.0.0.1', annPort));
  const [ann, bob] = [await RawPeer.dial(bobPort), await RawPeer.dial(annPort)];
  ann.write(opening('ann', 'tcp') + line('ann', 'hello'));
  bob.write(opening('bob', 'tcp') + line('bob', 'hi'));
  // What each says has come to the other one, on a connection that a program which opened itself does not read; and where
  // it does read, on the one that it made, nobody answers.
  const accepted = [await listeners[0].accept(), await listeners[1].accept()] as const;
  assert.equal(await accepted[0].read(), opening('bob', 'tcp') + line('bob', 'hi'));
  assert.equal(await accepted[1].read(), opening('ann', 'tcp') + line('ann', 'hello'));
  for (const peer of accepted) peer.close();
  assert.equal(await ann.read(), '');
  assert.equal(await bob.read(), '');
  for (const peer of [ann, bob]) peer.close();
  await tcpExchange(tcpPort, chat('ann', 'bob'), { close: true });

  // The way out, which needs no change: who bridges before the other one registers waits, and is found.
  await tcpExchange(tcpPort, register('ann', '127.0.0.1', annPort));
  assert.equal((await tcpExchange(tcpPort, bridge('ann'))).text, NOBODY);
  await tcpExchange(tcpPort, register('bob', '127.0.0.1', bobPort));
  assert.equal((await tcpExchange(tcpPort, bridge('bob'))).text, bridgeack('ann', '127.0.0.1', annPort));
  await tcpExchange(tcpPort, chat('ann', 'bob'), { close: true });
});

test('a half-sent request is closed without an answer when its time is over', async () => {
  const { tcpPort } = impatient();
  await Promise.all(
    ['', 'P', 'PROBE', 'PROBE\r\n', 'REGISTER\r\nclientID: x\r\nIP: x\r\nPort: 1', chat('a', 'b')].map(async (half) => {
      const startMs = performance.now();
      assert.equal((await tcpExchange(tcpPort, half)).text, '');
      assert.ok(performance.now() - startMs >= REQUEST_TIMEOUT_MS * 0.9);
    }),
  );
});

test('unfinished connections are bounded, and whoever says its packet is answered among them', async () => {
  const { tcpPort } = impatient();
  const sockets = Array.from({ length: 300 }, () => connect({ host: '127.0.0.1', port: tcpPort }));
  let closed = 0;
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.on('close', () => {
      closed += 1;
    });
    socket.resume();
    socket.write('PROBE\r\n');
  }
  assert.equal((await tcpExchange(tcpPort, PROBE)).text, PROBEACK);
  await eventually(() => closed === sockets.length, 'the last unfinished connection is closed');
});

test('an answer is never more than three times what an address has sent', async () => {
  const { udpPort } = server();
  const longId = 'x'.repeat(200);
  const udp = await RawUdp.open();
  assert.equal(await udp.ask(udpPort, register(longId)), regack(longId));
  const stranger = await RawUdp.open();
  // 23 bytes in, some 250 out: no. With what it has sent by then, the same answer is within the bound.
  stranger.send(udpPort, bridge('s'));
  assert.equal(await stranger.ask(udpPort, PROBE), PROBEACK);
  for (let packet = 0; packet < 9; packet += 1)
    assert.equal(await stranger.ask(udpPort, quit('nobody')), quitack('nobody'));
  assert.equal(await stranger.ask(udpPort, bridge('s')), bridgeack(longId));
  await udp.ask(udpPort, quit(longId));
  udp.close();
  stranger.close();
});
