import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemSecrets } from './secrets.ts';

describe('Password hashes', () => {
  it('verify the password they were made from and no other', async () => {
    const hash = await systemSecrets.hashPassword('påsswörd 🎉');
    assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.equal(await systemSecrets.verifyPassword('påsswörd 🎉', hash), true);
    assert.equal(await systemSecrets.verifyPassword('passwörd 🎉', hash), false);
    assert.equal(await systemSecrets.verifyPassword('', hash), false);
  });

  it('differ for the same password, since each has its own salt', async () => {
    const [first, second] = await Promise.all([systemSecrets.hashPassword('x'), systemSecrets.hashPassword('x')]);
    assert.notEqual(first, second);
  });

  it('agree with the test vector of the reference implementation for these parameters', async () => {
    // echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32
    const known = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    assert.equal(await systemSecrets.verifyPassword('password', known), true);
    assert.equal(await systemSecrets.verifyPassword('Password', known), false);
  });

  it('open nothing when they are damaged or ask for absurd resources', async () => {
    assert.equal(await systemSecrets.verifyPassword('x', ''), false);
    assert.equal(await systemSecrets.verifyPassword('x', '$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$CTFh'), false);
    assert.equal(await systemSecrets.verifyPassword('x', '$argon2id$v=19$m=65536,t=9999,p=1$c29tZXNhbHQ$CTFh'), false);
  });
});

describe('Token digests', () => {
  it('are SHA-256', () => {
    // FIPS 180-2, "abc"
    const expected = Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex');
    assert.equal(systemSecrets.digest('abc'), expected.toString('base64url'));
  });
});
