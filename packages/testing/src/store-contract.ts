import { describe, test } from 'node:test';
import { propertyRuns } from './property-runs.ts';
import { appendingContract, readingContract } from './store/append-contract.ts';
import { closingContract, loadingContract } from './store/lifecycle-contract.ts';
import { membershipContract } from './store/membership-contract.ts';
import { modelContract } from './store/model-contract.ts';
import { namesContract } from './store/names-contract.ts';
import { repeatsContract } from './store/repeats-contract.ts';
import type { OpenStore } from './store/support.ts';

export type { OpenStore, StoreUnderTest } from './store/support.ts';

export interface StoreContractOptions {
  /** Sequences of calls that are compared with the model; default `propertyRuns()`. Fewer where opening takes its time. */
  readonly modelRuns?: number;
}

/**
 * What every implementation of the `Store` port must do, as a suite of node:test. Beyond the port's own words it holds a
 * store to these:
 *
 * - A batch is judged change by change. The first one that is wrong decides the error, whatever repeats there are; repeats
 *   are answered only when nothing else is wrong. A repeat counts as an event for the numbers of those that follow it.
 * - A client id that is new to the log and stands twice in a batch is STORE_FAILED: the caller leaves such repeats out.
 * - Appending to a room that is not open is STORE_FENCED; putting a member into one, putting a closed room, taking an
 *   open room's name, or a position that is not above the last one, is STORE_FAILED.
 * - Closing a room and deleting a member that are not there does nothing.
 * - The last member id counts authors of events too: not every member is stored.
 */
export function storeContract(name: string, open: OpenStore, options: StoreContractOptions = {}): void {
  const modelRuns = options.modelRuns ?? propertyRuns();
  describe(`${name} meets the store contract`, () => {
    describe('loading', () => loadingContract(open));
    describe('appending', () => appendingContract(open));
    describe('repeated client ids', () => repeatsContract(open));
    describe('reading', () => readingContract(open));
    describe('rooms and members', () => membershipContract(open));
    describe('names and keys', () => namesContract(open));
    describe('closing', () => closingContract(open));
    test(`it agrees with a plain model about ${modelRuns} sequences of calls`, () => modelContract(open, modelRuns));
  });
}
