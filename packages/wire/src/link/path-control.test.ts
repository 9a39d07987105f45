import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LinkPath } from './api.ts';
import { PathControl, type Probe } from './path-control.ts';
import { LINK_TUNING } from './tuning.ts';

/** A client whose datagrams do not pass until `isPassing`; answers come after a round trip of `rttMs`. */
class Client {
  readonly moves: string[] = [];
  readonly probes: { readonly atMs: number; readonly isFull: boolean }[] = [];
  readonly control: PathControl;
  #nowMs = 0;
  #made = 0;

  constructor() {
    this.control = new PathControl({
      role: 'client',
      mode: 'auto',
      hasDatagrams: true,
      tuning: LINK_TUNING,
      random: (bytes) => {
        this.#made += 1;
        return new Uint8Array(bytes).fill(this.#made);
      },
      isAddressProved: () => true,
      onMove: (path: LinkPath) => this.moves.push(path),
    });
    this.control.streamUp();
    this.control.start(0);
  }

  /** Time goes on to the next probe. */
  next(): Probe {
    this.#nowMs = this.control.nextTimeoutMs() ?? assert.fail('no probe is due');
    const probe = this.control.takeProbe(this.#nowMs) ?? assert.fail('no probe is sent');
    this.probes.push({ atMs: this.#nowMs, isFull: probe.isFull });
    return probe;
  }

  answer(probe: Probe, rttMs = 40): void {
    this.#nowMs += rttMs;
    assert.equal(this.control.responded(this.#nowMs, probe.data), rttMs);
  }

  /** UDP is taken, and fails. */
  fallBack(): this {
    this.answer(this.next());
    this.control.answeredPeer(this.#nowMs);
    this.control.heard(this.#nowMs, 'udp', 1, 'proved', 'udp');
    assert.equal(this.control.failed(this.#nowMs, 'nothing-acknowledged'), true);
    assert.deepEqual(this.moves.splice(0), ['udp', 'tcp']);
    this.probes.length = 0;
    return this;
  }

  get isOffering(): boolean {
    return this.control.datagramSaying(this.#nowMs)?.path === 'udp';
  }

  /** Between the probes, ms. */
  get gaps(): readonly number[] {
    return this.probes.slice(1).map(({ atMs }, index) => atMs - this.probes[index]!.atMs);
  }
}

describe('the probes of a path that failed', () => {
  it('go on every 1.5 s, small ones after three that nobody answered', () => {
    const client = new Client().fallBack();
    for (let sent = 0; sent < 6; sent += 1) client.next();
    assert.deepEqual(client.gaps, [1_000, 1_500, 1_500, 1_500, 1_500]);
    assert.deepEqual(
      client.probes.map(({ isFull }) => isFull),
      [true, true, true, false, false, false],
    );
  });

  it('ask for three answers in a row to whole datagrams', () => {
    const client = new Client().fallBack();
    for (let sent = 0; sent < 3; sent += 1) client.next();
    // A small one: its answer asks for a whole one at once, and counts for nothing.
    client.answer(client.next());
    for (let answers = 0; answers < 3; answers += 1) {
      assert.equal(client.isOffering, false);
      const probe = client.next();
      assert.equal(probe.isFull, true);
      client.answer(probe);
    }
    assert.equal(client.isOffering, true);
    assert.deepEqual(client.gaps.slice(-3), [40, 140, 140]);
  });

  it('are repeated after three round trips where they confirm: what is lost of them does not begin anew', () => {
    const client = new Client().fallBack();
    client.answer(client.next(), 50);
    client.next();
    client.next();
    client.answer(client.next(), 50);
    client.next();
    client.answer(client.next(), 50);
    assert.deepEqual(client.gaps, [150, 150, 150, 150, 150]);
    assert.equal(client.isOffering, true);
  });

  it('begin anew when a confirmation and both of its repeats are lost', () => {
    const client = new Client().fallBack();
    client.answer(client.next());
    client.answer(client.next());
    for (let lost = 0; lost < 4; lost += 1) client.next();
    assert.deepEqual(client.gaps.slice(-3), [120, 120, 120]);
    client.answer(client.next());
    for (let answers = 0; answers < 3; answers += 1) {
      assert.equal(client.isOffering, false);
      client.answer(client.next());
    }
    assert.equal(client.isOffering, true);
  });
});
