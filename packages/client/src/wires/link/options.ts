import { join } from 'node:path';
import {
  type DeviceKey,
  type KnownServers,
  knownServersFile,
  loadDeviceKey,
  serverName,
  stateFolder,
} from '@confab/link';
import type { LinkTuning, PathMode } from '@confab/wire/link';
import { openFileOutbox } from '../../outbox/file.ts';
import { MemoryOutbox } from '../../outbox/memory.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import { clientErrorOf } from './refusals.ts';

/** Events before one came in that are asked for by default. */
export const HISTORY_EVENTS = 50;

/** What only `confab://` knows. */
export interface LinkOptions {
  /** The key that proves the user name. Default: the file `device_key` in the user's configuration folder, made on first use. */
  readonly deviceKey?: DeviceKey | 'none' | undefined;
  /** Servers met before. Default: the file `known_servers` there. */
  readonly knownServers?: KnownServers | undefined;
  /**
   * Where messages wait that are not accepted yet; an outbox that is given is not closed with the session. Default: a file in
   * the user's state folder; *memory*: as long as the session lives.
   */
  readonly outbox?: Outbox | 'memory' | undefined;
  /** Most messages in an outbox that is opened here, failed ones among them. Default 10,000. */
  readonly outboxMax?: number | undefined;
  /**
   * Begin without the server when it cannot be reached, provided that its key is known (by the URL's pin, or from an earlier
   * time): what is said waits in the outbox, and goes out when the server is there. Default: `connect` rejects.
   */
  readonly startOffline?: boolean | undefined;
  /** Which paths to use; wins over `?path=` of the URL. Default `auto`. */
  readonly path?: PathMode | undefined;
  /** Events before one came in. Default 50. */
  readonly history?: number | undefined;
  /** How often a `link` event comes without a change, ms. Default 5000. */
  readonly readoutIntervalMs?: number | undefined;
  /** The server was met for the first time: people should compare the fingerprint. */
  readonly onFirstUse?: ((fingerprint: string) => void) | undefined;
  /** Times of the session's state machine; for tests. */
  readonly tuning?: Partial<LinkTuning> | undefined;
  /** 0–1, for back-off. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** @throws {ClientError} DEVICE_KEY_UNUSABLE */
export function deviceKeyOf({ deviceKey }: LinkOptions): DeviceKey | undefined {
  if (deviceKey === 'none') return undefined;
  try {
    return deviceKey ?? loadDeviceKey();
  } catch (error) {
    throw clientErrorOf(error);
  }
}

export function knownServersOf({ knownServers }: LinkOptions): KnownServers {
  return knownServers ?? knownServersFile();
}

/** @throws {ClientError} OUTBOX_FAILED */
export function outboxOf(
  { outbox, outboxMax }: LinkOptions,
  host: string,
  port: number,
  user: string,
): { readonly outbox: Outbox; readonly isOurs: boolean } {
  const bound = outboxMax === undefined ? {} : { entriesMax: outboxMax };
  if (outbox === 'memory') return { outbox: new MemoryOutbox(bound), isOurs: true };
  if (outbox !== undefined) return { outbox, isOurs: false };
  const folder = join(stateFolder(), 'outbox');
  return { outbox: openFileOutbox({ folder, server: serverName(host, port), user, ...bound }), isOurs: true };
}
