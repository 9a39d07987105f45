import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeSecrets } from '@confab/testing';
import { CoreError } from './errors.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Passwords } from './passwords.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Passwords under way, by the address that asked, in the order in which they are finished. */
function queue(limits: Partial<Limits>) {
  const secrets = fakeSecrets(1);
  secrets.hold();
  const passwords = new Passwords(secrets, { ...defaultLimits, ...limits });
  const ends: string[] = [];
  const ask = (address: string): void => {
    passwords.hash('x', address).then(
      () => ends.push(address),
      (error: unknown) => ends.push(`${address} ${error instanceof CoreError ? error.code : String(error)}`),
    );
  };
  const finish = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 1) {
      secrets.release(1);
      await turn();
    }
  };
  return { ask, ends, finish };
}

describe('Password checks of one address', () => {
  test('are refused beyond their share, whether they wait or not, while those of others are taken', async () => {
    const { ask, ends, finish } = queue({ passwordChecksMax: 1, addressPasswordChecksMax: 3 });
    for (let times = 0; times < 5; times += 1) ask('eve');
    ask('ann');
    await turn();
    assert.deepEqual(ends, ['eve RATE_LIMITED', 'eve RATE_LIMITED']);
    await finish(4);
    assert.deepEqual(ends.slice(2).toSorted(), ['ann', 'eve', 'eve', 'eve']);
    for (let times = 0; times < 4; times += 1) ask('eve');
    await turn();
    assert.deepEqual(ends.slice(6), ['eve RATE_LIMITED'], 'its share is whole again');
  });

  test('delay those of another address by one, however many they are', async () => {
    const { ask, ends, finish } = queue({ passwordChecksMax: 1, addressPasswordChecksMax: 10 });
    for (let times = 0; times < 6; times += 1) ask('eve');
    ask('ann');
    ask('bob');
    await finish(4);
    assert.deepEqual(ends, ['eve', 'eve', 'ann', 'bob']);
  });

  test('are refused when all addresses together have filled the queue', async () => {
    const { ask, ends, finish } = queue({ passwordChecksMax: 1, passwordWaitersMax: 2 });
    for (const address of ['a', 'b', 'c', 'd']) ask(address);
    await turn();
    assert.deepEqual(ends, ['d RATE_LIMITED']);
    await finish(3);
    assert.deepEqual(ends.slice(1), ['a', 'b', 'c']);
  });
});
