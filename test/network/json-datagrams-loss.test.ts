import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ClientError, connect, type Session, type SessionEvent } from '@confab/client';
import { CleanUps, LossyRelay } from '@confab/testing';
import { eventually } from '@confab/testing/raw/wait';
import { startTestServer, type TestServer } from '@confab/testing/test-server';

/** Short, so that many repetitions fit into a test; the same on both sides. */
const BASE_DELAY_MS = 15;
const MAX_RETRIES = 4;
const LINES = 6;
const USERS = ['Ann', 'Bob', 'Cid'];
const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

/** Everything that one session is shown. */
class Listener {
  readonly user: string;
  readonly session: Session;
  readonly heard: SessionEvent[] = [];

  constructor(user: string, session: Session) {
    this.user = user;
    this.session = session;
    void this.#listen();
  }

  get lines(): string[] {
    return this.heard.flatMap((event) => (event.type === 'message' ? [event.text] : []));
  }

  async #listen(): Promise<void> {
    for await (const event of this.session.events()) this.heard.push(event);
  }
}

describe('JSON datagrams over a bad network', { concurrency: 4 }, () => {
  let server: TestServer;
  const cleanUps = new CleanUps();
  before(async () => {
    server = await startTestServer(cleanUps, {
      wires: ['json_datagrams'],
      settings: { 'json_datagrams.base_delay_ms': BASE_DELAY_MS, 'json_datagrams.max_retries': MAX_RETRIES },
    });
  });
  after(() => cleanUps.run());

  for (const seed of SEEDS) {
    // 0 to 40 %, and more of everything as the seeds go up.
    const loss = ((seed - 1) / (SEEDS.length - 1)) * 0.4;
    const faults = { seed, loss, duplicate: loss / 2, reorder: 0.1 + loss / 2 };
    test(`loss ${Math.round(loss * 100)} %, seed ${seed}: all is delivered or said to be uncertain, nothing twice`, async (context) => {
      const target = { address: '127.0.0.1', port: server.ports.port('jsonu', 'udp') };
      const relay = await LossyRelay.open(target, faults);
      const listeners: Listener[] = [];
      context.after(async () => {
        await Promise.all(listeners.map(({ session }) => session.leave()));
        relay.close();
      });
      const room = `room ${seed}`;
      const join = async (user: string): Promise<Listener> => {
        const url = `jsonu://127.0.0.1:${relay.port}/${encodeURIComponent(room)}`;
        const options = { user, baseDelayMs: BASE_DELAY_MS, maxRetries: MAX_RETRIES + 4 };
        const listener = new Listener(user, await connect(url, options));
        listeners.push(listener);
        return listener;
      };
      await Promise.all(USERS.map(join));
      const accepted: string[] = [];
      const uncertain: string[] = [];
      await Promise.all(
        listeners.map(async ({ user, session }) => {
          for (let line = 0; line < LINES; line += 1) {
            const text = `${user} ${line}`;
            try {
              await session.send(text);
              accepted.push(text);
            } catch (error) {
              assert.ok(error instanceof ClientError && error.code === 'SEND_UNCERTAIN', String(error));
              assert.equal(error.message, 'Message delivery uncertain (no ACK)');
              uncertain.push(text);
            }
          }
        }),
      );
      // One who comes late is told what was said before, over the same network.
      await join('Late');
      // Whom the server gave up for silent it goes on with as soon as it hears them.
      relay.heal();
      for (const { user, session } of listeners) {
        await session.send(`${user} says goodbye`);
        accepted.push(`${user} says goodbye`);
      }
      for (const listener of listeners) {
        await eventually(
          () => accepted.every((text) => listener.lines.includes(text)),
          `${listener.user} has heard everything`,
        );
        const { user, lines } = listener;
        assert.equal(new Set(lines).size, lines.length, `${user} was shown something twice`);
        assert.deepEqual(
          lines.filter((text) => !accepted.includes(text) && !uncertain.includes(text)),
          [],
        );
      }
      // What one person said was numbered in the order of saying it.
      for (const { heard } of listeners) {
        const numbered = heard.flatMap((event) =>
          event.type === 'message' ? [[event.seq!, event.text] as const] : [],
        );
        const inOrder = numbered.toSorted(([left], [right]) => left - right).map(([, text]) => text);
        for (const user of USERS) {
          const own = inOrder.flatMap((text) =>
            /^(\w+) (\d+)$/.exec(text)?.[1] === user ? [Number(text.split(' ')[1])] : [],
          );
          assert.deepEqual(
            own,
            own.toSorted((left, right) => left - right),
          );
        }
      }
      if (loss > 0.05) assert.ok(relay.counts.lost > 0 && relay.counts.duplicated > 0 && relay.counts.overtaken > 0);
      context.diagnostic(`${JSON.stringify(relay.counts)}; ${accepted.length} accepted, ${uncertain.length} uncertain`);
    });
  }
});
