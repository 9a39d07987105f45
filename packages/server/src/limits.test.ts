import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loadConfig } from '@confab/config';
import { defaultLimits } from '@confab/core';
import { toLimits } from './limits.ts';

it('The configured default of every limit is the default of the core', () => {
  assert.deepEqual(toLimits(loadConfig({}).config.limits), defaultLimits);
});
