import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  type BridgeClient,
  type BridgeEvent,
  type BridgeOptions,
  connect,
  openBridge,
  peerLinkTimes,
} from '@confab/client';
import {
  bridge,
  bridgeack,
  chat,
  line,
  type Mode,
  NOBODY,
  opening,
  PEER_QUIT,
  PROBE,
  PROBEACK,
  RawListener,
  RawPeer,
  RawUdp,
  regack,
  register,
  sharedBridge,
  tcpExchange,
} from '../support/bridge.ts';
import { listenIn, otherRendezvous, tamperingRelay } from '../support/bridge-proxies.ts';
import { eventually, within } from '../support/wait.ts';

/** Tests share an address, and each says more than ten packets. */
const server = sharedBridge({ 'bridge.packets_max': 100_000 });
const modes = ['tcp', 'udp'] as const;
/** Nothing here is far away. */
const times = { ...peerLinkTimes, probeMs: 50, directMs: 300, openMs: 10_000, retryMs: 200, resendMs: 100 };

const portOf = (mode: Mode): number => (mode === 'tcp' ? server().tcpPort : server().udpPort);
const urlOf = (port: number): string => `bridge://127.0.0.1:${port}`;

type Chat = BridgeEvent & { type: 'chat' };

/** A client of ours, and all that happened to it. */
class Client {
  readonly events: BridgeEvent[] = [];
  readonly inner: BridgeClient;

  static async open(context: TestContext, port: number, options: BridgeOptions = {}): Promise<Client> {
    const inner = await openBridge(urlOf(port), { times, ...options });
    context.after(() => inner.close());
    return new Client(inner);
  }

  private constructor(inner: BridgeClient) {
    this.inner = inner;
    void (async () => {
      for await (const event of inner.events()) this.events.push(event as BridgeEvent);
    })();
  }

  all<Type extends BridgeEvent['type']>(type: Type): (BridgeEvent & { type: Type })[] {
    return this.events.filter((event): event is BridgeEvent & { type: Type } => event.type === type);
  }

  async sees<Type extends BridgeEvent['type']>(type: Type, count = 1): Promise<BridgeEvent & { type: Type }> {
    await eventually(() => this.all(type).length >= count, `${count} ${type}: ${JSON.stringify(this.events)}`);
    return this.all(type)[count - 1]!;
  }

  get texts(): string[] {
    return this.all('message').map(({ text }) => text);
  }

  async hears(...texts: string[]): Promise<void> {
    await eventually(() => this.texts.length >= texts.length, `it hears ${texts.join(', ')}`);
    assert.deepEqual(this.texts, texts);
  }
}

let count = 0;
const names = (): [string, string] => {
  count += 1;
  return [`ann${count}`, `bob${count}`];
};

/** Ann waits, Bob finds her. */
async function meet(
  context: TestContext,
  mode: Mode,
  annOptions: BridgeOptions = {},
  bobOptions: BridgeOptions = annOptions,
): Promise<{ ann: Client; bob: Client }> {
  const [annId, bobId] = names();
  const ann = await Client.open(context, portOf(mode), annOptions);
  const bob = await Client.open(context, portOf(mode), bobOptions);
  await ann.inner.register(annId);
  assert.equal(await ann.inner.bridge(), undefined);
  await bob.inner.register(bobId);
  const found = await bob.inner.bridge();
  assert.equal(found?.clientId, annId);
  await bob.inner.chat();
  await ann.sees('chat');
  await bob.sees('chat');
  return { ann, bob };
}

async function talk(ann: Client, bob: Client, status: 'accepted' | 'sent'): Promise<void> {
  assert.deepEqual(await bob.inner.send('hello'), { status });
  await ann.hears('hello');
  assert.deepEqual(await ann.inner.send('hi\nBob ☕'), { status });
  await bob.hears('hi\nBob ☕');
}

