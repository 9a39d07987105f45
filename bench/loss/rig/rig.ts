import type { Agent } from './crew.ts';

/** What the link does to packets, in both directions and on both legs. */
export interface LinkConditions {
  /** Share of packets that are dropped, at random. 0–1 */
  readonly loss: number;
  /** Mean length of a run of lost packets; 1: each is lost by itself. Only with a link tool. */
  readonly lossRun: number;
  /** Each way, ms. Where the rig can. */
  readonly delayMs: number;
  /** Of each direction, kbit/s; undefined: none. */
  readonly rateKbit: number | undefined;
  readonly seed: number;
}

/** What a firewall on the link keeps out. */
export interface Block {
  readonly protocol: 'tcp' | 'udp';
  /** Towards the server, towards the clients. */
  readonly directions: readonly ('up' | 'down')[];
}

/** What the link did, as it says itself. */
export interface LinkFacts {
  readonly packets: number;
  readonly lost: number;
  /** One packet in a thousand was released so much later than it was due, µs; undefined where the kernel does it. */
  readonly lateUs: number | undefined;
}

/** A server and two groups of clients, with a bad link between. */
export interface Rig {
  readonly server: Agent;
  /** The sender's side, and the receiver's. */
  readonly a: Agent;
  readonly b: Agent;
  /** Addresses under which the sides reach the server. */
  readonly hosts: { readonly a: string; readonly b: string };
  /** Delay each way that there really is, ms. */
  readonly delayMs: number;
  /** IP bytes that were put on the link so far, both legs and directions; lost ones, too. */
  ipBytes(): Promise<number>;
  /** Block, or (undefined) block no more. Undefined where the rig cannot. */
  readonly block: ((block: Block | undefined) => Promise<void>) | undefined;
  /** End everything in it. */
  close(): Promise<LinkFacts | undefined>;
}
