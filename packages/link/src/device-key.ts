import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { join } from 'node:path';
import { DEVICE_KEY_BYTES, DEVICE_SIGNATURE_BYTES, type DeviceProof } from '@confab/wire/link';
import { LinkSetupError, messageOf } from './errors.ts';
import { configFolder } from './folders.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';

/** TLS exporter value that a proof is over, bytes. */
export const EXPORTER_BYTES = 32;
const PROOF_CONTEXT = Buffer.from('confab/1 device proof\0', 'latin1');

/** The key by which servers know this device: Ed25519. */
export interface DeviceKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The same for people and stores, see `deviceKeyText`. */
  readonly text: string;
  /**
   * What HELLO carries: the key, and a signature that is good for one connection.
   * @param exporterValue 32 bytes, see `exporterValues`
   */
  prove(exporterValue: Uint8Array): DeviceProof;
}

/** Where the key is kept unless the settings say otherwise. */
export function defaultDeviceKeyFile(): string {
  return join(configFolder(), 'device_key');
}

/**
 * The device's key; made on first use, in a file (PEM) that only its owner can read.
 * @throws {LinkSetupError} DEVICE_KEY_UNUSABLE
 */
export function loadDeviceKey(file: string = defaultDeviceKeyFile()): DeviceKey {
  try {
    const found = readPrivateFile(file);
    if (found !== undefined) return deviceKeyOf(createPrivateKey(found));
    const { privateKey } = generateKeyPairSync('ed25519');
    if (createPrivateFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())) {
      return deviceKeyOf(privateKey);
    }
    // Another process made one at the same time, and has perhaps taken a name with it already.
    return deviceKeyOf(createPrivateKey(readPrivateFile(file) ?? ''));
  } catch (cause) {
    throw new LinkSetupError('DEVICE_KEY_UNUSABLE', `Cannot use the device key "${file}": ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** A key that is kept nowhere: for tests, and for who wants to be somebody else each time. */
export function ephemeralDeviceKey(): DeviceKey {
  return deviceKeyOf(generateKeyPairSync('ed25519').privateKey);
}

/** A public key as text: base64url without padding, 43 characters. */
export function deviceKeyText(publicKey: Uint8Array): string {
  return Buffer.from(publicKey).toString('base64url');
}

/** Whether who sent the proof holds the key, on the connection that has this exporter value. Never throws. */
export function isDeviceProofRight(proof: DeviceProof, exporterValue: Uint8Array): boolean {
  if (proof.key.length !== DEVICE_KEY_BYTES || proof.signature.length !== DEVICE_SIGNATURE_BYTES) return false;
  try {
    const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: deviceKeyText(proof.key) } });
    return verify(null, signedBytes(exporterValue), key, proof.signature);
  } catch {
    // 32 bytes that are no point of the curve.
    return false;
  }
}

function deviceKeyOf(privateKey: KeyObject): DeviceKey {
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new Error(`it holds a key of type ${privateKey.asymmetricKeyType}, not ed25519`);
  }
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicKey = new Uint8Array(Buffer.from(x!, 'base64url'));
  return {
    publicKey,
    text: deviceKeyText(publicKey),
    prove: (exporterValue) => ({ key: publicKey, signature: sign(null, signedBytes(exporterValue), privateKey) }),
  };
}

function signedBytes(exporterValue: Uint8Array): Buffer {
  if (exporterValue.length !== EXPORTER_BYTES) {
    throw new RangeError(`An exporter value of ${exporterValue.length} bytes is not ${EXPORTER_BYTES}`);
  }
  return Buffer.concat([PROOF_CONTEXT, exporterValue]);
}