for (const mode of modes) {
  test(`two Confab clients talk directly and sealed, ${mode}`, async (context) => {
    const { ann, bob } = await meet(context, mode);
    const [annChat, bobChat] = [ann.all('chat')[0]!, bob.all('chat')[0]!] as [Chat, Chat];
    for (const { isSealed, path, code } of [annChat, bobChat]) {
      assert.deepEqual([isSealed, path], [true, 'direct']);
      assert.match(code!, /^\d{5}( \d{5}){5}$/);
    }
    assert.equal(annChat.code, bobChat.code);
    assert.equal(annChat.peerId, bob.inner.id);
    await talk(ann, bob, 'accepted');
    await bob.inner.quit();
    assert.equal((await ann.sees('ended')).reason, 'peer-left');
    assert.equal((await bob.sees('ended')).reason, 'left');
    // Both ids are free.
    await ann.inner.register(bob.inner.id);
  });

  test(`the server relays when no direct path is wanted, and sees nothing of what is said, ${mode}`, async (context) => {
    const { port, bytes } = await listenIn(context, mode, portOf(mode));
    const [annId, bobId] = names();
    const ann = await Client.open(context, port, { path: 'relay' });
    const bob = await Client.open(context, port, { path: 'relay' });
    await ann.inner.register(annId);
    await ann.inner.bridge();
    await bob.inner.register(bobId);
    await bob.inner.bridge();
    await bob.inner.chat();
    assert.equal((await ann.sees('chat')).path, 'relay');
    assert.equal((await bob.sees('chat')).path, 'relay');
    await talk(ann, bob, 'accepted');
    const lines = Array.from({ length: 50 }, (_, index) => `secret line ${index}`);
    await Promise.all(lines.map((text) => bob.inner.send(text)));
    await ann.hears('hello', ...lines);
    const captured = Buffer.concat(bytes);
    assert.ok(captured.includes('REGISTER') && captured.includes(0xff), 'it was captured');
    for (const text of ['hello', 'secret', '☕']) assert.equal(captured.includes(text), false, text);
  });

  test(`when the direct path is blocked, they fall back to the relay and say so, ${mode}`, async (context) => {
    // Ann takes nothing that comes directly, and sends nothing so: to Bob, that is a path that is blocked.
    const { ann, bob } = await meet(context, mode, { path: 'relay' }, {});
    assert.deepEqual([ann.all('chat')[0]!.path, bob.all('chat')[0]!.path], ['relay', 'relay']);
    await talk(ann, bob, 'accepted');
  });

  test(`without a relay and without a direct path nobody is reached, ${mode}`, async (context) => {
    const [annId, bobId] = names();
    const short = { ...times, openMs: 600 };
    const ann = await Client.open(context, portOf(mode), { path: 'relay', times: short });
    const bob = await Client.open(context, portOf(mode), { path: 'direct', times: short });
    await ann.inner.register(annId);
    await bob.inner.register(bobId);
    await bob.inner.bridge(annId);
    await assert.rejects(bob.inner.chat(), { code: 'PEER_UNREACHABLE' });
    assert.equal(bob.inner.state, 'registered');
    await bob.inner.quit();
    await ann.inner.quit();
  });

  test(`two Confab clients that keep to what others know talk plainly, ${mode}`, async (context) => {
    const { ann, bob } = await meet(context, mode, { isPlain: true });
    assert.deepEqual([ann.all('chat')[0]!.isSealed, bob.all('chat')[0]!.code], [false, undefined]);
    await talk(ann, bob, 'sent');
    await ann.inner.quit();
    assert.equal((await bob.sees('ended')).reason, 'peer-left');
  });

  test(`one that talks to nobody without encryption does not, ${mode}`, async (context) => {
    const [annId, bobId] = names();
    const ann = await Client.open(context, portOf(mode), { isPlain: true });
    const bob = await Client.open(context, portOf(mode), { isSealedOnly: true });
    await ann.inner.register(annId);
    await bob.inner.register(bobId);
    assert.equal((await bob.inner.bridge(annId))?.clientId, annId);
    await assert.rejects(bob.inner.chat(), { code: 'REFUSED' });
    assert.equal((await ann.inner.bridge())?.clientId, bobId);
    await ann.inner.chat();
    await ann.inner.send('hello').catch(() => {});
    if (mode === 'tcp') assert.equal((await ann.sees('ended')).reason, 'lost');
    assert.deepEqual(bob.texts, []);
    await bob.inner.quit();
  });

  test(`a taken id, an id too long and lines too long are refused with their codes, ${mode}`, async (context) => {
    const { ann, bob } = await meet(context, mode);
    const other = await Client.open(context, portOf(mode));
    const [id] = names();
    await other.inner.register(id);
    const late = await Client.open(context, portOf(mode));
    await assert.rejects(late.inner.register(id), { code: 'ID_TAKEN' });
    await assert.rejects(late.inner.register('x y'), { code: 'CODEC_INVALID_FIELD' });
    await assert.rejects(late.inner.send('to whom?'), { code: 'SESSION_CLOSED' });
    await assert.rejects(bob.inner.send('x'.repeat(bob.inner.textBytesMax + 1)), { code: 'MESSAGE_TOO_LONG' });
    const longest = 'x'.repeat(bob.inner.textBytesMax);
    await bob.inner.send(longest);
    await ann.hears(longest);
    await other.inner.quit();
  });

  test(`the mode of a port is found out, ${mode}`, async (context) => {
    const client = await Client.open(context, portOf(mode));
    assert.equal(client.inner.mode, mode);
  });

  test(`connect() gives a session with the one peer, ${mode}`, async () => {
    const [annId, bobId] = names();
    const url = (peer: string): string => `${urlOf(portOf(mode))}/${peer}`;
    const [ann, bob] = await Promise.all([connect(url(bobId), { user: annId }), connect(url(annId), { user: bobId })]);
    assert.deepEqual([ann.room, bob.room, ann.user], [bobId, annId, annId]);
    assert.equal(ann.isConfirming, true);
    assert.deepEqual(await ann.send('hello'), { status: 'accepted' });
    for await (const event of bob.events()) {
      if (event.type !== 'message') continue;
      assert.deepEqual(event, { type: 'message', user: annId, text: 'hello', isOwn: false });
      break;
    }
    await ann.leave();
    assert.equal((await within(bob.closed, 'the session to end')).reason, 'room-closed');
  });
}

