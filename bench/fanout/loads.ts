import type { LoadCrowd, RunFigures } from './crowd.ts';
import type { CrowdSize } from './wire.ts';

/** What is asked of every server in the same way. */
export interface Load {
  readonly name: string;
  readonly summary: string;
  readonly size: CrowdSize;
  /** For `--quick`. */
  readonly quickSize: CrowdSize;
  /** What the table is about. */
  readonly about: 'rate' | 'latency' | 'memory';
  /** Passes are so many times as long as `--seconds` says. */
  readonly length: number;
  run(crowd: LoadCrowd, timing: { warmUpMs: number; ms: number }): Promise<RunFigures>;
}

const closed =
  (window: number) =>
  (crowd: LoadCrowd, timing: { warmUpMs: number; ms: number }): Promise<RunFigures> =>
    crowd.closedLoop(window, timing);

const open =
  (messagesPerSecond: (size: CrowdSize) => number) =>
  (crowd: LoadCrowd, timing: { warmUpMs: number; ms: number }): Promise<RunFigures> =>
    crowd.openLoop(messagesPerSecond(crowd.size), timing);

const small = { rooms: 1, membersPerRoom: 8 };
const smallRooms = { rooms: 4, membersPerRoom: 4 };

/** Messages a second of (b), and of each member in (d). */
const STEADY_RATE = 200;
const MEMBER_RATE = 2;

export const loads: readonly Load[] = [
  {
    name: 'a1',
    summary: '1 room x 100 members, 64 messages in flight: highest rate',
    size: { rooms: 1, membersPerRoom: 100 },
    quickSize: small,
    about: 'rate',
    length: 1,
    run: closed(64),
  },
  {
    name: 'a2',
    summary: '1 room x 1,000 members, 64 messages in flight',
    size: { rooms: 1, membersPerRoom: 1000 },
    quickSize: small,
    about: 'rate',
    length: 1,
    run: closed(64),
  },
  {
    name: 'a3',
    summary: '1 room x 100 members, one message in flight',
    size: { rooms: 1, membersPerRoom: 100 },
    quickSize: small,
    about: 'rate',
    length: 1,
    run: closed(1),
  },
  {
    name: 'a4',
    summary: '100 rooms x 10 members, one message in flight in each',
    size: { rooms: 100, membersPerRoom: 10 },
    quickSize: smallRooms,
    about: 'rate',
    length: 1,
    run: closed(1),
  },
  {
    name: 'b',
    summary: '1 room x 100 members, 200 messages/s: latency',
    size: { rooms: 1, membersPerRoom: 100 },
    quickSize: small,
    about: 'latency',
    length: 4,
    run: open(() => STEADY_RATE),
  },
  {
    name: 'c',
    summary: '10,000 connections that say nothing: memory of each',
    size: { rooms: 1000, membersPerRoom: 10 },
    quickSize: smallRooms,
    about: 'memory',
    length: 1,
    run: closed(1),
  },
  {
    name: 'd',
    summary: '500 rooms x 10 members x 2 messages/s: latency',
    size: { rooms: 500, membersPerRoom: 10 },
    quickSize: smallRooms,
    about: 'latency',
    length: 4,
    run: open(({ rooms, membersPerRoom }) => MEMBER_RATE * rooms * membersPerRoom),
  },
];
