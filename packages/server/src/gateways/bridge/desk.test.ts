import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@confab/config';
import { prng } from '@confab/testing';
import type { BridgeMode, BridgePacket } from '@confab/wire/bridge';
import { BridgeDesk, type Outcome } from './desk.ts';

const defaults = loadConfig({}).config.bridge;
const key = (fill: number): string => Buffer.alloc(32, fill).toString('base64url');

/** A desk, and a clock that the test moves. */
function openDesk(mode: BridgeMode, settings: Partial<typeof defaults> = {}) {
  const random = prng(7);
  const desk = new BridgeDesk({
    mode,
    config: { ...defaults, ...settings },
    addressesMax: 100,
    randomBytes: (count) => random.bytes(count),
  });
  const world = { nowMs: 1000 };
  const from = (address: string, port = 5000) => ({ address, port });
  const handle = (packet: BridgePacket, source = from('192.0.2.1')): Outcome =>
    desk.handle(world.nowMs, packet, source);
  const answer = (packet: BridgePacket, source = from('192.0.2.1')): BridgePacket => {
    const outcome = handle(packet, source);
    assert.equal(outcome.kind, 'answer');
    return (outcome as Outcome & { kind: 'answer' }).packet;
  };
  /** Register a Confab client and prove its address. Returns its token. */
  const enter = (clientId: string, source = from('192.0.2.1'), fill = clientId.charCodeAt(0)): string => {
    const ack = answer(
      { type: 'REGISTER', clientId, ip: source.address, port: 4000, extra: { key: key(fill) } },
      source,
    );
    const token = ack.type === 'REGACK' ? ack.extra!.token! : assert.fail('not registered');
    handle({ type: 'BRIDGE', clientId, extra: { token, isWaiting: true } }, source);
    return token;
  };
  return { desk, world, from, handle, answer, enter };
}

test('a program that adds nothing is answered as if nobody ever did', () => {
  const { answer, from, enter } = openDesk('udp');
  enter('confab', from('192.0.2.9'));
  const plain = { clientId: 'plain', ip: '192.0.2.1', port: 5000 };
  assert.deepEqual(answer({ type: 'REGISTER', ...plain }), { type: 'REGACK', ...plain });
  assert.deepEqual(answer({ type: 'REGISTER', ...plain }), { type: 'REGNACK' });
  assert.deepEqual(answer({ type: 'BRIDGE', clientId: 'plain' }), {
    type: 'BRIDGEACK',
    peer: { clientId: 'confab', ip: '192.0.2.9', port: 4000 },
  });
});

test('a Confab client gets a token, the address that was seen, and again the same when it asks again', () => {
  const { answer, from } = openDesk('udp');
  const request = { type: 'REGISTER', clientId: 'ann', ip: '10.0.0.1', port: 4000, extra: { key: key(1) } } as const;
  const source = from('2001:db8::1', 777);
  const first = answer(request, source);
  assert.deepEqual(first, {
    type: 'REGACK',
    clientId: 'ann',
    ip: '10.0.0.1',
    port: 4000,
    extra: { token: (first as { extra: { token: string } }).extra.token, seen: '[2001:db8::1]:777', isRelayed: true },
  });
  assert.deepEqual(answer(request, source), first);
  assert.deepEqual(answer({ ...request, extra: { key: key(2) } }, source), { type: 'REGNACK' });
  assert.deepEqual(answer(request, from('2001:db8::2')), { type: 'REGNACK' });
  const { extra: _, ...plain } = request;
  assert.deepEqual(answer(plain, source), { type: 'REGNACK' });
});

test('two Confab clients are told of each other, with keys, seen addresses and one pair', () => {
  const { handle, enter, from } = openDesk('udp');
  const [here, there] = [from('192.0.2.1', 1111), from('192.0.2.2', 2222)];
  enter('ann', here);
  const token = enter('bob', there);
  const outcome = handle({ type: 'BRIDGE', clientId: 'bob', extra: { token } }, there);
  assert.equal(outcome.kind, 'answer');
  const { packet, notice } = outcome as Outcome & { kind: 'answer' };
  const pair = (packet as { extra: { pair: string } }).extra.pair;
  assert.deepEqual(packet, {
    type: 'BRIDGEACK',
    peer: { clientId: 'ann', ip: '192.0.2.1', port: 4000 },
    extra: { key: key(97), seen: '192.0.2.1:1111', pair, isRelayed: true },
  });
  assert.equal(notice?.to.clientId, 'ann');
  assert.deepEqual(notice?.packet, {
    type: 'BRIDGEACK',
    peer: { clientId: 'bob', ip: '192.0.2.2', port: 4000 },
    extra: { key: key(98), seen: '192.0.2.2:2222', pair, isRelayed: true },
  });
});

