import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConnectOptions } from '@confab/client';
import { temporaryDirectory } from '@confab/testing';
import { FakeIo } from '@confab/testing/fake-io';
import { FakeSession } from '@confab/testing/fake-session';
import { type ChatOptions, runChat } from './commands/chat.ts';
import { runClient } from './commands/client.ts';

const file = `[client]
url = "ucrp://192.0.2.7:7000/den?udp=7100"
user = "Ann"
connect_timeout_ms = 11
send_timeout_ms = 12
base_delay_ms = 13
max_retries = 14
events_max = 15
`;

interface Asked extends ConnectOptions {
  readonly url: string;
}

async function chat(url: string | undefined, options: ChatOptions, env: Record<string, string> = {}): Promise<Asked> {
  let asked: Asked | undefined;
  await runChat(new FakeIo({ input: '', env }), url, options, async (where, connectOptions) => {
    asked = { url: where, ...connectOptions };
    return new FakeSession();
  });
  return asked!;
}

test('chat takes url, user, time-outs and retries from the configuration', async (context) => {
  const config = join(temporaryDirectory(context).path, 'confab.toml');
  writeFileSync(config, file);
  const asked = await chat(undefined, { config });
  assert.equal(asked.url, 'ucrp://192.0.2.7:7000/den?udp=7100');
  assert.equal(asked.user, 'Ann');
  const { connectTimeoutMs, sendTimeoutMs, baseDelayMs, maxRetries, eventsMax } = asked;
  assert.deepEqual([connectTimeoutMs, sendTimeoutMs, baseDelayMs, maxRetries, eventsMax], [11, 12, 13, 14, 15]);
});

test('a variable wins over the file, and what is said on the command line over both', async (context) => {
  const config = join(temporaryDirectory(context).path, 'confab.toml');
  writeFileSync(config, file);
  const env = { CONFAB_CLIENT_USER: 'Bob', CONFAB_CLIENT_URL: 'ucrp://h/r', CONFAB_CLIENT_SEND_TIMEOUT_MS: '99' };
  const fromVariables = await chat(undefined, { config }, env);
  assert.deepEqual([fromVariables.url, fromVariables.user, fromVariables.sendTimeoutMs], ['ucrp://h/r', 'Bob', 99]);
  const fromFlags = await chat('ucrp://other/room', { config, user: 'Eve' }, env);
  assert.deepEqual([fromFlags.url, fromFlags.user], ['ucrp://other/room', 'Eve']);
});

test('the menu offers the configured server and name as the answers to take', async () => {
  const io = new FakeIo({
    input: '\n\n\n2\nlobby\n\n',
    env: { CONFAB_CLIENT_URL: 'ucrp://[::1]:7000/den?udp=7100', CONFAB_CLIENT_USER: 'Ann' },
  });
  const asked: Asked[] = [];
  await runClient(io, {}, async (url, options) => {
    asked.push({ url, ...options });
    return new FakeSession();
  });
  assert.match(io.stdout.text, /Server address \[::1\]:\nTCP port \[7000\]:\nUDP port \[7100\]:\n/);
  assert.match(io.stdout.text, /User name \[Ann\]:/);
  assert.deepEqual([asked[0]?.url, asked[0]?.user], ['ucrp://[::1]:7000/lobby?udp=7100', 'Ann']);
  assert.equal(asked[0]?.maxRetries, 5);
});

test('the menu asks for the port beside another one than that of the configured pair', async () => {
  const io = new FakeIo({ input: '\n8000\n', env: { CONFAB_CLIENT_URL: 'ucrp://h:7000/den?udp=7100' } });
  await runClient(io, {}, async () => new FakeSession());
  assert.match(io.stdout.text, /UDP port \[8001\]:/);
});
