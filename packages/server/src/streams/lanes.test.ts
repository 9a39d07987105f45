import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lanes, NO_DESCRIPTOR } from './lanes.ts';
import { StuckSocket } from './stuck-socket.ts';
import { NO_LANE } from './writer.ts';

/** Lanes of which none is ever taken. */
const lanesOf = (): Lanes => new Lanes(() => assert.fail('nobody has taken one'));

test('a socket that nothing waits for is free, until somebody writes to it, and again when all has gone out', () => {
  const lanes = lanesOf();
  const socket = new StuckSocket();
  const lane = lanes.open(socket, 7);
  assert.equal(lanes.free(lane), 7);
  socket.write('hello');
  assert.equal(lanes.free(lane), NO_DESCRIPTOR);
  assert.equal(lanes.look(socket, lane), NO_DESCRIPTOR, 'it still waits');
  socket.flow();
  assert.equal(lanes.free(lane), NO_DESCRIPTOR, 'nobody has looked');
  assert.equal(lanes.look(socket, lane), 7);
  assert.equal(lanes.free(lane), 7);
});

test('one that is corked, ended or destroyed is not free, the last two at once', () => {
  const lanes = lanesOf();
  const corked = new StuckSocket();
  const corkedLane = lanes.open(corked, 7);
  corked.cork();
  assert.equal(lanes.look(corked, corkedLane), NO_DESCRIPTOR);
  const ended = new StuckSocket().on('error', () => {});
  const endedLane = lanes.open(ended, 8);
  ended.end();
  assert.equal(lanes.free(endedLane), NO_DESCRIPTOR);
  assert.equal(lanes.look(ended, endedLane), NO_DESCRIPTOR);
  const endedWithWords = new StuckSocket().on('error', () => {});
  const lastLane = lanes.open(endedWithWords, 9);
  endedWithWords.end('bye');
  assert.deepEqual([lanes.free(lastLane), endedWithWords.taken], [NO_DESCRIPTOR, ['bye']]);
  const destroyed = new StuckSocket().on('error', () => {});
  const destroyedLane = lanes.open(destroyed, 10);
  destroyed.destroy(new Error('gone'));
  assert.equal(lanes.free(destroyedLane), NO_DESCRIPTOR);
  assert.equal(lanes.look(destroyed, destroyedLane), NO_DESCRIPTOR);
});

test('one that is not free when it comes is so later', () => {
  const lanes = lanesOf();
  const socket = new StuckSocket();
  socket.write('greeting');
  const lane = lanes.open(socket, 7);
  assert.equal(lanes.free(lane), NO_DESCRIPTOR);
  socket.flow();
  assert.equal(lanes.look(socket, lane), 7);
});

test('who has a lane after somebody else is not taken for the other, whatever the other still does', () => {
  const lanes = lanesOf();
  const old = new StuckSocket().on('error', () => {});
  const lane = lanes.open(old, 7);
  old.destroy();
  // The number is another file's now, and the old socket's lane not yet free to have.
  const next = new StuckSocket();
  const nextLane = lanes.open(next, 7);
  assert.notEqual(nextLane, lane);
  assert.deepEqual([lanes.free(lane), lanes.free(nextLane)], [NO_DESCRIPTOR, 7]);
  lanes.close(old, lane);
  const third = new StuckSocket();
  assert.equal(lanes.open(third, 9), lane);
  old.write('late');
  old.end();
  old.destroy();
  assert.equal(lanes.free(lane), 9);
});

test('a lane that was given back is not free, even if its socket still lives', () => {
  const lanes = lanesOf();
  const socket = new StuckSocket();
  const lane = lanes.open(socket, 7);
  lanes.close(socket, lane);
  assert.equal(lanes.free(lane), NO_DESCRIPTOR);
});

test('there are as many lanes as sockets', () => {
  const lanes = lanesOf();
  const opened = Array.from({ length: 1000 }, (_, descriptor) => lanes.open(new StuckSocket(), descriptor));
  assert.equal(new Set(opened).size, 1000);
  for (const [descriptor, lane] of opened.entries()) assert.equal(lanes.free(lane), descriptor);
});

test('what has no lane is never free, and nothing that is done to it does anything', () => {
  const lanes = lanesOf();
  const socket = new StuckSocket();
  lanes.hold(NO_LANE);
  lanes.forget(NO_LANE);
  lanes.close(socket, NO_LANE);
  assert.deepEqual([lanes.free(NO_LANE), lanes.look(socket, NO_LANE)], [NO_DESCRIPTOR, NO_DESCRIPTOR]);
  assert.equal(lanes.free(12345), NO_DESCRIPTOR);
});

test('one that was taken is nobody else’s until it is given back, as free or not', () => {
  const lanes = lanesOf();
  const socket = new StuckSocket();
  const lane = lanes.open(socket, 7);
  assert.equal(lanes.take(lane), 7);
  assert.ok(lanes.free(lane) < 0);
  assert.ok(lanes.take(lane) < 0);
  lanes.giveBack(lane, true);
  assert.deepEqual([lanes.free(lane), lanes.take(lane)], [7, 7]);
  lanes.giveBack(lane, false);
  assert.deepEqual([lanes.free(lane), lanes.take(lane)], [NO_DESCRIPTOR, NO_DESCRIPTOR]);
  assert.equal(lanes.look(socket, lane), 7);
  assert.deepEqual([lanes.take(NO_LANE), lanes.take(12345)], [NO_DESCRIPTOR, NO_DESCRIPTOR]);
});

const wishes: Record<string, (lanes: Lanes, socket: StuckSocket, lane: number) => void> = {
  'written to': (_lanes, socket) => socket.write('more'),
  ended: (_lanes, socket) => socket.end('bye'),
  destroyed: (_lanes, socket) => socket.destroy(),
  'looked at': (lanes, socket, lane) => lanes.look(socket, lane),
  held: (lanes, _socket, lane) => lanes.hold(lane),
  'given up': (lanes, socket, lane) => lanes.close(socket, lane),
};
for (const [what, wish] of Object.entries(wishes)) {
  test(`one that was taken and is ${what} is given back first, once`, () => {
    let asked = 0;
    const socket = new StuckSocket().on('error', () => {});
    const lanes = new Lanes(() => {
      asked += 1;
      assert.deepEqual([socket.taken, socket.writable, socket.destroyed], [[], !isDestroyed, isDestroyed]);
      lanes.giveBack(lane, true);
    });
    const isDestroyed = what === 'destroyed';
    const lane = lanes.open(socket, 7);
    lanes.take(lane);
    wish(lanes, socket, lane);
    assert.equal(asked, 1);
    assert.equal(lanes.free(lane), what === 'looked at' ? 7 : NO_DESCRIPTOR);
    wish(lanes, socket, lane);
    assert.equal(asked, 1);
    socket.destroy();
  });
}
