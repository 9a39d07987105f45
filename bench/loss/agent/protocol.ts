import type { Traffic } from './traffic.ts';

/** First line of an agent: who it is. */
export interface Hello {
  readonly name: string;
  readonly pid: number;
  /** Where the link's tool says that the server is, if one does. */
  readonly serverHost: string | undefined;
}

export interface AgentRequest {
  readonly id: number;
  readonly request: AgentCall;
}

export type AgentAnswer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

export type AgentCall =
  | ServeCall
  | OpenCall
  | StreamCall
  | CollectCall
  | BulkCall
  | PostCall
  | { readonly call: 'kill' | 'finish' | 'usage' | 'traffic' | 'link-log' | 'close' | 'stop-posting' }
  | { readonly call: 'first-after'; readonly timesUs: readonly number[] };

/** Run `confab serve` until it listens; again after `kill`, over the same data. */
export interface ServeCall {
  readonly call: 'serve';
  readonly settings: Settings;
  /** TCP port that tells that it is up. */
  readonly port: number;
}

export type Settings = Readonly<Record<string, string | number | boolean>>;

/** Enter rooms, one session each; what is said there is counted from then on. */
export interface OpenCall {
  readonly call: 'open';
  readonly seats: readonly Seat[];
}

export interface Seat {
  readonly url: string;
  readonly user: string;
}

/** Say something in each room: `burst` messages every `gapUs`, the rooms one after the other within that time. */
export interface StreamCall {
  readonly call: 'stream';
  readonly startUs: number;
  readonly gapUs: number;
  readonly burst: number;
  /** In each room; fewer when `finish` is asked for meanwhile. */
  readonly messages: number;
  readonly messageBytes: number;
}

export interface Streamed {
  readonly sent: number;
  /** Confirmed; the rest was refused or its fate is not known. */
  readonly accepted: number;
  readonly firstRefusal: string | undefined;
  /** From when a message was due to when it was said, µs, one in a thousand is above it. */
  readonly lateUs: number;
  readonly lagUs: number;
}

/** Wait until so many messages of each room have come, or nothing comes any more. */
export interface CollectCall {
  readonly call: 'collect';
  readonly messages: number;
  /** Messages before this one are for warming up: they are counted, their times are not. */
  readonly measureFrom: number;
  /** Nothing has come for so long: the rest is lost. */
  readonly patienceMs: number;
}

export interface Collected {
  readonly delivered: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  /** Sessions that ended by themselves, and what the first of them said. */
  readonly broken: number;
  readonly firstBreak: string | undefined;
  /** µs, from being said to being handed over, of measured messages; when each was said is beside it. */
  readonly latenciesUs: readonly number[];
  readonly sentUs: readonly number[];
  readonly lagUs: number;
}

/** Keep `window` messages on their way in the first room, for so long. */
export interface BulkCall {
  readonly call: 'bulk';
  readonly startUs: number;
  readonly endUs: number;
  readonly window: number;
  readonly messageBytes: number;
}

/** Be somebody who posts, and comes back whenever the session is over. */
export interface PostCall {
  readonly call: 'post';
  readonly seats: readonly Seat[];
  readonly gapMs: number;
}

/** What one poster saw and was told. */
export interface PosterView {
  readonly user: string;
  readonly accepted: readonly string[];
  readonly uncertain: number;
  readonly connects: number;
  /** Messages as the log numbers them: rising. */
  readonly seen: readonly (readonly [seq: number, text: string])[];
  /** A number came again with another text, or a new one was not above those before. */
  readonly contradictions: number;
}

/** A change of a session's path, as its client told it. */
export interface LinkNote {
  readonly user: string;
  readonly timeUs: number;
  readonly path: string;
  readonly reason: string;
}

export interface Usage {
  readonly cpuSeconds: number;
  /** Time that its main thread was ready to run and had no core, s. */
  readonly waitSeconds: number;
}

export type { Traffic };
