export {
  type DeviceKey,
  ephemeralDeviceKey,
  type KnownServers,
  knownServersFile,
  knownServersInMemory,
  loadDeviceKey,
} from '@confab/link';
export type { LinkReadout, PathMode, PathReason } from '@confab/wire/link';
export { type DiagnoseOptions, diagnose } from './doctor.ts';
export type { Check, CheckName } from './doctor-checks.ts';
export type { LinkOptions } from './options.ts';
