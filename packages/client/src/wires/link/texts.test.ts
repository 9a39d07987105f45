import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkStatus } from '../../session.ts';
import { linkText } from './texts.ts';

test('people are told which way the link goes, and why', () => {
  const textOf = (path: LinkStatus['path'], reason: LinkStatus['reason']): string =>
    linkText({ path, reason } as LinkStatus);
  assert.equal(textOf('udp', 'proved'), 'The link goes over UDP (UDP works both ways)');
  assert.equal(textOf('tcp', 'nothing-received'), 'The link goes over TCP (nothing came by UDP)');
  assert.equal(textOf('tcp', undefined), 'The link goes over TCP');
});
