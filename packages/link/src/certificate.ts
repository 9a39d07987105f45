import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinkSetupError, messageOf } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';
import { selfSignedCertificate } from './self-signed.ts';

/** The file in the data folder that holds the server's own key and certificate, both PEM. */
export const IDENTITY_FILE = 'link-identity.pem';

const SERIAL_BYTES = 16;

/** Who a server is. */
export interface LinkCertificate {
  /** PEM, the server's own certificate first. */
  readonly certificate: string;
  /** PEM; secret. */
  readonly key: string;
  /** SHA-256 of the key's SubjectPublicKeyInfo, base64url: what clients pin. */
  readonly fingerprint: string;
  /** Made just now, so that no client knows it yet. */
  readonly isNew: boolean;
}

export interface CertificateOptions {
  /** Folder in which the server's own key is kept. */
  readonly folder: string;
  /** The operator's certificate and key, PEM files; both or neither. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/**
 * The operator's certificate if there is one; otherwise the server's own, which is made on the first call and the same ever
 * after: P-256, signed by itself, in a file that only its owner can read.
 * @throws {LinkSetupError} CERTIFICATE_UNUSABLE; the message says which file and what is wrong with it
 */
export function loadCertificate(options: CertificateOptions): LinkCertificate {
  const { folder, certificateFile, keyFile } = options;
  if (certificateFile !== undefined || keyFile !== undefined) return loadGiven(certificateFile, keyFile);
  const file = join(folder, IDENTITY_FILE);
  return explained(`"${file}"`, () => {
    const found = readPrivateFile(file);
    if (found !== undefined) return { ...split(found), isNew: false };
    const made = makeIdentity();
    if (createPrivateFile(file, made)) return { ...split(made), isNew: true };
    // Another process was first: its key is the one that clients will see.
    return { ...split(readPrivateFile(file) ?? ''), isNew: false };
  });
}

function loadGiven(certificateFile: string | undefined, keyFile: string | undefined): LinkCertificate {
  if (certificateFile === undefined || keyFile === undefined) {
    const missing = certificateFile === undefined ? 'link.certificate' : 'link.key';
    throw new LinkSetupError('CERTIFICATE_UNUSABLE', `Cannot use half a certificate: ${missing} is not set`);
  }
  return explained(`"${certificateFile}" with key "${keyFile}"`, () => ({
    ...checked(readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')),
    isNew: false,
  }));
}

function split(identity: string) {
  const keyEnd = identity.indexOf('-----BEGIN CERTIFICATE-----');
  if (keyEnd < 0) throw new Error('it holds no certificate');
  return checked(identity.slice(keyEnd), identity.slice(0, keyEnd));
}

/** Certificate and key, if they belong together. */
function checked(certificate: string, key: string): Omit<LinkCertificate, 'isNew'> {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new Error('the key is that of another certificate');
  return { certificate, key, fingerprint: fingerprintOf(parsed.publicKey) };
}

function makeIdentity(): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = randomBytes(SERIAL_BYTES);
  // Positive, and without a leading zero.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  // Who it is says the key alone.
  const certificate = selfSignedCertificate({ privateKey, publicKey, serial, name: 'Confab' });
  return `${privateKey.export({ type: 'pkcs8', format: 'pem' })}${certificate}\n`;
}

function explained<Result>(what: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new LinkSetupError('CERTIFICATE_UNUSABLE', `Cannot use the certificate ${what}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
