import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wireSettings } from '@confab/testing/wire-settings';
import type { Settings } from './agent/protocol.ts';
import type { LossOptions } from './options.ts';
import type { Agent } from './rig/crew.ts';
import type { LinkConditions, LinkFacts, Rig } from './rig/rig.ts';
import { openToolRig } from './rig/tool-rig.ts';
import { openVethRig } from './rig/veth-rig.ts';
import type { LossWire } from './wires.ts';

/** Times that a link tool may fail to get going. */
const ATTEMPTS = 3;

/** What is unlike a user's server: it is reached from another namespace, and by many from one address. */
const settingsOfAll: Settings = {
  host: '0.0.0.0',
  'limits.member_messages.per_second': 1_000_000,
  'limits.member_messages.burst': 1_000_000,
  'limits.address_requests.per_second': 1_000_000,
  'limits.address_requests.burst': 1_000_000,
  'log.level': 'error',
};

/** A rig with a server in it that speaks one wire. */
export interface Stage extends Rig {
  /** Start the server again, over the data that are there. @returns when it listened, µs */
  serve(): Promise<number>;
}

/** What a link is like unless a scenario says otherwise. */
export function conditionsOf(options: LossOptions, loss: number): LinkConditions {
  const { lossRun, delayMs, seed } = options;
  return { loss, lossRun, delayMs, seed, rateKbit: undefined };
}

/** Run something on a new stage, which is taken down afterwards whatever happens. */
export async function onStage<Result>(
  options: LossOptions,
  wire: LossWire,
  conditions: LinkConditions,
  play: (stage: Stage) => Promise<Result>,
): Promise<{ readonly result: Result; readonly facts: LinkFacts | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), 'confab-loss-'));
  const clear = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    const stage = await open(options, wire, conditions, join(folder, 'crew'));
    let result: Result;
    try {
      result = await play(stage);
    } catch (error) {
      await stage.close().catch(() => {});
      throw error;
    }
    return { result, facts: await stage.close() };
  } finally {
    process.off('exit', clear);
    clear();
  }
}

/** A tool may lose patience with a server that starts while the machine is busy. */
async function withRetries<Result>(attemptOnce: (attempt: number) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce(attempt);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function open(
  { link }: LossOptions,
  { section, settings, port }: LossWire,
  conditions: LinkConditions,
  socketPath: string,
): Promise<Stage> {
  const all = { ...wireSettings(section), ...settingsOfAll, ...settings };
  const serve = (server: Agent): Promise<number> => server.ask<number>({ call: 'serve', settings: all, port });
  if (link !== undefined) {
    const rig = await withRetries((attempt) =>
      openToolRig(link, `${socketPath}${attempt}`, conditions, port, async (server) => void (await serve(server))),
    );
    return { ...rig, serve: () => serve(rig.server) };
  }
  const rig = await openVethRig(socketPath, conditions);
  try {
    await serve(rig.server);
  } catch (error) {
    await rig.close().catch(() => {});
    throw error;
  }
  return { ...rig, serve: () => serve(rig.server) };
}