test('who asks in the name of a Confab client without its token changes nothing, and learns no key', () => {
  const { answer, handle, enter, from, desk, world } = openDesk('udp');
  enter('ann');
  const token = enter('bob');
  for (const extra of [undefined, { token: Buffer.alloc(16).toString('base64url') }]) {
    const packet = { type: 'BRIDGE', clientId: 'bob', ...(extra && { extra }) } as const;
    assert.deepEqual(answer(packet), {
      type: 'BRIDGEACK',
      peer: { clientId: 'ann', ip: '192.0.2.1', port: 4000 },
    });
    handle({ type: 'QUIT', clientId: 'bob', ...(extra && { extra }) });
    assert.equal(
      handle({ type: 'CHAT', to: 'server', clientId1: 'bob', clientId2: 'ann', ...(extra && { extra }) }).kind,
      'drop',
    );
  }
  // The token opens nothing from another address.
  handle({ type: 'QUIT', clientId: 'bob', extra: { token } }, from('192.0.2.66'));
  assert.ok(desk.registry.get(world.nowMs, 'bob'));
  handle({ type: 'CHAT', to: 'server', clientId1: 'bob', clientId2: 'ann', extra: { token } });
  assert.equal(desk.registry.size, 0);
});

test('who waits hears of a recent introduction, and is not matched by asking', () => {
  const { answer, handle, enter, world, from } = openDesk('udp');
  const ann = enter('ann');
  const waiting = { type: 'BRIDGE', clientId: 'ann', extra: { token: ann, isWaiting: true } } as const;
  const bob = enter('bob', from('192.0.2.2'));
  const nobody = { type: 'BRIDGEACK', extra: { seen: '192.0.2.1:5000' } };
  assert.deepEqual(answer(waiting), nobody);
  const { notice } = handle(
    { type: 'BRIDGE', clientId: 'bob', extra: { token: bob } },
    from('192.0.2.2'),
  ) as Outcome & {
    kind: 'answer';
  };
  assert.deepEqual(answer(waiting), notice!.packet, 'the notice was lost, perhaps');
  world.nowMs += 10_000;
  assert.deepEqual(answer(waiting), nobody, 'it is old');
  const again = handle({ type: 'BRIDGE', clientId: 'bob', extra: { token: bob } }, from('192.0.2.2'));
  assert.notDeepEqual(again, { kind: 'answer', packet: notice!.packet });
});

test('somebody who is wanted is found, and nobody else', () => {
  const { answer, enter } = openDesk('udp');
  enter('ann');
  enter('cid');
  const token = enter('bob');
  const wanted = (peer: string) => answer({ type: 'BRIDGE', clientId: 'bob', extra: { token, peer } });
  const found = (packet: BridgePacket) => (packet.type === 'BRIDGEACK' ? packet.peer?.clientId : assert.fail());
  assert.equal(found(wanted('cid')), 'cid');
  assert.equal(found(wanted('dan')), undefined);
  assert.equal(found(wanted('bob')), undefined);
});

test('in TCP mode who waits is answered when somebody is told of it', () => {
  const { handle, enter } = openDesk('tcp');
  const token = enter('ann');
  const outcome = handle({ type: 'BRIDGE', clientId: 'ann', extra: { token, isWaiting: true } });
  assert.deepEqual(outcome, {
    kind: 'hold',
    clientId: 'ann',
    otherwise: { type: 'BRIDGEACK', extra: { seen: '192.0.2.1:5000' } },
  });
});

test('an address that has not shown its token gets no notice and is relayed nothing', () => {
  const { handle, answer, enter, desk, world, from } = openDesk('udp');
  const victim = from('203.0.113.1');
  // The answer, with the token in it, went to the victim and not to who forged this.
  answer({ type: 'REGISTER', clientId: 'forged', ip: '203.0.113.1', port: 1, extra: { key: key(5) } }, victim);
  const token = enter('ann');
  const outcome = handle({ type: 'BRIDGE', clientId: 'ann', extra: { token } }) as Outcome & { kind: 'answer' };
  assert.equal(outcome.notice, undefined);
  const { pair } = (outcome.packet as { extra: { pair: string } }).extra;
  assert.equal(desk.forward(world.nowMs, pair, from('192.0.2.1'), 100), 'unknown');
});

