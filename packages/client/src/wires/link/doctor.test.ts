import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startTestServer, type TestServer } from '@confab/testing/test-server';
import { type DiagnoseOptions, diagnose } from './doctor.ts';
import type { Check } from './doctor-checks.ts';
import { knownServersInMemory } from './index.ts';

const urlOf = (server: TestServer, query = '') => `confab://127.0.0.1:${server.ports.port('confab', 'tcp')}/${query}`;

async function checks(url: string, options: DiagnoseOptions = {}): Promise<Map<string, Check>> {
  const found = new Map<string, Check>();
  const link = { knownServers: knownServersInMemory(), deviceKey: 'none' as const };
  for await (const check of diagnose(url, { link, ...options })) found.set(check.name, check);
  return found;
}

const statuses = (found: Map<string, Check>) =>
  Object.fromEntries([...found].map(([name, { status }]) => [name, status]));

describe('The doctor of confab://', () => {
  it('finds nothing wrong where nothing is', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const found = await checks(urlOf(server));
    const names = ['name', 'tcp', 'tls', 'hello', 'clock', 'udp-up', 'udp-down', 'round-trip', 'loss', 'mtu'];
    assert.deepEqual(statuses(found), Object.fromEntries(names.map((name) => [name, 'ok'])));
    assert.equal(found.get('mtu')?.values?.bytes, 1472);
    assert.equal(found.get('round-trip')?.values?.answered, 20);
    assert.match(found.get('tls')!.text, /^TLSv1\.3, fingerprint \S{43}, not met before$/);
  });

  it('tells the ways of UDP apart', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const noUp = await checks(urlOf(server), { timeoutMs: 800, passes: (direction) => direction === 'down' });
    assert.partialDeepStrictEqual(statuses(noUp), { 'udp-up': 'warn', 'udp-down': 'skip' });
    assert.match(noUp.get('udp-up')!.advice!, /Open UDP port \d+ towards 127\.0\.0\.1: inbound at the server/);
    const noDown = await checks(urlOf(server), { timeoutMs: 800, passes: (direction) => direction === 'up' });
    assert.partialDeepStrictEqual(statuses(noDown), { 'udp-up': 'ok', 'udp-down': 'warn' });
    assert.match(noDown.get('udp-down')!.advice!, /outbound at the server and inbound where you are/);
  });

  it('stops at a key that is not the expected one, and takes no name', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const found = await checks(urlOf(server, `?pin=${'A'.repeat(43)}`));
    assert.deepEqual(statuses(found), { name: 'ok', tcp: 'ok', tls: 'fail' });
    assert.match(found.get('tls')!.text, /another key than expected/);
  });

  it('says what to do where guests are not let in, and where UDP is not offered', async (context) => {
    const closed = await startTestServer(context, { wires: ['link'], settings: { 'link.guests': false } });
    assert.match((await checks(urlOf(closed))).get('hello')!.advice!, /--user NAME/);
    const plain = await startTestServer(context, { wires: ['link'], settings: { 'link.udp': false } });
    assert.equal((await checks(urlOf(plain))).get('udp-up')?.status, 'skip');
  });

  it('says that nothing listens', async (context) => {
    const server = await startTestServer(context, { wires: ['link'] });
    const url = urlOf(server);
    await server.stop();
    const found = await checks(url);
    assert.deepEqual(statuses(found), { name: 'ok', tcp: 'fail' });
    assert.match(found.get('tcp')!.advice!, /confab serve/);
  });
});
