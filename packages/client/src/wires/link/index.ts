export {
  type DeviceKey,
  ephemeralDeviceKey,
  type KnownServers,
  knownServersFile,
  knownServersInMemory,
  loadDeviceKey,
} from '@confab/link';
export type { LinkReadout, PathMode, PathReason } from '@confab/wire/link';
export type { LinkOptions } from './options.ts';