/** A pair that can be relayed for. */
function openPair(mode: BridgeMode, settings: Partial<typeof defaults> = {}) {
  const open = openDesk(mode, settings);
  const { enter, handle, from } = open;
  const [here, there] = [from('192.0.2.1'), from('192.0.2.2')];
  const annToken = enter('ann', here);
  const token = enter('bob', there);
  const outcome = handle({ type: 'BRIDGE', clientId: 'bob', extra: { token } }, there) as Outcome & { kind: 'answer' };
  return { ...open, here, there, annToken, token, pair: (outcome.packet as { extra: { pair: string } }).extra.pair };
}

test('a datagram of one of a pair goes to the other, of anybody else nowhere', () => {
  const { desk, world, here, there, pair, from } = openPair('udp');
  const to = desk.forward(world.nowMs, pair, here, 100);
  assert.equal(typeof to === 'object' ? to.clientId : to, 'bob');
  const back = desk.forward(world.nowMs, pair, there, 100);
  assert.equal(typeof back === 'object' ? back.clientId : back, 'ann');
  assert.equal(desk.forward(world.nowMs, pair, from('192.0.2.1', 5001), 100), 'unknown');
  assert.equal(desk.forward(world.nowMs, 'AAAAAAAAAAA', here, 100), 'unknown');
});

test('the relay is bounded in bytes, in time and in pairs, and can be off', () => {
  const { desk, world, here, pair } = openPair('udp', { relayBytesPerSecond: 1000, relayTimeoutMs: 5000 });
  for (let sent = 0; sent + 1024 <= 65_536; sent += 1024) {
    assert.equal(typeof desk.forward(world.nowMs, pair, here, 1024), 'object');
  }
  assert.equal(desk.forward(world.nowMs, pair, here, 1024), 'limited');
  world.nowMs += 1100;
  assert.equal(typeof desk.forward(world.nowMs, pair, here, 1024), 'object');
  world.nowMs += 4999;
  assert.equal(typeof desk.forward(world.nowMs, pair, here, 10), 'object');
  world.nowMs += 5000;
  assert.equal(desk.forward(world.nowMs, pair, here, 10), 'unknown');

  const late = openPair('udp');
  late.world.nowMs += 60_000;
  assert.equal(late.desk.forward(late.world.nowMs, late.pair, late.here, 10), 'unknown', 'it was not begun in time');

  const full = openPair('udp', { relaysMax: 1 });
  assert.equal(typeof full.desk.forward(full.world.nowMs, full.pair, full.here, 10), 'object');
  const token = full.enter('cid', full.from('192.0.2.3'));
  const outcome = full.handle(
    { type: 'BRIDGE', clientId: 'cid', extra: { token, peer: 'ann' } },
    full.from('192.0.2.3'),
  ) as Outcome & { kind: 'answer' };
  const second = (outcome.packet as { extra: { pair: string } }).extra.pair;
  assert.equal(full.desk.forward(full.world.nowMs, second, full.here, 10), 'limited');

  const off = openPair('udp', { relay: false });
  assert.equal(off.desk.forward(off.world.nowMs, off.pair, off.here, 10), 'unknown');
});

test('in TCP mode a relay is for those who show the token of the pair, also after their chat', () => {
  const { handle, here, there, pair, token, annToken } = openPair('tcp');
  handle({ type: 'CHAT', to: 'server', clientId1: 'bob', clientId2: 'ann', extra: { token } }, there);
  const relay = (clientId: string, shown: string, source: typeof here) =>
    handle({ type: 'RELAY', clientId, extra: { token: shown, pair } }, source);
  const outcome = relay('bob', token, there);
  assert.deepEqual(outcome.kind === 'relay' && [outcome.pair.id, outcome.side], [pair, 0]);
  const other = relay('ann', annToken, here);
  assert.equal(other.kind === 'relay' && other.side, 1);
  for (const wrong of [relay('ann', token, here), relay('bob', token, here), relay('eve', token, there)]) {
    assert.equal(wrong.kind, 'drop');
  }
});

test('packets with a token are not counted, but bounded', () => {
  const { desk, world, from, enter } = openDesk('udp');
  const source = from('192.0.2.1');
  const token = enter('ann', source);
  const packet = { type: 'BRIDGE', clientId: 'ann', extra: { token } } as const;
  for (let round = 0; round < 100; round += 1) assert.equal(desk.admit(world.nowMs, packet, source, 60), 'known');
  assert.equal(desk.admit(world.nowMs, packet, source, 60), undefined);
  for (let round = 0; round < 10; round += 1) {
    assert.equal(desk.admit(world.nowMs, { type: 'PROBE' }, source, 9), 'counted');
  }
  assert.equal(desk.admit(world.nowMs, { type: 'PROBE' }, source, 9), undefined);
  world.nowMs += 1000;
  assert.equal(desk.admit(world.nowMs, packet, source, 60), undefined, 'banned with all it says');
});
