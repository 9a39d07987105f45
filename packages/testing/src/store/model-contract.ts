import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CleanUps, type WithCleanUp } from '../clean-up.ts';
import { expectSameState, type StoreHolder, storeCommands } from './commands.ts';
import { exampleRoom, putRoom, withoutUndefined } from './examples.ts';
import { StoreModel } from './model.ts';
import type { OpenStore } from './support.ts';

export async function modelContract(open: OpenStore, numRuns: number): Promise<void> {
  const property = fc.asyncProperty(storeCommands(), async (commands) => {
    await withCleanUp(async (cleanUp) => {
      const { store, reopen } = await open(cleanUp);
      const real: StoreHolder = { store };
      if (reopen !== undefined) {
        real.reopen = async () => {
          real.store = await reopen();
        };
      }
      const model = new StoreModel();
      const openings = [putRoom(exampleRoom(1)), putRoom(exampleRoom(2))];
      assert.deepEqual(await store.commit(openings), model.commit(openings));
      await fc.asyncModelRun(() => ({ model, real }), commands);
      await expectSameState(model, real.store);
      for (const roomId of model.roomIds) {
        const read = await real.store.read(roomId, 1, 1_000);
        assert.deepEqual(read.map(withoutUndefined), model.eventsOf(roomId).map(withoutUndefined));
      }
    });
  });
  await fc.assert(property, { numRuns });
}

/** Runs one example of a property with clean-up of its own. */
async function withCleanUp(work: (cleanUp: WithCleanUp) => Promise<void>): Promise<void> {
  const cleanUps = new CleanUps();
  try {
    await work(cleanUps);
  } finally {
    await cleanUps.run();
  }
}
