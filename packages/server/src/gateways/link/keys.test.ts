import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Fields } from '@confab/testing/raw/link-frames';
import { Control } from '@confab/testing/raw/link-room';
import { within } from '@confab/testing/raw/wait';
import { failedWith, open, serve } from './fixtures/link-rooms.ts';

describe('The device keys of a user name', () => {
  const deviceKey = () => generateKeyPairSync('ed25519').privateKey;
  const publicOf = (device: KeyObject) =>
    Buffer.from(createPublicKey(device).export({ format: 'jwk' }).x!, 'base64url');
  const keysIn = (body: Fields) =>
    Array.from({ length: body.varint() }, () => {
      const key = Buffer.from(body.take(32)).toString('hex');
      body.take(16);
      return { key, isOwn: body.byte() === 1 };
    });

  test('are added and taken away by a session that has proved one, and end the sessions of the one that goes', async (context) => {
    const server = await serve(context);
    const [phone, laptop] = [deviceKey(), deviceKey()];
    const ann = await open(context, server, { user: 'Ann', device: phone });
    await assert.rejects(open(context, server, { user: 'Ann', device: laptop }), { code: 7 });
    const hex = (device: KeyObject) => publicOf(device).toString('hex');
    const added = await ann.request(Control.ADD_KEY, publicOf(laptop));
    assert.equal(added.type, Control.KEY_LIST);
    const both = [
      { key: hex(phone), isOwn: true },
      { key: hex(laptop), isOwn: false },
    ];
    assert.deepEqual(keysIn(added.body), both);
    const too = await open(context, server, { user: 'Ann', device: laptop });
    const { body } = await too.request(Control.REMOVE_KEY, publicOf(phone));
    assert.deepEqual(keysIn(body), [{ key: hex(laptop), isOwn: true }]);
    await within(ann.link.ended, 'the end of the other session');
    assert.equal(ann.link.closed?.code, 7);
    await assert.rejects(open(context, server, { user: 'Ann', device: phone }), { code: 7 });
    await assert.rejects(too.request(Control.REMOVE_KEY, publicOf(laptop)), failedWith(18));
    assert.deepEqual(keysIn((await too.request(Control.KEYS)).body), [{ key: hex(laptop), isOwn: true }]);
  });

  test('are nothing to a guest, and bounded for everybody', async (context) => {
    const server = await serve(context, { 'limits.name_keys': 2 });
    const guest = await open(context, server, { user: 'Guest' });
    for (const type of [Control.ADD_KEY, Control.REMOVE_KEY]) {
      await assert.rejects(guest.request(type, randomBytes(32)), failedWith(6));
    }
    await assert.rejects(guest.request(Control.KEYS), failedWith(6));
    const ann = await open(context, server, { user: 'Ann', device: deviceKey() });
    await ann.request(Control.ADD_KEY, randomBytes(32));
    await assert.rejects(ann.request(Control.ADD_KEY, randomBytes(32)), failedWith(18));
  });

  test('that are not 32 bytes break the protocol', async (context) => {
    const server = await serve(context);
    for (const bytes of [31, 33]) {
      const ann = await open(context, server, { user: `Ann ${bytes}`, device: deviceKey() });
      void ann.request(Control.ADD_KEY, randomBytes(bytes)).catch(() => {});
      await within(ann.link.ended, 'the goodbye');
      assert.equal(ann.link.closed?.code, 1);
    }
  });
});
