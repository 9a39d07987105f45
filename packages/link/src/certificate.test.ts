import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { IDENTITY_FILE, loadCertificate } from './certificate.ts';
import { fingerprintOf, isFingerprint } from './fingerprint.ts';

const unusable = (message: RegExp) => ({ name: 'LinkSetupError', code: 'CERTIFICATE_UNUSABLE', message });

describe('The certificate of a server', () => {
  it('is made at first start: P-256, signed by itself, for any time', (context) => {
    const folder = temporaryDirectory(context).path;
    const made = loadCertificate({ folder });
    const parsed = new X509Certificate(made.certificate);
    assert.equal(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(parsed.verify(parsed.publicKey), true);
    assert.equal(parsed.ca, false);
    assert.deepEqual([parsed.validFromDate.getUTCFullYear(), parsed.validToDate.getUTCFullYear()], [2020, 9999]);
    assert.match(parsed.serialNumber, /^[4-7][0-9A-F]{31}$/);
    assert.equal(made.fingerprint, fingerprintOf(parsed.publicKey));
    assert.ok(isFingerprint(made.fingerprint));
    assert.equal(made.isNew, true);
  });

  it('is well-formed for another reader of certificates, and its signature right', (context) => {
    const { path } = temporaryDirectory(context);
    const { certificate } = loadCertificate({ folder: path });
    const file = join(path, 'certificate.pem');
    writeFileSync(file, certificate);
    let text: string;
    try {
      text = execFileSync('openssl', ['verify', '-x509_strict', '-CAfile', file, file], { encoding: 'utf8' });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return context.skip('no openssl here');
      text = String((error as { stderr?: unknown }).stderr);
    }
    assert.match(text, /OK/);
  });

  it('is the same at every later start', (context) => {
    const folder = temporaryDirectory(context).path;
    const made = loadCertificate({ folder });
    assert.deepEqual(loadCertificate({ folder }), { ...made, isNew: false });
  });

  it('differs from server to server', (context) => {
    const [first, second] = [1, 2].map(() => loadCertificate({ folder: temporaryDirectory(context).path }));
    assert.notEqual(first?.fingerprint, second?.fingerprint);
  });

  it('lies in a file that only its owner can read, in a folder that is made if it is missing', (context) => {
    const folder = join(temporaryDirectory(context).path, 'deep', 'data');
    loadCertificate({ folder });
    assert.equal(statSync(join(folder, IDENTITY_FILE)).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(folder), [IDENTITY_FILE], 'nothing else is left behind');
  });

  it('is one for all processes that start at the same time', async (context) => {
    const folder = temporaryDirectory(context).path;
    const made = await Promise.all(
      Array.from({ length: 3 }, () => {
        const child = fork(new URL('./fixtures/load-certificate.ts', import.meta.url), [folder]);
        return new Promise<{ fingerprint: string; isNew: boolean }>((resolve, reject) => {
          child.once('message', (loaded) => resolve(loaded as { fingerprint: string; isNew: boolean }));
          child.once('exit', (code) => reject(new Error(`exit ${code}`)));
        });
      }),
    );
    assert.equal(new Set(made.map(({ fingerprint }) => fingerprint)).size, 1);
    assert.equal(made.filter(({ isNew }) => isNew).length, 1);
  });

  it('is refused when others could have read it', (context) => {
    const folder = temporaryDirectory(context).path;
    loadCertificate({ folder });
    chmodSync(join(folder, IDENTITY_FILE), 0o640);
    assert.throws(() => loadCertificate({ folder }), unusable(/others may read.*chmod 600/));
  });

  it('is never made anew over a file that is damaged, empty or too large', (context) => {
    const folder = temporaryDirectory(context).path;
    const file = join(folder, IDENTITY_FILE);
    const { certificate } = loadCertificate({ folder });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const otherKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const text of ['', 'junk', certificate, `${otherKey}${certificate}`, 'x'.repeat(65_537)]) {
      writeFileSync(file, text);
      assert.throws(() => loadCertificate({ folder }), unusable(/link-identity\.pem/), text.slice(0, 30));
      assert.equal(readFileSync(file, 'utf8'), text);
    }
  });

  it('that cannot be kept is not used', (context) => {
    const folder = join(temporaryDirectory(context).path, 'a file');
    writeFileSync(folder, '');
    assert.throws(() => loadCertificate({ folder }), unusable(/ENOTDIR|EEXIST/));
  });
});

describe("The operator's certificate", () => {
  it('is used instead, and nothing is made', (context) => {
    const { path } = temporaryDirectory(context);
    const { certificate, key, fingerprint } = loadCertificate({ folder: join(path, 'other') });
    const [certificateFile, keyFile] = [join(path, 'c.pem'), join(path, 'k.pem')];
    writeFileSync(certificateFile, certificate);
    writeFileSync(keyFile, key);
    const folder = join(path, 'data');
    mkdirSync(folder);
    const loaded = loadCertificate({ folder, certificateFile, keyFile });
    assert.deepEqual(loaded, { certificate, key, fingerprint, isNew: false });
    assert.equal(existsSync(join(folder, IDENTITY_FILE)), false);
  });

  it('is refused without its key, with that of another one, or when it is none', (context) => {
    const { path } = temporaryDirectory(context);
    const one = loadCertificate({ folder: join(path, 'one') });
    const two = loadCertificate({ folder: join(path, 'two') });
    const [certificateFile, keyFile] = [join(path, 'c.pem'), join(path, 'k.pem')];
    const load = () => loadCertificate({ folder: path, certificateFile, keyFile });
    assert.throws(load, unusable(/c\.pem.*ENOENT/));
    writeFileSync(certificateFile, one.certificate);
    writeFileSync(keyFile, two.key);
    assert.throws(load, unusable(/key is that of another certificate/));
    writeFileSync(certificateFile, 'junk');
    assert.throws(load, unusable(/c\.pem/));
    assert.throws(() => loadCertificate({ folder: path, keyFile }), unusable(/link\.certificate is not set/));
    assert.throws(() => loadCertificate({ folder: path, certificateFile }), unusable(/link\.key is not set/));
  });
});
