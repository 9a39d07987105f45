import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exampleEvent } from '@confab/testing';
import { ASKED_MAX, KnownSeries } from './known-series.ts';

/** Client ids of room 1, and a database that has the tenth of each series. */
class World {
  readonly asked: string[] = [];
  readonly series: KnownSeries;
  readonly #answers: (() => void)[] = [];

  constructor(seriesMax: number) {
    this.series = new KnownSeries({
      seriesMax,
      ask: (_roomId, series) => {
        this.asked.push(series);
        return new Promise((resolve) => this.#answers.push(() => resolve(10)));
      },
    });
  }

  committed(...clientIds: readonly string[]): void {
    for (const clientId of clientIds) this.series.committed(1, clientId);
  }

  async answer(): Promise<void> {
    for (const answer of this.#answers.splice(0)) answer();
    await new Promise(setImmediate);
  }

  /** Whether it is known to be new; it is committed then. */
  isNew(clientId: string): boolean {
    const risen = this.series.rise([exampleEvent(1, { clientId })]);
    if (risen !== undefined) this.series.keep(risen);
    return risen !== undefined;
  }
}

describe('What is known of series of client ids', () => {
  it('is forgotten where it was used longest ago, and asked for again', async () => {
    const world = new World(2);
    world.committed('a1', 'b1');
    await world.answer();
    assert.ok(world.isNew('a11'), 'used later than b');
    world.committed('c1');
    await world.answer();
    assert.equal(world.isNew('b11'), false);
    assert.ok(world.isNew('a12'));
    assert.ok(world.isNew('c11'));
    world.committed('b11');
    assert.deepEqual(world.asked, ['a', 'b', 'c', 'b']);
    await world.answer();
    assert.ok(world.isNew('b12'));
    assert.equal(world.isNew('a13'), false);
  });

  it('is asked for once, and takes what was committed before the answer into account', async () => {
    const world = new World(2);
    world.committed('a3', 'a17', 'a16');
    assert.equal(world.isNew('a99'), false, 'there is no answer');
    await world.answer();
    assert.deepEqual(world.asked, ['a']);
    assert.equal(world.isNew('a17'), false);
    assert.ok(world.isNew('a18'));
  });

  it('is asked for with a later event where too many questions are open', async () => {
    const world = new World(1_000);
    const ids = Array.from({ length: ASKED_MAX + 1 }, (_, index) => `series ${index}/1`);
    const last = ids.at(-1)!;
    world.committed(...ids);
    assert.equal(world.asked.length, ASKED_MAX);
    await world.answer();
    assert.equal(world.isNew(`${last}1`), false);
    world.committed(last);
    assert.equal(world.asked.length, ASKED_MAX + 1);
    await world.answer();
    assert.ok(world.isNew(`${last}1`));
  });

  it('is nothing of rooms that it was not asked for, nor of events some of which may not be new', async () => {
    const world = new World(9);
    world.committed('a1', 'b1');
    await world.answer();
    const event = (clientId: string | undefined, roomId = 1) => exampleEvent(1, { roomId, clientId });
    assert.equal(world.series.rise([event('a11', 2)]), undefined);
    assert.equal(world.series.rise([event('a11'), event('b10')]), undefined);
    assert.equal(world.series.rise([event('a11'), event('a11')]), undefined);
    assert.equal(world.series.rise([event('a11'), event('no number')]), undefined);
    assert.ok(world.series.rise([event('a11'), event(undefined), event('b11'), event('a12')]));
    assert.ok(world.isNew('a11'), 'it was not kept');
  });
});
