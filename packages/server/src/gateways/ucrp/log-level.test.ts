import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@confab/config';
import { defaultLimits, Hub } from '@confab/core';
import { entry, fakeSecrets, ScriptedStore, SimClock } from '@confab/testing';
import { eventually } from '@confab/testing/raw/wait';
import { wireSettings } from '@confab/testing/wire-settings';
import { encodeUcrpProfile } from '@confab/wire/ucrp';
import { createLogger } from '../../log/logger.ts';
import { Stats } from '../../stats.ts';
import { Tap } from '../../tap.ts';
import { UcrpGateway } from './gateway.ts';

/** Nobody may send to it unasked, so the system refuses. */
const REFUSED_ADDRESS = '255.255.255.255';

test('a change of the log level while it runs decides whether a datagram that could not be sent is logged', async (context) => {
  const store = new ScriptedStore();
  const schedule = (task: () => void): void => void setImmediate(task);
  const hub = await Hub.open({
    store,
    clock: new SimClock(),
    secrets: fakeSecrets(1),
    schedule,
    limits: defaultLimits,
  });
  const address = { address: REFUSED_ADDRESS, port: 9, localPort: 9091 };
  const profile = encodeUcrpProfile({ dialect: 'string', notices: false, echo: false, layout: 'compact', address });
  const { member: ann } = await hub.join(entry('lobby', 'Ann'), { makeOpen: true });
  await hub.join({ ...entry('lobby', 'Bob'), token: { prefix: '', bytes: 16 }, profile });

  const flags = Object.entries(wireSettings('hybrid')).map(([path, value]) => ({
    path,
    value: String(value),
    flag: path,
  }));
  const { config } = loadConfig({ flags });
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) });
  const stats = new Stats();
  const gateway = new UcrpGateway({ hub, config, address: '127.0.0.1', log, stats, tap: new Tap() });
  await gateway.open();
  context.after(async () => {
    await gateway.close();
    await hub.close();
  });
  const say = async (text: string): Promise<void> => {
    const before = stats.wire('ucrp').sent;
    hub.post(ann, { body: Buffer.from(text) });
    await eventually(() => stats.wire('ucrp').sent > before, 'the line to be sent');
  };
  const logged = () => lines.filter((line) => line.includes('ucrp: datagram not sent')).length;

  await say('one');
  log.level = 'debug';
  await say('two');
  await eventually(() => logged() === 1, 'the line of level debug');
  log.level = 'info';
  await say('three');
  log.level = 'debug';
  await say('four');
  await eventually(() => logged() >= 2, 'the second line of level debug');
  assert.equal(logged(), 2, 'of the lines said at level debug alone');
});
