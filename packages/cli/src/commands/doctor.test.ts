import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Check } from '@confab/client';
import { FakeIo } from '@confab/testing/fake-io';
import { startTestServer } from '@confab/testing/test-server';
import { ExitCode } from '../exit-codes.ts';
import { run } from '../program.ts';
import { type DoctorOptions, runDoctor } from './doctor.ts';

async function doctor(checks: readonly Check[], options: DoctorOptions = {}) {
  const io = new FakeIo({ input: '' });
  const code = await runDoctor(io, 'confab://h', options, async function* () {
    yield* checks;
  });
  return { code, text: io.stdout.text };
}

const ok: Check = { name: 'tcp', status: 'ok', text: 'TCP port 9443 answers' };

test('doctor shows each check and what to do, and says by its exit code how things are', async () => {
  const well = await doctor([ok]);
  assert.deepEqual(well, { code: ExitCode.OK, text: 'ok    tcp         TCP port 9443 answers\n\nAll is well.\n' });
  const warned = await doctor([ok, { name: 'udp-up', status: 'warn', text: 'no \u001b[2Jway', advice: 'Open UDP' }]);
  assert.equal(warned.code, ExitCode.IMPAIRED);
  assert.match(warned.text, /^WARN {2}udp-up {6}no way\n {18}Open UDP\n\nChat works, but/m);
  assert.equal((await doctor([{ ...ok, status: 'fail' }])).code, ExitCode.FAILED);
});

test('doctor --json prints one object', async () => {
  const { text } = await doctor([ok], { json: true });
  assert.deepEqual(JSON.parse(text), { url: 'confab://h', result: 'well', checks: [ok] });
});

test('doctor takes URLs of confab:// only', async () => {
  const io = new FakeIo({ input: '' });
  assert.equal(await run(['doctor', 'ucrp://127.0.0.1/lobby'], io), ExitCode.USAGE);
  assert.match(io.stderr.text, /not a URL such as confab:\/\//);
});

test('doctor finds a real server well', async (context) => {
  const server = await startTestServer(context, { wires: ['link'] });
  const { fingerprint } = server.running.endpoints.find(({ scheme }) => scheme === 'confab')!;
  const io = new FakeIo({ input: '' });
  const url = `confab://127.0.0.1:${server.ports.port('confab', 'tcp')}/?pin=${fingerprint}`;
  assert.equal(await run(['doctor', url], io), ExitCode.OK, io.stdout.text);
  assert.match(io.stdout.text, /^ok {4}tls .*as expected$/m);
  assert.match(io.stdout.text, /^ok {4}mtu .*Datagrams of 1472 bytes pass$/m);
});