test('an unmodified program finds our client in TCP mode, opens, speaks first and takes turns', async (context) => {
  const { tcpPort } = server();
  const [ours, theirs] = names();
  const client = await Client.open(context, tcpPort);
  await client.inner.register(ours);
  await client.inner.bridge();
  assert.equal((await tcpExchange(tcpPort, PROBE)).text, PROBEACK);
  assert.equal((await tcpExchange(tcpPort, register(theirs))).text, regack(theirs));
  const answer = (await tcpExchange(tcpPort, bridge(theirs))).text;
  const ownPort = Number(/Port: (\d+)/.exec(answer)?.[1]);
  assert.equal(answer, bridgeack(ours, '127.0.0.1', ownPort));
  await tcpExchange(tcpPort, chat(theirs, ours), { close: true });
  const peer = await RawPeer.dial(ownPort);
  peer.write(opening(theirs, 'tcp'));
  const begun = await client.sees('chat');
  assert.deepEqual([begun.peerId, begun.isSealed, begun.path], [theirs, false, 'direct']);
  // We speak whenever we like; the program reads only after each of its own lines.
  const sent = ['one', 'two', 'three', 'four'].map((text) => client.inner.send(text));
  for (const [turn, text] of ['one', 'two', 'three', 'four'].entries()) {
    peer.write(line(theirs, `said ${turn}`));
    assert.equal(await peer.read(), line(ours, text), 'one line in one read');
  }
  await Promise.all(sent);
  await client.hears('said 0', 'said 1', 'said 2', 'said 3');
  peer.write(PEER_QUIT);
  assert.equal((await client.sees('ended')).reason, 'peer-left');
  assert.equal(await peer.read(), '', 'and the connection is closed');
  peer.close();
});

