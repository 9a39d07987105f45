import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind, type HubObserver } from '@confab/core';
import { exampleEvent } from '@confab/testing';
import { IndexFeed } from './feed.ts';

function openFeed() {
  const told: unknown[] = [];
  let observer: HubObserver | undefined;
  let task: (() => void) | undefined;
  const time = { active: 0, idle: 0 };
  const feed = new IndexFeed({
    hub: {
      observe: (given) => {
        observer = given;
        return () => {
          observer = undefined;
        };
      },
    },
    index: { grew: (rooms, closed) => told.push(new Map(rooms), ...closed), pace: (isBusy) => told.push(isBusy) },
    utilization: () => ({ ...time, utilization: 0 }),
    every: (_ms, given) => {
      task = given;
      return () => {
        task = undefined;
      };
    },
  });
  return {
    feed,
    told,
    publish: (roomId: number, ...seqs: number[]) =>
      observer!.published!(
        'lobby',
        seqs.map((seq) => exampleEvent(seq, { roomId })),
      ),
    close: (roomId: number, seq: number) =>
      observer!.published!('lobby', [exampleEvent(seq, { roomId, kind: EventKind.CLOSE })]),
    /** A second passes, of which the main thread worked so many ms. */
    pass: (activeMs: number) => {
      time.active += activeMs;
      time.idle += 1000 - activeMs;
      task!();
    },
    isOver: () => observer === undefined && task === undefined,
  };
}

test('what is new in each room is told once', () => {
  const { told, publish, pass } = openFeed();
  publish(1, 1, 2);
  publish(2, 7);
  publish(1, 3);
  assert.deepEqual(told, []);
  pass(1);
  pass(1);
  assert.deepEqual(told, [
    new Map([
      [1, 3],
      [2, 7],
    ]),
  ]);
});

test('that a room was closed is told once, too', () => {
  const { told, close, pass } = openFeed();
  close(3, 9);
  pass(1);
  pass(1);
  assert.deepEqual(told, [new Map([[3, 9]]), 3]);
});

test('it is told when the server begins to have much to do, and when it has no more', () => {
  const { told, pass } = openFeed();
  for (const activeMs of [400, 900, 800, 100, 0]) pass(activeMs);
  assert.deepEqual(told, [true, false]);
});

test('nothing is left of one that is closed', () => {
  const { feed, isOver } = openFeed();
  feed.close();
  assert.ok(isOver());
});
