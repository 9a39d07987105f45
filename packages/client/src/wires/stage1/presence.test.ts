import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Stage1Type, stage1Texts } from '@confab/wire/stage1';
import { Presence } from './presence.ts';

const names = Object.fromEntries(Object.entries(Stage1Type).map(([name, type]) => [type, name]));

function open() {
  const sent: string[] = [];
  const told: string[] = [];
  let nowMs = 0;
  const presence = new Presence({
    transmit: (type) => sent.push(`${nowMs} ${names[type]}`),
    entered: (isAgain) => told.push(isAgain ? 'in again' : 'in'),
    reachable: () => {},
    unreachable: (reason) => told.push(reason),
  });
  const pass = (toMs: number): void => {
    for (let nextMs = presence.nextTimeoutMs(); nextMs <= toMs; nextMs = presence.nextTimeoutMs()) {
      nowMs = Math.max(nowMs, nextMs);
      presence.onTimeout(nowMs);
    }
    nowMs = toMs;
  };
  const hear = (text: string): boolean => presence.heardSystem(nowMs, text);
  const take = (): string[] => sent.splice(0);
  presence.start(0);
  return { presence, pass, hear, take, told };
}

function openIn() {
  const world = open();
  world.hear(stage1Texts.joined('Ann'));
  world.take();
  world.told.length = 0;
  return world;
}

describe('Presence', () => {
  test('joins until there is a sign of it', () => {
    const { presence, pass, hear, take, told } = open();
    pass(1000);
    assert.deepEqual(take(), ['0 JOIN', '0 PING', '250 JOIN', '250 PING', '750 JOIN', '750 PING']);
    assert.equal(hear(stage1Texts.joined('Ann')), true);
    assert.deepEqual([presence.state, told], ['in', ['in']]);
    pass(2000);
    assert.deepEqual(take(), []);
  });

  test('a server that answers pings but was not heard to announce us has let us in; a chat line proves it', () => {
    const { hear, told } = open();
    for (let pong = 0; pong < 3; pong += 1) {
      assert.deepEqual(told, []);
      hear('pong');
    }
    assert.deepEqual(told, ['in']);
    const other = open();
    other.presence.heardChat(0);
    assert.deepEqual(other.told, ['in']);
  });

  test('a heartbeat every 20 seconds, and a ping with it', () => {
    const { pass, hear, take } = openIn();
    pass(19_999);
    assert.deepEqual(take(), []);
    pass(20_000);
    hear('pong');
    pass(40_000);
    hear('pong');
    assert.deepEqual(take(), ['20000 HEARTBEAT', '20000 PING', '40000 HEARTBEAT', '40000 PING']);
  });

  test('three missed pongs are a server out of reach, which is joined again until it answers', () => {
    const { presence, pass, hear, take, told } = openIn();
    pass(25_999);
    assert.deepEqual(told, []);
    assert.deepEqual(take(), ['20000 HEARTBEAT', '20000 PING', '22000 PING', '24000 PING']);
    pass(26_000);
    assert.deepEqual([presence.state, told], ['lost', ['it does not answer']]);
    pass(36_000);
    const joins = take().filter((sent) => sent.endsWith('JOIN'));
    assert.deepEqual(
      joins,
      ['26000', '26250', '26750', '27750', '29750', '32750', '35750'].map((at) => `${at} JOIN`),
    );
    hear(stage1Texts.joined('Ann'));
    assert.deepEqual([presence.state, told.at(-1)], ['in', 'in again']);
  });

  test('a time-out is joined again at once, a shutdown a little later', () => {
    const { pass, hear, take, told } = openIn();
    assert.equal(hear(stage1Texts.timedOut), false);
    pass(0);
    assert.deepEqual(take(), ['0 JOIN', '0 PING']);
    hear(stage1Texts.joined('Ann'));
    assert.equal(hear(stage1Texts.shutdown), false);
    pass(2999);
    assert.deepEqual(take(), []);
    pass(3000);
    assert.deepEqual(take(), ['3000 JOIN', '3000 PING']);
    assert.deepEqual(told, [
      'it had not heard of us for too long; joining again',
      'in again',
      'it is shutting down; joining again when it is back',
    ]);
  });
});
