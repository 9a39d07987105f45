import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prng } from '@confab/testing';
import { propertyRuns } from '@confab/testing/property-runs';
import { decodeSealedFrame, encodeSealedMessage } from '@confab/wire/bridge';
import fc from 'fast-check';
import { BridgeIdentity } from './identity.ts';
import { type PathKind, PeerLink, type PeerLinkEvent, peerLinkTimes } from './peer-link.ts';
import { Sealer } from './sealer.ts';

const PAIR = 'AAECAwQFBgc';
const STEP_MS = 10;

interface Fate {
  /** Whether a frame is lost. */
  readonly isLost: (path: string, from: 0 | 1) => boolean;
  readonly delayMs: (path: string) => number;
  readonly copies: (path: string) => number;
}

const perfect: Fate = { isLost: () => false, delayMs: () => 20, copies: () => 1 };

/** Two links and the ways between them, in virtual time. */
class World {
  nowMs = 1000;
  readonly links: [PeerLink, PeerLink];
  readonly sealers: [Sealer, Sealer];
  readonly events: [PeerLinkEvent[], PeerLinkEvent[]] = [[], []];
  /** Frames that were sent, by path. */
  readonly sent = new Map<string, Uint8Array[]>();
  fate: Fate;
  #flying: { atMs: number; to: 0 | 1; path: string; bytes: Uint8Array }[] = [];

  constructor(fate: Partial<Fate> = {}, seed = 1) {
    this.fate = { ...perfect, ...fate };
    const random = prng(seed);
    const [ann, bob] = [new BridgeIdentity(), new BridgeIdentity()];
    const tag = Buffer.from(PAIR, 'base64url');
    this.sealers = [
      new Sealer(ann.agree({ ownId: 'ann', peerId: 'bob', peerKey: bob.publicKey, pair: PAIR }), tag),
      new Sealer(bob.agree({ ownId: 'bob', peerId: 'ann', peerKey: ann.publicKey, pair: PAIR }), tag),
    ];
    const link = (side: 0 | 1) => new PeerLink(this.nowMs, this.sealers[side], (count) => random.bytes(count));
    this.links = [link(0), link(1)];
  }

  kindOf(path: string): PathKind {
    return path === 'relay' ? 'relay' : 'direct';
  }

  addPath(path: string, sides: readonly (0 | 1)[] = [0, 1]): void {
    for (const side of sides) this.links[side].addPath(this.nowMs, path, this.kindOf(path));
    this.#collect();
  }

  /** Something of somebody else arrives. */
  inject(to: 0 | 1, path: string, bytes: Uint8Array): boolean {
    const isGenuine = this.links[to].receive(this.nowMs, path, this.kindOf(path), decodeSealedFrame(bytes));
    this.#collect();
    return isGenuine;
  }

  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.nowMs < endMs) {
      this.nowMs += STEP_MS;
      const due = this.#flying.filter(({ atMs }) => atMs <= this.nowMs);
      this.#flying = this.#flying.filter(({ atMs }) => atMs > this.nowMs);
      for (const { to, path, bytes } of due) {
        this.links[to].receive(this.nowMs, path, this.kindOf(path), decodeSealedFrame(bytes));
      }
      for (const link of this.links) {
        const dueMs = link.nextTimeoutMs();
        if (dueMs !== undefined && dueMs <= this.nowMs) link.onTimeout(this.nowMs);
      }
      this.#collect();
    }
  }

  say(side: 0 | 1, text: string): void {
    this.links[side].send(this.nowMs, text);
    this.#collect();
  }

  lines(side: 0 | 1): string[] {
    return this.events[side].flatMap((event) => (event.type === 'line' ? [event.text] : []));
  }

  paths(side: 0 | 1): string[] {
    return this.events[side].flatMap((event) => (event.type === 'path' ? [event.path] : []));
  }

  has(side: 0 | 1, type: PeerLinkEvent['type']): boolean {
    return this.events[side].some((event) => event.type === type);
  }

  #collect(): void {
    for (const side of [0, 1] as const) {
      for (let frame = this.links[side].pollFrame(); frame !== undefined; frame = this.links[side].pollFrame()) {
        const { path, bytes } = frame;
        this.sent.set(path, [...(this.sent.get(path) ?? []), bytes]);
        if (this.fate.isLost(path, side)) continue;
        for (let copy = 0; copy < this.fate.copies(path); copy += 1) {
          this.#flying.push({ atMs: this.nowMs + this.fate.delayMs(path), to: side === 0 ? 1 : 0, path, bytes });
        }
      }
      for (let event = this.links[side].pollEvent(); event !== undefined; event = this.links[side].pollEvent()) {
        this.events[side].push(event);
      }
    }
  }
}

