import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { BridgePacket } from '@confab/wire/bridge';
import { type Found, Rendezvous } from './rendezvous.ts';
import type { AskOptions, BridgeTransport } from './transport.ts';

const TOKEN = 'AAECAwQFBgcICQoLDA0ODw';
const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const SEEN = { seen: '192.0.2.1:5000' };

type Answer = (packet: BridgePacket) => BridgePacket | undefined;

/** A server that is the test; it never answers a client that waits unless it says how. */
class FakeTransport implements BridgeTransport {
  readonly mode: 'tcp' | 'udp';
  readonly ip = '10.0.0.1';
  readonly port = 4000;
  readonly serverAddress = '127.0.0.1';
  readonly serverPort = 7000;
  readonly asked: BridgePacket[] = [];
  readonly told: BridgePacket[] = [];
  answer: Answer;
  /** What a client that waits is answered. */
  news: Answer | undefined;

  constructor(mode: 'tcp' | 'udp', answer: Answer) {
    this.mode = mode;
    this.answer = answer;
  }

  ask(packet: BridgePacket, { signal }: AskOptions): Promise<BridgePacket | undefined> {
    const isWaiting = packet.type === 'BRIDGE' && packet.extra?.isWaiting === true;
    this.asked.push(packet);
    if (!isWaiting) return Promise.resolve(this.answer(packet));
    const { news } = this;
    this.news = undefined;
    if (news !== undefined) return Promise.resolve(news(packet));
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  async tell(packet: BridgePacket): Promise<void> {
    this.told.push(packet);
  }

  dial = () => Promise.reject(new Error('nobody is dialled here'));
  openRelay = () => Promise.resolve(undefined);
  send(): void {}
  describe = () => '';
  closePath(): void {}
  async close(): Promise<void> {}
}

const regack = (packet: BridgePacket, extra?: object): BridgePacket => {
  const { clientId, ip, port } = packet as BridgePacket & { type: 'REGISTER' };
  return { type: 'REGACK', clientId, ip, port, ...(extra && { extra }) };
};
/** Confab's own server, with nobody there. */
const confab: Answer = (packet) =>
  packet.type === 'REGISTER' ? regack(packet, { token: TOKEN }) : { type: 'BRIDGEACK', extra: SEEN };

function open(context: TestContext, transport: FakeTransport, isPlain = false) {
  const introductions: Found[] = [];
  const forgotten: string[] = [];
  const rendezvous = new Rendezvous({
    transport,
    isPlain,
    timeoutMs: 1000,
    onIntroduction: (found) => introductions.push(found),
    onForgotten: (reason) => forgotten.push(reason),
  });
  context.after(() => rendezvous.forget());
  return { rendezvous, introductions, forgotten };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 5000, 'waited in vain');
    await delay(1);
  }
}

test('a server that answers with a token is one of Confab’s, and is shown it from then on', async (context) => {
  const transport = new FakeTransport('tcp', confab);
  const { rendezvous } = open(context, transport);
  await rendezvous.register('ann');
  assert.equal(rendezvous.hasExtension, true);
  assert.equal(await rendezvous.bridge('bob'), undefined);
  await rendezvous.chat('bob');
  const [registration, waiting, question] = transport.asked;
  assert.deepEqual(registration, {
    type: 'REGISTER',
    clientId: 'ann',
    ip: '10.0.0.1',
    port: 4000,
    extra: { key: rendezvous.identity.publicKey },
  });
  assert.deepEqual(waiting, { type: 'BRIDGE', clientId: 'ann', extra: { token: TOKEN, isWaiting: true } });
  assert.deepEqual(question, { type: 'BRIDGE', clientId: 'ann', extra: { token: TOKEN, peer: 'bob' } });
  assert.deepEqual(transport.told, [
    { type: 'CHAT', to: 'server', clientId1: 'ann', clientId2: 'bob', extra: { token: TOKEN } },
  ]);
  assert.equal(rendezvous.id, undefined);
});

test('any other server is told nothing that it does not know, once it is known as such', async (context) => {
  const transport = new FakeTransport('tcp', (packet) => {
    if (packet.type !== 'REGISTER') return { type: 'BRIDGEACK' };
    return packet.extra === undefined ? regack(packet) : undefined;
  });
  const { rendezvous } = open(context, transport);
  await rendezvous.register('ann');
  assert.equal(rendezvous.hasExtension, false);
  await rendezvous.bridge('bob');
  await rendezvous.quit();
  assert.deepEqual(transport.asked.slice(1), [
    { type: 'REGISTER', clientId: 'ann', ip: '10.0.0.1', port: 4000 },
    { type: 'BRIDGE', clientId: 'ann' },
  ]);
  assert.deepEqual(transport.told, [{ type: 'QUIT', clientId: 'ann' }]);
});

test('a client that keeps to what others know never adds anything', async (context) => {
  const transport = new FakeTransport('tcp', (packet) => regack(packet));
  const { rendezvous } = open(context, transport, true);
  await rendezvous.register('ann');
  assert.deepEqual(transport.asked, [{ type: 'REGISTER', clientId: 'ann', ip: '10.0.0.1', port: 4000 }]);
});

test('a taken id and silence are told apart', async (context) => {
  const taken = open(context, new FakeTransport('tcp', () => ({ type: 'REGNACK' }))).rendezvous;
  await assert.rejects(taken.register('ann'), { code: 'ID_TAKEN' });
  const silent = open(context, new FakeTransport('tcp', () => undefined)).rendezvous;
  await assert.rejects(silent.register('ann'), { code: 'CONNECT_TIMEOUT' });
  assert.equal(silent.id, undefined);
});

test('who waits hears of an introduction', async (context) => {
  const transport = new FakeTransport('tcp', confab);
  const extra = { key: KEY, pair: 'AAECAwQFBgc', isRelayed: true, ...SEEN };
  const peer = { clientId: 'bob', ip: '192.0.2.2', port: 6000 };
  transport.news = () => ({ type: 'BRIDGEACK', peer, extra });
  const { rendezvous, introductions } = open(context, transport);
  await rendezvous.register('ann');
  await until(() => introductions.length > 0);
  assert.deepEqual(introductions, [{ ...peer, introduction: extra }]);
});

test('a server that has forgotten us is told of us again', async (context) => {
  const transport = new FakeTransport('tcp', confab);
  // No line of Confab: it does not know our token, as after a restart.
  transport.news = () => ({ type: 'BRIDGEACK' });
  const { rendezvous, forgotten } = open(context, transport);
  await rendezvous.register('ann');
  await until(() => transport.asked.filter(({ type }) => type === 'REGISTER').length === 2);
  const [first, second] = transport.asked.filter(({ type }) => type === 'REGISTER');
  assert.deepEqual(first, second, 'with the same key');
  assert.equal(rendezvous.id, 'ann');
  assert.deepEqual(forgotten, []);
});

test('if somebody else has taken the id meanwhile, that is said', async (context) => {
  const transport = new FakeTransport('tcp', confab);
  const { rendezvous, forgotten } = open(context, transport);
  transport.news = () => {
    transport.answer = () => ({ type: 'REGNACK' });
    return { type: 'BRIDGEACK' };
  };
  await rendezvous.register('ann');
  await until(() => forgotten.length > 0);
  assert.equal(rendezvous.id, undefined);
});
