import type { Hub } from '@confab/core';
import type { LinkLoop } from '@confab/link';
import type { Logger } from 'pino';
import type { WireStats } from '../../stats.ts';
import type { Identity } from './admission.ts';
import type { LinkEncoding } from './encoding.ts';
import type { CountedSession } from './endpoint.ts';
import type { LinkMembers } from './members.ts';
import type { LinkServerSession } from './session.ts';
import type { LinkTotals } from './totals.ts';

export interface SessionSettings {
  readonly sessionGraceMs: number;
  readonly resumeWindowMs: number;
  readonly requests: { readonly perSecond: number; readonly burst: number };
  readonly ephemerals: { readonly perSecond: number; readonly burst: number };
}

/** What all sessions of the gateway share. */
export interface SessionContext {
  readonly hub: Hub;
  readonly log: Logger;
  readonly loop: LinkLoop;
  readonly stats: WireStats;
  readonly totals: LinkTotals;
  readonly encoding: LinkEncoding;
  readonly members: LinkMembers;
  readonly settings: SessionSettings;
  readonly sendDatagram: (bytes: Uint8Array, to: string) => void;
  /** A user name is a device key's no more: the sessions that have proved it are to end. */
  readonly onKeyRemoved: (user: string, deviceKey: string) => void;
  /** The session is over, and its driver lets go by itself. */
  readonly onOver: (session: LinkServerSession) => void;
}

export interface SessionFacts {
  readonly context: SessionContext;
  readonly identity: Identity;
  readonly endpoint: CountedSession;
  /** 8 bytes, for people and logs. */
  readonly id: Uint8Array;
  /** Secret. */
  readonly ticket: Uint8Array;
  /** 8 bytes: what the client's packets carry. */
  readonly connectionId: Uint8Array;
  /** Whether it has a datagram path. */
  readonly hasDatagrams: boolean;
  /** IP address that it began from. */
  readonly address: string;
}
