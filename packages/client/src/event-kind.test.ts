import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind as CoreEventKind } from '@confab/core';
import { EventKind } from './event-kind.ts';

test("the kinds that clients know have the core's numbers", () => {
  assert.deepEqual(EventKind, CoreEventKind);
});
