import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { type Registration, Registry, type RegistryLimits } from './registry.ts';

const limits: RegistryLimits = { registrationsMax: 6, addressRegistrationsMax: 4, timeoutMs: 1000 };

function registration(clientId: string, address = '192.0.2.1'): Registration {
  const source = { address, port: 1000 };
  return { clientId, ip: address, port: 5000, source, confab: undefined, isProven: false };
}

/** The same rules, written as simply as they can be, with an array. */
class Model {
  readonly #limits: RegistryLimits;
  clients: { id: string; address: string; heardMs: number; heardOrder: number; waitOrder: number | undefined }[] = [];
  #order = 0;

  constructor(modelLimits: RegistryLimits) {
    this.#limits = modelLimits;
  }

  expire(nowMs: number): void {
    this.clients = this.clients.filter(({ heardMs }) => nowMs - heardMs < this.#limits.timeoutMs);
  }

  add(nowMs: number, id: string, address: string): boolean {
    this.expire(nowMs);
    if (this.clients.some((client) => client.id === id)) return false;
    const neighbours = this.clients.filter((client) => client.address === address);
    if (neighbours.length >= this.#limits.addressRegistrationsMax) this.remove(neighbours[0]!.id);
    else if (this.clients.length >= this.#limits.registrationsMax) {
      this.remove(this.clients.toSorted((left, right) => left.heardOrder - right.heardOrder)[0]!.id);
    }
    this.#order += 1;
    this.clients.push({ id, address, heardMs: nowMs, heardOrder: this.#order, waitOrder: undefined });
    return true;
  }

  touch(nowMs: number, id: string): void {
    const client = this.clients.find((one) => one.id === id);
    if (client === undefined) return;
    this.#order += 1;
    client.heardMs = nowMs;
    client.heardOrder = this.#order;
  }

  wait(id: string): void {
    const client = this.clients.find((one) => one.id === id);
    this.#order += 1;
    if (client !== undefined) client.waitOrder ??= this.#order;
  }

  match(nowMs: number, id: string): string | undefined {
    this.expire(nowMs);
    const others = this.clients.filter((client) => client.id !== id);
    const waiting = others.filter(({ waitOrder }) => waitOrder !== undefined);
    return (waiting.toSorted((left, right) => left.waitOrder! - right.waitOrder!)[0] ?? others[0])?.id;
  }

  remove(id: string): void {
    this.clients = this.clients.filter((client) => client.id !== id);
  }
}

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const addresses = fc.constantFrom('192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3');
const steps = fc.array(
  fc.tuple(
    fc.constantFrom('add', 'add', 'touch', 'wait', 'match', 'match', 'remove'),
    ids,
    addresses,
    fc.integer({ min: 0, max: 300 }),
  ),
  { maxLength: 80 },
);

test('in any order of events it does what the rules say', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const registry = new Registry(limits);
      const model = new Model(limits);
      let nowMs = 0;
      for (const [kind, id, address, waitMs] of list) {
        nowMs += waitMs;
        registry.get(nowMs, id);
        model.expire(nowMs);
        if (kind === 'add') {
          assert.equal(registry.add(nowMs, registration(id, address)), model.add(nowMs, id, address));
        } else if (kind === 'touch') {
          registry.touch(nowMs, id);
          model.touch(nowMs, id);
        } else if (kind === 'wait') {
          registry.wait(id);
          model.wait(id);
        } else if (kind === 'remove') {
          registry.remove(id);
          model.remove(id);
        } else {
          assert.equal(registry.match(nowMs, id)?.clientId, model.match(nowMs, id));
        }
        assert.equal(registry.size, model.clients.length);
        assert.ok(registry.size <= limits.registrationsMax);
      }
    }),
    { numRuns: propertyRuns() },
  );
});

test('a registration is forgotten after a silence of the time-out, not before', () => {
  const registry = new Registry(limits);
  registry.add(0, registration('ann'));
  assert.ok(registry.get(999, 'ann'));
  registry.touch(999, 'ann');
  assert.ok(registry.get(1998, 'ann'));
  assert.equal(registry.get(1999, 'ann'), undefined);
  assert.equal(registry.size, 0);
  registry.touch(2000, 'ann');
  assert.equal(registry.size, 0, 'and does not come back by being spoken of');
});

test('an address with too many registrations loses its own oldest one', () => {
  const registry = new Registry(limits);
  registry.add(0, registration('neighbour', '192.0.2.9'));
  for (let client = 1; client <= 50; client += 1) assert.ok(registry.add(1, registration(`flood ${client}`)));
  assert.equal(registry.size, 5);
  assert.ok(registry.get(1, 'neighbour'));
  assert.deepEqual(
    [46, 47, 50].map((client) => registry.get(1, `flood ${client}`) !== undefined),
    [false, true, true],
  );
});
