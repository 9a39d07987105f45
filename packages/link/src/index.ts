export { Alarm, Alarms, type MonotonicClock, systemTimers, type Timers } from './alarms.ts';
export { type CertificateOptions, IDENTITY_FILE, type LinkCertificate, loadCertificate } from './certificate.ts';
export { nodeLinkCrypto } from './crypto.ts';
export { addressText, type DatagramAddress, DatagramAddresses, parseAddressText } from './datagram-address.ts';
export {
  type DeviceKey,
  defaultDeviceKeyFile,
  deviceKeyText,
  EXPORTER_BYTES,
  ephemeralDeviceKey,
  isDeviceProofRight,
  loadDeviceKey,
} from './device-key.ts';
export * from './driver.ts';
export { LinkSetupError, type LinkSetupErrorCode } from './errors.ts';
export { FINGERPRINT_LENGTH, fingerprintOf, isFingerprint } from './fingerprint.ts';
export { configFolder, type FolderContext, stateFolder } from './folders.ts';
export {
  defaultKnownServersFile,
  type KnownServer,
  type KnownServers,
  knownServersFile,
  knownServersInMemory,
  serverName,
} from './known-servers.ts';
export { type Flushable, LinkLoop, type LinkLoopOptions } from './loop.ts';
export { type ForeignFunctions, openSslCrypto } from './openssl-crypto.ts';
export {
  type ConnectTlsOptions,
  connectTls,
  type ExporterValues,
  exporterValues,
  LINK_ALPN,
  linkServerOptions,
  speaksLink,
  type TlsConnection,
} from './tls.ts';
export { type Trust, trustOf } from './trust.ts';
