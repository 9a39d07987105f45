export {
  type DeviceKey,
  ephemeralDeviceKey,
  type KnownServers,
  knownServersFile,
  knownServersInMemory,
  loadDeviceKey,
} from '@confab/link';
export type { LinkReadout, PathMode, PathReason } from '@confab/wire/link';
export { type Check, type CheckName, type DiagnoseOptions, diagnose } from './doctor.ts';
export type { LinkOptions } from './options.ts';