const lossOn =
  (lost: readonly string[]): Fate['isLost'] =>
  (path) =>
    lost.includes(path);

test('the first direct path that is proved is used, and the others are let be', () => {
  const world = new World({ isLost: lossOn(['blocked']) });
  world.addPath('blocked');
  world.addPath('open');
  world.run(1000);
  assert.deepEqual([world.paths(0), world.paths(1)], [['open'], ['open']]);
  const tried = world.sent.get('blocked')!.length;
  world.run(8000);
  assert.equal(world.sent.get('blocked')!.length, tried);
  assert.equal(world.has(0, 'relay-wanted'), false);
});

test('the relay is wanted when no direct path opened in a few seconds, and used when it is proved', () => {
  const world = new World({ isLost: lossOn(['blocked']) });
  world.addPath('blocked');
  world.run(peerLinkTimes.directMs - STEP_MS);
  assert.equal(world.has(0, 'relay-wanted'), false);
  world.run(2 * STEP_MS);
  assert.ok(world.has(0, 'relay-wanted') && world.has(1, 'relay-wanted'));
  world.say(0, 'early');
  world.addPath('relay');
  world.run(500);
  assert.deepEqual([world.paths(0), world.paths(1)], [['relay'], ['relay']]);
  assert.deepEqual(world.lines(1), ['early']);
});

test('a direct path that opens later takes the place of the relay, and no line is lost on the way', () => {
  const world = new World({ isLost: lossOn(['late']) });
  world.addPath('late');
  world.run(peerLinkTimes.directMs + STEP_MS);
  world.addPath('relay');
  world.run(500);
  world.say(0, 'one');
  world.run(100);
  world.fate = perfect;
  world.run(peerLinkTimes.retryMs + 1000);
  assert.deepEqual(world.paths(0), ['relay', 'late']);
  world.say(0, 'two');
  world.run(100);
  assert.deepEqual(world.lines(1), ['one', 'two']);
});

test('one that is blocked in one direction is no path', () => {
  const world = new World();
  // Ann's challenges arrive, and nothing comes back.
  world.fate = { ...perfect, isLost: (_path, from) => from === 1 };
  world.addPath('half');
  world.run(peerLinkTimes.openMs - 100);
  assert.deepEqual([world.paths(0), world.paths(1)], [[], []]);
});

test('two behind NATs that let in only what answers reach each other, since both send at once', () => {
  const world = new World();
  const sentFrom: [boolean, boolean] = [false, false];
  world.fate = {
    ...perfect,
    isLost: (_path, from) => {
      sentFrom[from] = true;
      return !sentFrom[from === 0 ? 1 : 0];
    },
  };
  world.addPath('punched', [0]);
  world.run(400);
  assert.deepEqual(world.paths(0), [], 'one alone opens nothing');
  world.addPath('punched', [1]);
  world.run(600);
  assert.deepEqual([world.paths(0), world.paths(1)], [['punched'], ['punched']]);
});

test('without any path it gives up in the time it has, and says so once', () => {
  const world = new World({ isLost: () => true });
  world.addPath('blocked');
  world.run(peerLinkTimes.openMs + 100);
  for (const side of [0, 1] as const) {
    assert.deepEqual(world.events[side], [{ type: 'relay-wanted' }, { type: 'closed', reason: 'no-path' }]);
    assert.equal(world.links[side].nextTimeoutMs(), undefined);
  }
});