test('our client finds an unmodified program in TCP mode, opens and speaks first', async (context) => {
  const { tcpPort } = server();
  const [ours, theirs] = names();
  const listener = await RawListener.open();
  context.after(() => listener.close());
  await tcpExchange(tcpPort, register(theirs, '127.0.0.1', listener.port));
  assert.equal((await tcpExchange(tcpPort, bridge(theirs))).text, NOBODY);
  const client = await Client.open(context, tcpPort);
  await client.inner.register(ours);
  const found = await client.inner.bridge();
  assert.deepEqual(found, { clientId: theirs, ip: '127.0.0.1', port: listener.port, introduction: undefined });
  await client.inner.chat();
  const sent = ['one', 'two', 'three'].map((text) => client.inner.send(text));
  const peer = await listener.accept();
  assert.equal(await peer.read(), opening(ours, 'tcp'));
  for (const text of ['one', 'two', 'three']) {
    assert.equal(await peer.read(), line(ours, text), 'one line in one read');
    peer.write(line(theirs, `to ${text}`));
  }
  await Promise.all(sent);
  await client.hears('to one', 'to two', 'to three');
  // Both are registered no more.
  assert.equal((await tcpExchange(tcpPort, register(theirs))).text, regack(theirs));
  await tcpExchange(tcpPort, `QUIT\r\nclientID: ${theirs}\r\n\r\n`);
  await client.inner.quit();
  assert.equal(await peer.read(), PEER_QUIT);
  assert.equal(await peer.read(), '');
  peer.close();
});

test('our client and an unmodified program that open to each other at the same time in TCP mode talk', async (context) => {
  const { tcpPort } = server();
  const [ours, theirs] = names();
  const listener = await RawListener.open();
  context.after(() => listener.close());
  await tcpExchange(tcpPort, register(theirs, '127.0.0.1', listener.port));
  const client = await Client.open(context, tcpPort);
  await client.inner.register(ours);
  const answer = (await tcpExchange(tcpPort, bridge(theirs))).text;
  const ownPort = Number(/Port: (\d+)/.exec(answer)?.[1]);
  assert.equal(answer, bridgeack(ours, '127.0.0.1', ownPort));
  assert.equal((await client.inner.bridge())?.clientId, theirs);
  // The program opens and speaks, and from then on reads nothing but this connection.
  await tcpExchange(tcpPort, chat(theirs, ours), { close: true });
  const peer = await RawPeer.dial(ownPort);
  peer.write(opening(theirs, 'tcp'));
  await client.inner.chat().catch(() => {});
  peer.write(line(theirs, 'hello'));
  await client.hears('hello');
  const sent = client.inner.send('hi');
  assert.equal(await peer.read(), line(ours, 'hi'));
  await sent;
  peer.close();
});

test('a line that nobody answers goes out after a while all the same', async (context) => {
  const { tcpPort } = server();
  const [ours, theirs] = names();
  const listener = await RawListener.open();
  context.after(() => listener.close());
  await tcpExchange(tcpPort, register(theirs, '127.0.0.1', listener.port));
  const client = await Client.open(context, tcpPort, { holdMs: 50 });
  await client.inner.register(ours);
  await client.inner.bridge(theirs);
  await client.inner.chat();
  await Promise.all(['one', 'two', 'three', 'four'].map((text) => client.inner.send(text)));
  assert.ok(client.all('held').length > 0);
  (await listener.accept()).close();
});

