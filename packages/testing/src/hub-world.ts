import {
  CoreError,
  defaultLimits,
  type Entry,
  Hub,
  type Limits,
  type Member,
  type RemovalReason,
  type SearchIndex,
} from '@confab/core';
import { type FakeSecrets, fakeSecrets } from './fake-secrets.ts';
import { ManualSchedule } from './manual-schedule.ts';
import { ScriptedStore } from './scripted-store.ts';
import { SimClock } from './sim-clock.ts';

export interface HubWorldOptions {
  readonly store?: ScriptedStore;
  readonly clock?: SimClock;
  readonly limits?: Partial<Limits>;
  readonly seed?: number;
  /** Finds what was said; default: nothing does. */
  readonly search?: (store: ScriptedStore) => SearchIndex;
  /** As `HubOptions.publishing`. */
  readonly publishing?: (task: () => void) => void;
}

/** A hub with everything around it in the test's hands. */
export interface HubWorld {
  readonly hub: Hub;
  readonly store: ScriptedStore;
  readonly clock: SimClock;
  readonly schedule: ManualSchedule;
  readonly secrets: FakeSecrets;
  /** What the hub contained and reported. */
  readonly faults: unknown[];
  /** Members that are gone, as the observer heard of it. */
  readonly removed: { readonly member: Member; readonly reason: RemovalReason }[];
  /** Run turns until nothing is left to do. */
  run(): Promise<void>;
  /** Run turns until nothing is left to do; then the request's result (which must have come by then, or never will). */
  done<Result>(request: Promise<Result>): Promise<Result>;
  /** As `done`, for a request that is to be refused: the code of its error. */
  refusal(request: Promise<unknown>): Promise<string>;
}

export async function openHubWorld(options: HubWorldOptions = {}): Promise<HubWorld> {
  const { store = new ScriptedStore(), clock = new SimClock(), seed = 1 } = options;
  const schedule = new ManualSchedule();
  const secrets = fakeSecrets(seed);
  const limits = { ...defaultLimits, ...options.limits };
  const hub = await Hub.open({
    store,
    clock,
    secrets,
    schedule: schedule.schedule,
    limits,
    searchIndex: options.search?.(store),
    publishing: options.publishing,
  });
  const faults: unknown[] = [];
  const removed: HubWorld['removed'] = [];
  hub.observe({
    fault: (error) => faults.push(error),
    memberRemoved: (member, reason) => removed.push({ member, reason }),
  });
  const run = () => schedule.runUntilIdle();
  const done = async <Result>(request: Promise<Result>): Promise<Result> => {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    request.then(settled, settled);
    await run();
    if (!isSettled) throw new Error('The request is still under way though nothing is left to run');
    return request;
  };
  const refusal = (request: Promise<unknown>): Promise<string> =>
    done(request).then(
      () => 'not refused',
      (error: unknown) => {
        if (error instanceof CoreError) return error.code;
        throw error;
      },
    );
  return { hub, store, clock, schedule, secrets, faults, removed, run, done, refusal };
}

/** An entry with what most tests do not care about filled in. */
export function entry(room: string, user: string, more: Partial<Entry> = {}): Entry {
  return { room, user, address: '192.0.2.1', token: { prefix: '', bytes: 16 }, ...more };
}
