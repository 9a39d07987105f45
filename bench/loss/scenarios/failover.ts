import { nowUs, sleepUntil } from '../../support/clock.ts';
import type { Collected, LinkNote, Streamed } from '../agent/protocol.ts';
import type { LossOptions } from '../options.ts';
import type { Block } from '../rig/rig.ts';
import { conditionsOf, onStage } from '../stage.ts';
import type { LossWire } from '../wires.ts';
import { MESSAGE_BYTES, takeSeats } from './latency.ts';

const GAP_MS = 50;
const LEAD_US = 300_000;
const PATIENCE_MS = 60_000;
/** The stream is ended long before. */
const MESSAGES_MAX = 1_000_000;

/** What is blocked one after the other; after each of them the link is free for as long. */
const steps = [
  { name: 'client to server', directions: ['up'] },
  { name: 'server to client', directions: ['down'] },
  { name: 'both ways', directions: ['up', 'down'] },
] as const satisfies readonly { name: string; directions: Block['directions'] }[];

/** One time of blocking, and of what followed. */
export interface StepFigures {
  readonly name: string;
  /** The slowest message that was said while blocked, and afterwards until the next block, µs. */
  readonly worstBlockedUs: number;
  readonly worstFreeUs: number;
  /** From the block until a session had left the path, and from its end until it was back; undefined: not told. */
  readonly fallbackUs: Readonly<Record<string, number | undefined>>;
  readonly returnUs: Readonly<Record<string, number | undefined>>;
}

export interface FailoverFigures {
  readonly wire: string;
  readonly isJudged: boolean;
  readonly loss: number;
  readonly blocked: 'tcp' | 'udp';
  readonly sent: number;
  readonly accepted: number;
  readonly firstRefusal: string | undefined;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly broken: number;
  readonly firstBreak: string | undefined;
  readonly steps: readonly StepFigures[];
}

export async function measureFailover(options: LossOptions, wire: LossWire, loss: number): Promise<FailoverFigures> {
  const stepUs = options.seconds * 1e6;
  const { result } = await onStage(options, wire, conditionsOf(options, loss), async (stage) => {
    const { a, b, block } = stage;
    if (block === undefined) throw new Error('failover: only the rig without --link can block a path in mid-stream');
    await takeSeats(stage, wire, 1);
    const startUs = nowUs() + LEAD_US;
    const streaming = a.ask<Streamed>({
      call: 'stream',
      startUs,
      gapUs: GAP_MS * 1000,
      burst: 1,
      messages: MESSAGES_MAX,
      messageBytes: MESSAGE_BYTES,
    });
    await sleepUntil(startUs + stepUs);
    const times: { readonly blockedUs: number; readonly freeUs: number }[] = [];
    for (const { directions } of steps) {
      // A session may notice while the last rule is still being made: the time that rules take counts as its own.
      const blockedUs = nowUs();
      await block({ protocol: wire.path, directions });
      await sleepUntil(blockedUs + stepUs);
      const freeUs = nowUs();
      await block(undefined);
      times.push({ blockedUs, freeUs });
      await sleepUntil(freeUs + stepUs);
    }
    await a.ask({ call: 'finish' });
    const streamed = await streaming;
    const collected = await b.ask<Collected>({
      call: 'collect',
      messages: streamed.sent,
      measureFrom: 0,
      patienceMs: PATIENCE_MS,
    });
    const notes = await Promise.all([a, b].map((agent) => agent.ask<LinkNote[]>({ call: 'link-log' })));
    return { streamed, collected, times, notes: notes.flat() };
  });
  const { streamed, collected, times, notes } = result;
  const { sent, accepted, firstRefusal } = streamed;
  const { latenciesUs, sentUs, lagUs: _lag, delivered: _delivered, ...counts } = collected;
  const worst = (fromUs: number, toUs: number): number =>
    latenciesUs.reduce((most, us, at) => (sentUs[at]! >= fromUs && sentUs[at]! < toUs ? Math.max(most, us) : most), 0);
  const figures = times.map(({ blockedUs, freeUs }, index): StepFigures => {
    const nextUs = times[index + 1]?.blockedUs ?? Number.POSITIVE_INFINITY;
    return {
      name: steps[index]!.name,
      worstBlockedUs: worst(blockedUs, freeUs),
      worstFreeUs: worst(freeUs, nextUs),
      fallbackUs: changesAfter(notes, blockedUs, freeUs, (path) => path !== wire.path),
      returnUs: changesAfter(notes, freeUs, nextUs, (path) => path === wire.path),
    };
  });
  return {
    wire: wire.name,
    isJudged: wire.isJudged,
    loss,
    blocked: wire.path,
    sent,
    accepted,
    firstRefusal,
    ...counts,
    steps: figures,
  };
}

/** How long after `fromUs` each user's session first told of such a path, before `toUs`. */
export function changesAfter(
  notes: readonly LinkNote[],
  fromUs: number,
  toUs: number,
  isWanted: (path: string) => boolean,
): Record<string, number | undefined> {
  const users = [...new Set(notes.map(({ user }) => user))];
  return Object.fromEntries(
    users.map((user) => {
      const note = notes.find(
        (one) => one.user === user && one.timeUs >= fromUs && one.timeUs < toUs && isWanted(one.path),
      );
      return [user, note === undefined ? undefined : note.timeUs - fromUs];
    }),
  );
}
