import type { Secrets } from '@confab/core';
import { prng } from './prng.ts';

/** Secrets that can be told in advance and cost nothing, with a hash that can be held back. */
export interface FakeSecrets extends Secrets {
  /** Password hashes and checks under way. */
  readonly running: number;
  /** The most that were ever under way at once. */
  readonly runningMax: number;
  /** From now on hashes and checks wait for `release`. */
  hold(): void;
  /** Let those that wait finish, and later ones not wait: all, or only the oldest `count`, later ones still waiting. */
  release(count?: number): void;
}

/** The same seed gives the same random bytes. Hashes are readable, which suits a failing test and nothing else. */
export function fakeSecrets(seed: number): FakeSecrets {
  const random = prng(seed);
  let running = 0;
  let runningMax = 0;
  let isHeld = false;
  const waiting: (() => void)[] = [];
  let salt = 0;

  async function work<Result>(result: () => Result): Promise<Result> {
    running += 1;
    runningMax = Math.max(runningMax, running);
    if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
    else await Promise.resolve();
    running -= 1;
    return result();
  }

  return {
    randomBytes: (count) => random.bytes(count),
    digest: (token) => `digest(${token})`,
    hashPassword: (password) =>
      work(() => {
        salt += 1;
        return `fake$${salt}$${password}`;
      }),
    verifyPassword: (password, hash) => work(() => hash.replace(/^fake\$\d+\$/, '') === password),
    get running() {
      return running;
    },
    get runningMax() {
      return runningMax;
    },
    hold() {
      isHeld = true;
    },
    release(count) {
      if (count === undefined) isHeld = false;
      for (const resolve of waiting.splice(0, count ?? waiting.length)) resolve();
    },
  };
}