test('an unmodified program finds our client in UDP mode, and is found by it', async (context) => {
  const { udpPort } = server();
  for (const isFinder of [true, false]) {
    const [ours, theirs] = names();
    const peer = await RawUdp.open();
    const client = await Client.open(context, udpPort);
    const wait = async (): Promise<void> => {
      await client.inner.register(ours);
      assert.equal(await client.inner.bridge(), undefined);
    };
    let ownPort: number;
    if (isFinder) {
      await wait();
      assert.equal(
        await peer.ask(udpPort, register(theirs, '127.0.0.1', peer.port)),
        regack(theirs, '127.0.0.1', peer.port),
      );
      const answer = await peer.ask(udpPort, bridge(theirs));
      ownPort = Number(/Port: (\d+)/.exec(answer)?.[1]);
      assert.equal(answer, bridgeack(ours, '127.0.0.1', ownPort));
      peer.send(udpPort, chat(theirs, ours));
      peer.send(ownPort, opening(theirs, 'udp'));
      peer.send(ownPort, line(theirs, 'first'));
      await client.sees('chat');
    } else {
      await peer.ask(udpPort, register(theirs, '127.0.0.1', peer.port));
      assert.equal(await peer.ask(udpPort, bridge(theirs)), NOBODY);
      await client.inner.register(ours);
      assert.equal((await client.inner.bridge())?.clientId, theirs);
      peer.hearFrom(Number(/:(\d+)$/.exec(client.inner.localAddress)![1]));
      await client.inner.chat();
      const first = await peer.next();
      assert.equal(first.text, opening(ours, 'udp'));
      ownPort = first.port;
      await client.inner.send('first');
      assert.equal((await peer.next()).text, line(ours, 'first'));
      peer.send(ownPort, line(theirs, 'first'));
    }
    await client.hears('first');
    assert.deepEqual(await client.inner.send('second'), { status: 'sent' });
    assert.equal((await peer.next()).text, line(ours, 'second'));
    peer.send(ownPort, PEER_QUIT);
    assert.equal((await client.sees('ended')).reason, 'peer-left');
    peer.close();
  }
});

test('strangers cannot take part in a conversation or end it', async (context) => {
  for (const mode of modes) {
    const { ann, bob } = await meet(context, mode, { isPlain: true });
    const port = Number(/:(\d+)$/.exec(ann.inner.localAddress)![1]);
    if (mode === 'udp') {
      const stranger = await RawUdp.open();
      for (const packet of [line('eve', 'lies'), PEER_QUIT, 'junk', Buffer.alloc(60, 0xff)])
        stranger.send(port, packet);
      stranger.close();
    } else {
      for (const packet of [line('eve', 'lies'), PEER_QUIT, 'junk\r\n\r\n', Buffer.alloc(60, 0xff)]) {
        const stranger = connectTcp({ host: '127.0.0.1', port });
        stranger.on('error', () => {});
        stranger.resume();
        stranger.write(packet);
        await once(stranger, 'close');
      }
    }
    await talk(ann, bob, 'sent');
    assert.equal(ann.all('ended').length, 0);
  }
});

test('what is forged, changed or repeated on the way is not taken', async (context) => {
  const { port, tamper } = await tamperingRelay(context, server().udpPort);
  const [annId, bobId] = names();
  const ann = await Client.open(context, port, { path: 'relay' });
  const bob = await Client.open(context, port, { path: 'relay' });
  await ann.inner.register(annId);
  await ann.inner.bridge();
  await bob.inner.register(bobId);
  await bob.inner.bridge();
  await bob.inner.chat();
  await ann.sees('chat');
  tamper.isOn = true;
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  for (const text of lines) assert.deepEqual(await bob.inner.send(text), { status: 'accepted' });
  await ann.hears(...lines);
  assert.ok(tamper.changed > 0 && tamper.repeated > 0);
});

for (const isStrict of [false, true]) {
  const how = isStrict ? 'does not answer what it does not know' : 'passes over lines it does not know';
  test(`with a rendezvous of others, which ${how}, our clients talk plainly`, async (context) => {
    const { port, packets } = await otherRendezvous(context, isStrict);
    const ann = await Client.open(context, port);
    const bob = await Client.open(context, port);
    await ann.inner.register('ann');
    assert.equal(await ann.inner.bridge(), undefined);
    await bob.inner.register('bob');
    assert.equal((await bob.inner.bridge())?.clientId, 'ann');
    await bob.inner.chat();
    await ann.sees('chat');
    await talk(ann, bob, 'sent');
    assert.equal(
      packets.some((packet) => packet.includes('RELAY') || packet.includes('Wait')),
      false,
    );
  });
}

test('nobody listening is told with what to do', async () => {
  await assert.rejects(openBridge('bridge://127.0.0.1:1'), { code: 'CONNECT_FAILED' });
  await assert.rejects(openBridge('bridge://127.0.0.1:1?mode=sctp'), { code: 'URL_INVALID' });
  await assert.rejects(openBridge('http://127.0.0.1:1'), { code: 'URL_INVALID' });
});
