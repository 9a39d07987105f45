import { type ConnectOptions, knownServersInMemory } from '@confab/client';

/** For `confab://`: nothing is kept on disk, and whatever server answers is the one that the benchmark started. */
export function strangers(): ConnectOptions['link'] {
  return { deviceKey: 'none', knownServers: knownServersInMemory(), outbox: 'memory' };
}
