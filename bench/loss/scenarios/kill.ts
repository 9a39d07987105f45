import { setTimeout as sleep } from 'node:timers/promises';
import { nowUs, sleepUntil } from '../../support/clock.ts';
import type { PosterView, Seat } from '../agent/protocol.ts';
import type { LossOptions } from '../options.ts';
import { quantile } from '../quantile.ts';
import { conditionsOf, onStage } from '../stage.ts';
import type { LossWire } from '../wires.ts';
import { judgeViews, type ViewsVerdict } from './views.ts';

const POST_GAP_MS = 500;
const SETTLE_MS = 2000;
/** How long everybody goes on posting after the planned end, so that whoever is still coming back hears something. */
const HEAR_MS = 20_000;
const LOOK_MS = 100;

export interface KillFigures extends ViewsVerdict {
  readonly wire: string;
  readonly isJudged: boolean;
  readonly loss: number;
  readonly clients: number;
  readonly kills: number;
  readonly connects: number;
  readonly uncertain: number;
  /** From when the server listened again until a client heard something: the middle one, and the slowest, µs. */
  readonly resumeUsP50: number;
  readonly resumeUsMax: number;
  /** Clients that heard nothing any more after a kill. */
  readonly neverResumed: number;
}

export async function measureKill(options: LossOptions, wire: LossWire, loss: number): Promise<KillFigures> {
  const { clients, seconds, everySeconds } = options;
  const { result } = await onStage(options, wire, conditionsOf(options, loss), async (stage) => {
    const { a, b, hosts, server } = stage;
    const half = Math.ceil(clients / 2);
    const seats = (side: 'a' | 'b', count: number): Seat[] =>
      Array.from({ length: count }, (_, index) => ({ url: wire.url(hosts[side], 'kill'), user: `${side}${index}` }));
    await Promise.all([
      a.ask({ call: 'post', seats: seats('a', half), gapMs: POST_GAP_MS }),
      b.ask({ call: 'post', seats: seats('b', clients - half), gapMs: POST_GAP_MS }),
    ]);
    const upUs: number[] = [];
    const startUs = nowUs();
    for (let kill = 1; kill * everySeconds < seconds; kill += 1) {
      await sleepUntil(startUs + kill * everySeconds * 1e6);
      await server.ask({ call: 'kill' });
      upUs.push(await stage.serve());
    }
    await sleepUntil(startUs + seconds * 1e6);
    // Who is back before the benchmark itself sees the server listen has read what it missed too early to count, and
    // hears again only what is posted from then on.
    const latestUs = nowUs() + HEAR_MS * 1000;
    const firstHeardUs = async (): Promise<(number | null)[]> => {
      const calls = [a, b].map((agent) => agent.ask<(number | null)[][]>({ call: 'first-after', timesUs: upUs }));
      return (await Promise.all(calls)).flat(2);
    };
    while ((await firstHeardUs()).includes(null) && nowUs() < latestUs) await sleep(LOOK_MS);
    await Promise.all([a, b].map((agent) => agent.ask({ call: 'stop-posting' })));
    // Whoever comes back just now is to read what it missed.
    await sleep(SETTLE_MS);
    const resumes = await firstHeardUs();
    const views = await Promise.all([a, b].map((agent) => agent.ask<PosterView[]>({ call: 'close' })));
    return { views: views.flat(), resumes, kills: upUs.length };
  });
  const { views, resumes, kills } = result;
  const resumed = resumes.filter((us) => us !== null);
  return {
    wire: wire.name,
    isJudged: wire.isJudged,
    loss,
    clients,
    kills,
    connects: views.reduce((total, view) => total + view.connects, 0),
    uncertain: views.reduce((total, view) => total + view.uncertain, 0),
    resumeUsP50: quantile(resumed, 0.5),
    resumeUsMax: quantile(resumed, 1),
    neverResumed: resumes.length - resumed.length,
    ...judgeViews(views),
  };
}
