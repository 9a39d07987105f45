import type { LinkReadout } from '@confab/wire/link';

/** The read-out of a session before its first connection. */
export const NOTHING_MEASURED: LinkReadout = {
  path: 'tcp',
  paths: { tcp: 'down', udp: 'down' },
  rttMs: undefined,
  rttMinMs: undefined,
  jitterMs: undefined,
  lossOut: undefined,
  lossIn: undefined,
  mtuBytes: 1200,
  confirmedMs: undefined,
  copies: 0,
  retransmissions: 0,
  packetsSent: 0,
  packetsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  dropped: {},
};
