import type { Config } from '@confab/config';
import type { Hub } from '@confab/core';
import type { Logger } from 'pino';
import type { Batching } from '../datagrams/calls.ts';
import type { Stats } from '../stats.ts';
import type { StreamWriter } from '../streams/writer.ts';
import type { Tap } from '../tap.ts';

/** What every gateway is given. */
export interface GatewayContext {
  readonly hub: Hub;
  readonly config: Config;
  /** IP address to listen on. */
  readonly address: string;
  readonly log: Logger;
  /** Counts of each wire, for `/metrics`. */
  readonly stats: Stats;
  /** What passes the sockets of plaintext wires is shown here, for `confab trace`. */
  readonly tap: Tap;
  /** How datagrams are sent many at a time; undefined: they are not. */
  readonly batching?: Batching | undefined;
  /** How streams are written to; undefined: by `node:net`. */
  readonly writer?: StreamWriter | undefined;
}

/** A socket that is open for a wire. */
export interface Endpoint {
  /** The wire's name, such as `TCRP`. */
  readonly wire: string;
  /** Scheme of the URLs that clients use, such as `ucrp`. */
  readonly scheme: string;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly purpose: string;
  /** Whether anybody on the path can read it. */
  readonly isPlaintext: boolean;
  /** One of a second pair of ports for the same wire. */
  readonly isAlternate: boolean;
  /** Of the key that clients pin, where there is one. */
  readonly fingerprint?: string;
}

/**
 * Owns the sockets of one wire: parses, calls the core, translates what the core says. Holds no room rules. Gateways
 * know the core and their codec, never each other.
 */
export interface Gateway {
  /** @throws {ServerError} when it cannot listen; what it had opened is closed again. */
  open(): Promise<readonly Endpoint[]>;
  /** Take no more input; what was taken is still answered and delivered. */
  drain(): Promise<void>;
  /** Tell members what their wire can say of a shutdown, and let go of the sockets. */
  close(): Promise<void>;
}

/** A line of the registry. */
export interface GatewayEntry {
  readonly name: string;
  isEnabled(config: Config): boolean;
  create(context: GatewayContext): Gateway;
}
