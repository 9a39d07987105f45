/**
 * A server that is killed again and again under twenty clients of link that post all the time. In the suite three times;
 * `CONFAB_LINK_KILL_SECONDS=120` has it killed every few seconds for two minutes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, ephemeralDeviceKey, knownServersInMemory, type Session } from '@confab/client';
import { afterwards, temporaryDirectory, type WithCleanUp } from '@confab/testing';
import { reservePorts } from '@confab/testing/reserve-ports';
import { ConfabProcess } from '@confab/testing/run-confab';
import { messagesOf, readLog } from '../support/log.ts';
import { within } from '../support/wait.ts';

const ROOM = 'survivors';
const CLIENTS = 20;
/** Messages of one client that are under way at the same time. */
const WINDOW = 4;
const LINES_EACH = 60;
/** How many messages have been accepted when the process is killed. */
const KILL_AT = [200, 500, 900];
/** In the long run: time between a start and the next kill, ms. */
const KILL_EVERY_MS = 3000;
const SETTLE_MS = 60_000;

const longMs = Number(process.env.CONFAB_LINK_KILL_SECONDS ?? 0) * 1000;

async function serve(context: WithCleanUp, data: string, port: number) {
  const settings = ['hybrid.enabled=false', 'link.enabled=true', `link.tcp_port=${port}`, 'link.udp_port=0'];
  const server = new ConfabProcess(context, ['serve', '--data', data, ...settings.flatMap((one) => ['--set', one])]);
  const [, found] = await server.sees(/Link +tcp +\S+:(\d+)/);
  await server.sees(/Ctrl\+C/);
  return { server, port: Number(found) };
}

/** A client, what it was told is accepted, and what it has seen. */
class Poster {
  readonly session: Session;
  readonly accepted: string[] = [];
  readonly seen: string[] = [];
  readonly missed: number[] = [];
  readonly #index: number;
  readonly #onAccepted: () => void;
  readonly #room = new Set<() => void>();
  #underWay = 0;
  posted = 0;

  constructor(session: Session, index: number, onAccepted: () => void) {
    this.session = session;
    this.#index = index;
    this.#onAccepted = onAccepted;
    void this.#read();
  }

  /** Fulfils when there is room in the window for the next one. */
  async post(): Promise<void> {
    while (this.#underWay >= WINDOW) await new Promise<void>((resolve) => this.#room.add(resolve));
    this.posted += 1;
    this.#underWay += 1;
    // What was not confirmed in time is in the outbox, and told by an event.
    this.session.send(`${this.#index}: ${this.posted}`).catch(() => {});
  }

  async #read(): Promise<void> {
    for await (const event of this.session.events()) {
      if (event.type === 'message') this.seen.push(event.text);
      else if (event.type === 'missed') this.missed.push(event.count);
      else if (event.type === 'outbox' && event.state === 'accepted') {
        this.accepted.push(event.text);
        this.#underWay -= 1;
        for (const proceed of this.#room) proceed();
        this.#room.clear();
        this.#onAccepted();
      }
    }
  }
}

test('a killed server loses and doubles nothing that it has accepted, for any of twenty clients', async (context) => {
  const { path: data } = temporaryDirectory(context);
  let { server, port } = await serve(context, data, (await reservePorts()).tcpPort);
  const posters: Poster[] = [];
  const killAt = longMs > 0 ? [] : [...KILL_AT];
  let acceptedCount = 0;
  let kills = 0;
  let restarts = Promise.resolve();
  const kill = (): void => {
    kills += 1;
    server.child.kill('SIGKILL');
    restarts = server.close().then(async () => {
      ({ server, port } = await serve(context, data, port));
    });
    restarts.catch(() => {});
  };
  const onAccepted = (): void => {
    acceptedCount += 1;
    if (acceptedCount < (killAt[0] ?? Number.POSITIVE_INFINITY)) return;
    killAt.shift();
    kill();
  };
  for (let index = 0; index < CLIENTS; index += 1) {
    const session = await connect(`confab://127.0.0.1:${port}/${ROOM}`, {
      user: `user ${index}`,
      eventsMax: 1_000_000,
      link: {
        deviceKey: ephemeralDeviceKey(),
        knownServers: knownServersInMemory(),
        outbox: 'memory',
        history: 0,
        path: (['auto', 'udp', 'tcp'] as const)[index % 3],
      },
    });
    afterwards(context, () => session.leave());
    posters.push(new Poster(session, index, onAccepted));
  }

  const endMs = performance.now() + longMs;
  const isDone = ({ posted }: Poster): boolean => (longMs > 0 ? performance.now() > endMs : posted === LINES_EACH);
  const posting = posters.map(async (poster) => {
    while (!isDone(poster)) await poster.post();
  });
  while (longMs > 0 && performance.now() < endMs) {
    await delay(KILL_EVERY_MS);
    kill();
    await restarts;
  }
  await within(Promise.all(posting), 'everything to be posted', SETTLE_MS + longMs);
  await restarts;
  const total = posters.reduce((sum, { posted }) => sum + posted, 0);
  const isSettled = (): boolean =>
    posters.every(({ posted, accepted, seen }) => accepted.length === posted && seen.length >= total);
  const giveUpMs = performance.now() + SETTLE_MS;
  while (!isSettled() && performance.now() < giveUpMs) await delay(50);

  const logged = messagesOf(readLog(data, ROOM));
  assert.ok(kills >= (longMs > 0 ? 2 : KILL_AT.length), `${kills} kills`);
  assert.equal(new Set(logged).size, logged.length, 'a message is in the log twice');
  assert.equal(logged.length, total);
  for (const [index, { posted, accepted, seen, missed }] of posters.entries()) {
    const own = Array.from({ length: posted }, (_, at) => `${index}: ${at + 1}`);
    assert.deepEqual(accepted.toSorted(), own.toSorted(), `what client ${index} was told is accepted`);
    assert.deepEqual(missed, [], `client ${index} missed nothing`);
    assert.deepEqual(seen, logged, `client ${index} has seen the log, each message once and in order`);
    const ownLogged = logged.filter((line) => line.startsWith(`${index}: `));
    assert.deepEqual(ownLogged, own, `client ${index}'s messages are in the order they were typed`);
  }
  context.diagnostic(`${kills} kills, ${total} messages of ${CLIENTS} clients`);
});
