import type { LinkStatus, Session } from '@confab/client';

/** What `/link` shows: the path in use, how good it is, and what the other one is like. */
export function renderLink({ link, outbox }: Pick<Session, 'link' | 'outbox'>): string {
  if (link === undefined) return '! This wire does not measure its link.';
  const { rttMs, rttMinMs, jitterMs, lossOut, lossIn, confirmedAgoMs, mtuBytes, isVerified } = link;
  const rows: readonly (readonly [string, string])[] = [
    ['path', `${link.path}${link.reason === undefined ? '' : ` (${link.reason})`}; ${pathsOf(link)}`],
    ['round trip', `${ms(rttMs)}, least ${ms(rttMinMs)}, jitter ${ms(jitterMs)}`],
    ['loss', `${percent(lossOut)} out, ${percent(lossIn)} in`],
    ['confirmed', confirmedAgoMs === undefined ? 'nothing yet' : `${seconds(confirmedAgoMs)} ago`],
    ['datagrams', `${link.packetsSent} sent, ${link.packetsReceived} received, up to ${mtuBytes} bytes`],
    ['sent again', `${link.retransmissions} after loss, ${link.copies} beforehand`],
    ['your name', isVerified ? 'verified by your device key' : 'not verified'],
    ...(outbox === undefined ? [] : [['outbox', outboxText(outbox.pendingCount, outbox.failed().length)] as const]),
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(11)} ${value}`).join('\n');
}

function pathsOf({ paths }: LinkStatus): string {
  return `tcp ${paths.tcp}, udp ${paths.udp}`;
}

function outboxText(pending: number, failed: number): string {
  return `${pending} waiting${failed === 0 ? '' : `, ${failed} refused`}`;
}

function ms(value: number | undefined): string {
  return value === undefined ? '–' : `${value.toFixed(1)} ms`;
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${(share * 100).toFixed(1)} %`;
}

function seconds(value: number): string {
  return `${(value / 1000).toFixed(1)} s`;
}
