import { isIP } from 'node:net';
import type { BridgeMode } from '@confab/wire/bridge';
import type { Found } from './rendezvous.ts';

/**
 * Where somebody may be reached directly: at the address that the server saw, and at the one they gave. In TCP mode the server
 * saw a connection of its own, from some port; they listen on the one they gave.
 */
export function candidatesOf({ ip, port, introduction }: Found, mode: BridgeMode): { ip: string; port: number }[] {
  const given = { ip, port };
  const match = /^\[?([^[\]]+)\]?:(\d+)$/.exec(introduction?.seen ?? '');
  if (match === null || isIP(match[1]!) === 0) return [given];
  const seen = { ip: match[1]!, port: mode === 'udp' ? Number(match[2]) : port };
  return seen.ip === given.ip && seen.port === given.port ? [given] : [seen, given];
}
