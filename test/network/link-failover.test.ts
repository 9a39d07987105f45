/** Link between real kernels: namespaces of networks joined by veth, and firewall rules that come and go in mid-stream. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '@confab/testing/raw/wait';
import type { Collected, LinkNote, Streamed } from '../../bench/loss/agent/protocol.ts';
import { parseLossOptions } from '../../bench/loss/options.ts';
import { whyNoNamespaces } from '../../bench/loss/rig/requirements.ts';
import type { Block } from '../../bench/loss/rig/rig.ts';
import { takeSeats } from '../../bench/loss/scenarios/latency.ts';
import { conditionsOf, onStage, type Stage } from '../../bench/loss/stage.ts';
import { wireNamed } from '../../bench/loss/wires.ts';
import { nowUs } from '../../bench/support/clock.ts';

const reason = whyNoNamespaces();
const settings = { timeout: 120_000, skip: reason === undefined ? false : reason };
const WAIT_MS = 30_000;
const POLL_MS = 20;
const GAP_US = 20_000;
/** The stream is ended long before. */
const MESSAGES_MAX = 1_000_000;
const USERS = ['a0', 'b0'];

/** The paths that both clients' sessions told of, as they come. */
class Paths {
  readonly #stage: Stage;
  readonly #latest = new Map<string, string>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async become(path: 'tcp' | 'udp', why: string): Promise<void> {
    const { a, b } = this.#stage;
    const look = async (): Promise<void> => {
      while (!USERS.every((user) => this.#latest.get(user) === path)) {
        await sleep(POLL_MS);
        for (const agent of [a, b])
          for (const note of await agent.ask<LinkNote[]>({ call: 'link-log' })) this.#latest.set(note.user, note.path);
      }
    };
    await within(look(), `everybody on ${path}: ${why}`, WAIT_MS);
  }
}

/** Something is said all the time; what `play` does meanwhile must cost nobody a message. */
async function whileStreaming(play: (stage: Stage, paths: Paths) => Promise<void>): Promise<void> {
  const options = parseLossOptions(['--scenario', 'failover', '--wires', 'confab']);
  const wire = wireNamed('confab');
  await onStage(options, wire, conditionsOf(options, 0), async (stage) => {
    const { a, b } = stage;
    await takeSeats(stage, wire, 1);
    const streaming = a.ask<Streamed>({
      call: 'stream',
      startUs: nowUs(),
      gapUs: GAP_US,
      burst: 1,
      messages: MESSAGES_MAX,
      messageBytes: 100,
    });
    const paths = new Paths(stage);
    await paths.become('udp', 'nothing is in the way');
    await play(stage, paths);
    await a.ask({ call: 'finish' });
    const { sent, accepted } = await streaming;
    const collected = await b.ask<Collected>({ call: 'collect', messages: sent, measureFrom: 0, patienceMs: WAIT_MS });
    const { delivered, lost, doubled, outOfOrder, broken } = collected;
    assert.ok(sent > 0);
    assert.deepEqual(
      { accepted, delivered, lost, doubled, outOfOrder, broken },
      { accepted: sent, delivered: sent, lost: 0, doubled: 0, outOfOrder: 0, broken: 0 },
    );
  });
}

describe('link through a firewall that changes its mind', () => {
  for (const directions of [['up'], ['down'], ['up', 'down']] as const satisfies Block['directions'][]) {
    it(
      `falls back when UDP is blocked ${directions.join(' and ')}, returns, and loses and doubles nothing`,
      settings,
      () =>
        whileStreaming(async (stage, paths) => {
          await stage.block!({ protocol: 'udp', directions });
          await paths.become('tcp', `UDP is blocked ${directions.join(' and ')}`);
          await stage.block!(undefined);
          await paths.become('udp', 'UDP is free again');
        }),
    );
  }
});