test('a peer that falls silent is lost after the time it has, and the relay is wanted before', () => {
  const world = new World();
  world.addPath('direct');
  world.run(1000);
  world.fate = { ...perfect, isLost: () => true };
  world.run(peerLinkTimes.quietMs + 100);
  assert.ok(world.has(0, 'relay-wanted'));
  world.run(peerLinkTimes.deadMs);
  assert.deepEqual(world.events[0].at(-1), { type: 'closed', reason: 'lost' });
});

test('a path that breaks is replaced by the relay, and what was said meanwhile arrives', () => {
  const world = new World();
  world.addPath('direct');
  world.run(1000);
  world.fate = { ...perfect, isLost: lossOn(['direct']) };
  world.say(0, 'into the void');
  world.run(peerLinkTimes.quietMs + 100);
  world.addPath('relay');
  world.run(1000);
  assert.deepEqual(world.paths(0), ['direct', 'relay']);
  assert.deepEqual(world.lines(1), ['into the void']);
});

test('a quiet conversation is kept alive', () => {
  const world = new World();
  world.addPath('direct');
  world.run(600_000);
  assert.deepEqual(
    world.events[0].map(({ type }) => type),
    ['path'],
  );
});

test('goodbye ends it on both sides', () => {
  const world = new World();
  world.addPath('direct');
  world.run(100);
  world.links[0].close();
  world.run(100);
  assert.deepEqual(world.events[1].at(-1), { type: 'closed', reason: 'bye' });
  assert.equal(world.links[0].nextTimeoutMs(), undefined);
});

test('a frame that was recorded is taken by nobody again, on whichever path it comes', () => {
  const world = new World();
  world.addPath('direct');
  world.run(500);
  world.say(0, 'once');
  world.run(500);
  for (const path of ['direct', 'relay', 'elsewhere']) {
    for (const bytes of world.sent.get('direct')!) {
      assert.equal(world.inject(0, path, bytes), false);
      assert.equal(world.inject(1, path, bytes), false);
    }
  }
  world.run(1000);
  assert.deepEqual(world.lines(1), ['once']);
  assert.deepEqual(world.paths(1), ['direct']);
});

test('an address from which the peer is heard is tried, as long as there are not too many', () => {
  const world = new World();
  for (let port = 0; port < 100; port += 1) {
    const bytes = world.sealers[0].seal(encodeSealedMessage({ type: 'ack', id: 0 }));
    world.inject(1, `port ${port}`, bytes);
  }
  assert.ok([...world.sent.keys()].length <= 8);
});

test('a genuine frame with something in it that nobody knows is passed over', () => {
  const world = new World();
  world.addPath('direct');
  world.run(500);
  assert.equal(world.inject(1, 'direct', world.sealers[0].seal(Uint8Array.of(99, 1, 2))), true);
  world.say(0, 'still here');
  world.run(500);
  assert.deepEqual(world.lines(1), ['still here']);
});

test('over paths that lose, repeat and reorder, every line arrives once and in order, both ways', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 0, max: 40 }), (seed, lossPercent) => {
      const random = prng(seed);
      const world = new World(
        {
          isLost: () => random.int(0, 99) < lossPercent,
          delayMs: () => random.int(1, 150),
          copies: () => (random.int(0, 9) === 0 ? 2 : 1),
        },
        seed,
      );
      world.addPath('direct');
      world.run(2000);
      const said: [string[], string[]] = [[], []];
      for (let line = 0; line < 80; line += 1) {
        const side = random.int(0, 1) as 0 | 1;
        said[side].push(`line ${line}`);
        world.say(side, `line ${line}`);
        if (line % 5 === 0) world.run(random.int(1, 300));
      }
      world.run(2000);
      world.addPath('relay');
      world.run(4000);
      world.fate = perfect;
      world.run(15_000);
      assert.deepEqual([world.lines(0), world.lines(1)], [said[1], said[0]]);
      for (const link of world.links) assert.equal(link.unackedCount, 0);
    }),
    { numRuns: Math.min(40, propertyRuns()) },
  );
});
