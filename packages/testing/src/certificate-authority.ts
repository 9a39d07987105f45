import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** Certificates of an authority that nobody knows, for tests of who is trusted by name: X.509 v3, P-256 (RFC 5280). */
export interface TestAuthority {
  /** Its own certificate, PEM: what clients are to trust. */
  readonly certificate: string;
  /** A certificate and its key, PEM, for host names and IPv4 addresses. */
  issue(...names: readonly string[]): { readonly certificate: string; readonly key: string };
}

export function testAuthority(name = 'Test authority'): TestAuthority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension('551d13', der(0x30, der(0x01, Buffer.from([0xff]))), true);
  const keyUsage = extension('551d0f', der(0x03, Buffer.from([0x01, 0x06])), true);
  const certificate = certificateOf({
    issuer: name,
    subject: name,
    publicKey: authority.publicKey,
    extensions: [isAuthority, keyUsage],
    signer: authority.privateKey,
  });
  return {
    certificate,
    issue(...names) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const alternatives = names.map((each) =>
        isIPv4(each) ? der(0x87, Buffer.from(each.split('.').map(Number))) : der(0x82, Buffer.from(each)),
      );
      const extensions = [extension('551d11', der(0x30, ...alternatives), false)];
      const subject = 'A server';
      return {
        certificate: certificateOf({ issuer: name, subject, publicKey, extensions, signer: authority.privateKey }),
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

interface CertificateParts {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly signer: KeyObject;
}

function certificateOf({ issuer, subject, publicKey, extensions, signer }: CertificateParts): string {
  const algorithm = der(0x30, oid('2a8648ce3d040302')); // ecdsa-with-SHA256
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([0x41]), randomBytes(8)])),
    algorithm,
    nameOf(issuer),
    der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x18, Buffer.from('99991231235959Z'))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', signed, signer)]));
  const base64 = der(0x30, signed, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g)!.join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.from([0xff]))] : [];
  return der(0x30, oid(id), ...critical, der(0x04, value));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** A DER element: tag, length, contents (X.690 §8.1). */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
