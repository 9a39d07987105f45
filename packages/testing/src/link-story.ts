import { WorldServer } from './link-world.ts';
import { WorldClient } from './link-world-client.ts';
import { type Prng, prng } from './prng.ts';
import { SimNetwork } from './sim-network.ts';

/** How long faults go on, and within what time after they end everything must have arrived, virtual ms. */
const STORY_MS = 12_000;
export const HEALED_WITHIN_MS = 20_000;
const CLIENTS_MAX = 4;
/** What every path carries (docs/wires/link.md "MTU"), and what none exceeds; bytes of UDP payload. */
const DATAGRAM_BYTES_MIN = 1_200;
const DATAGRAM_BYTES_MAX = 65_507;
/** Bytes per ms of a slow line: 160 kbit/s to 2.4 Mbit/s. */
const LINE_BYTES_MIN = 20;
const LINE_BYTES_MAX = 300;
const LINE_SEED = 0x11e5;
const ROOMS = ['lobby', 'garden', 'attic'];

/** What may go wrong in one story: each kind only in some of them, so that every mixture comes up. */
interface Swarm {
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly corrupt: number;
  readonly jitterMs: number;
  readonly stall: number;
  readonly hasClogs: boolean;
  readonly hasDatagramBlocks: boolean;
  readonly hasStreamBlocks: boolean;
  /** Datagrams that are larger than ever before vanish for a while: a route with a smaller MTU. */
  readonly hasBlackHoles: boolean;
  readonly hasAddressChanges: boolean;
  readonly hasResets: boolean;
  readonly hasRestarts: boolean;
  readonly hasAbsences: boolean;
  readonly hasLeaves: boolean;
  readonly hasLongPosts: boolean;
}

function drawSwarm(random: Prng): Swarm {
  const some = (most: number): number => (random.chance(0.5) ? random.next() * most : 0);
  return {
    loss: some(0.4),
    duplicate: some(0.3),
    reorder: some(0.3),
    corrupt: some(0.1),
    jitterMs: some(60),
    stall: some(0.2),
    hasClogs: random.chance(0.3),
    hasDatagramBlocks: random.chance(0.4),
    hasStreamBlocks: random.chance(0.3),
    hasBlackHoles: random.chance(0.2),
    hasAddressChanges: random.chance(0.3),
    hasResets: random.chance(0.3),
    hasRestarts: random.chance(0.3),
    hasAbsences: random.chance(0.3),
    hasLeaves: random.chance(0.3),
    hasLongPosts: random.chance(0.2),
  };
}

/**
 * One run of clients, rooms and a bad network, from a seed: posts, leaves, returns and faults for some seconds, then
 * everything is healed and must arrive. The clients judge each event as it comes.
 * @throws {Error} what a member saw is no prefix of the log, an accepted post is not in it once, or something did not
 *   arrive in time
 */
export function runLinkStory(seed: number): void {
  const network = new SimNetwork({ seed });
  const random = prng(seed).fork();
  const swarm = drawSwarm(random);
  // Drawn apart, so that it moves nothing else in a story.
  const lineRandom = prng(seed ^ LINE_SEED);
  const line = lineRandom.chance(0.3) ? lineRandom.int(LINE_BYTES_MIN, LINE_BYTES_MAX) : undefined;
  const server = new WorldServer();
  const clients: WorldClient[] = [];
  for (let index = 0; index < random.int(2, CLIENTS_MAX); index += 1) {
    const client = new WorldClient(`client-${index}`, network, server);
    harm(client, swarm, random);
    if (line !== undefined) slow(client, line);
    for (const room of ROOMS) if (random.chance(0.6)) client.join(room);
    client.join(ROOMS[0]!);
    client.connect();
    clients.push(client);
  }
  const endMs = network.nowMs + STORY_MS;
  for (const client of clients) planPosts(network, client, random.fork(), swarm, endMs);
  planTroubles(network, server, clients, random.fork(), swarm, endMs);
  network.runUntil(endMs);
  for (const client of clients) heal(client);
  network.runUntil(endMs + HEALED_WITHIN_MS, () => clients.every((client) => client.isContent()));
  judge(server, clients);
}

function harm(client: WorldClient, swarm: Swarm, random: Prng): void {
  const { loss, duplicate, reorder, corrupt, jitterMs, stall } = swarm;
  for (const lane of [client.wire.up, client.wire.down])
    Object.assign(lane.faults, { loss, duplicate, reorder, corrupt, jitterMs, delayMs: random.int(1, 80) });
  for (const faults of [client.wire.streamUp, client.wire.streamDown])
    Object.assign(faults, { stall, stallMs: random.int(100, 2_000), delayMs: random.int(1, 80) });
}

/** A line of so many bytes per ms each way, for all that the client sends and gets. */
function slow({ wire }: WorldClient, bytesPerMs: number): void {
  wire.isOneLine = true;
  for (const lane of [wire.up, wire.down]) lane.faults.bytesPerMs = bytesPerMs;
}

function heal(client: WorldClient): void {
  const { wire } = client;
  for (const lane of [wire.up, wire.down])
    Object.assign(lane.faults, {
      loss: 0,
      duplicate: 0,
      reorder: 0,
      corrupt: 0,
      isBlocked: false,
      mtuBytes: DATAGRAM_BYTES_MAX,
      bytesPerMs: Number.POSITIVE_INFINITY,
    });
  for (const faults of [wire.streamUp, wire.streamDown]) faults.stall = 0;
  wire.blockStream('up', false);
  wire.blockStream('down', false);
  if (client.isAway) client.comeBack();
  client.connect();
}

function planPosts(network: SimNetwork, client: WorldClient, random: Prng, swarm: Swarm, endMs: number): void {
  let count = 0;
  const post = (): void => {
    if (network.nowMs >= endMs) return;
    const burst = random.chance(0.1) ? random.int(2, 12) : 1;
    for (let index = 0; index < burst; index += 1) {
      count += 1;
      const text = swarm.hasLongPosts && random.chance(0.1) ? 'x'.repeat(random.int(500, 20_000)) : 'hello';
      client.post(random.pick(ROOMS), `${text} ${count}`);
    }
    network.after(random.int(20, 1_200), post);
  };
  network.after(random.int(0, 1_000), post);
}

function planTroubles(
  network: SimNetwork,
  server: WorldServer,
  clients: readonly WorldClient[],
  random: Prng,
  swarm: Swarm,
  endMs: number,
): void {
  const lasting = (start: () => void, end: () => void): void => {
    start();
    network.after(random.int(50, 4_000), end);
  };
  const troubles: (() => void)[] = [];
  const any = (): WorldClient => random.pick(clients);
  const lane = () => random.pick(['up', 'down'] as const);
  if (swarm.hasClogs)
    troubles.push(() => {
      any().wire[lane()].faults.cloggedUntilMs = network.nowMs + random.int(100, 1_500);
    });
  if (swarm.hasDatagramBlocks)
    troubles.push(() => {
      const { faults } = any().wire[lane()];
      lasting(
        () => {
          faults.isBlocked = true;
        },
        () => {
          faults.isBlocked = false;
        },
      );
    });
  if (swarm.hasBlackHoles)
    troubles.push(() => {
      const { faults } = any().wire[lane()];
      lasting(
        () => {
          faults.mtuBytes = DATAGRAM_BYTES_MIN;
        },
        () => {
          faults.mtuBytes = DATAGRAM_BYTES_MAX;
        },
      );
    });
  if (swarm.hasStreamBlocks)
    troubles.push(() => {
      const { wire } = any();
      const direction = lane();
      lasting(
        () => wire.blockStream(direction, true),
        () => wire.blockStream(direction, false),
      );
    });
  if (swarm.hasAddressChanges) troubles.push(() => any().wire.changeAddress());
  if (swarm.hasResets) troubles.push(() => any().breakConnection());
  if (swarm.hasRestarts)
    troubles.push(() => {
      if (random.chance(0.5)) return;
      server.restart();
      for (const client of clients) client.breakConnection();
    });
  if (swarm.hasAbsences)
    troubles.push(() => {
      const client = any();
      if (client.isAway) return;
      lasting(
        () => client.goAway(),
        () => {
          if (client.isAway) client.comeBack();
        },
      );
    });
  if (swarm.hasLeaves)
    troubles.push(() => {
      const client = any();
      const room = random.pick(ROOMS.slice(1));
      client.leave(room);
      network.after(random.int(1, 2_000), () => client.join(room));
    });
  if (troubles.length === 0) return;
  const strike = (): void => {
    if (network.nowMs >= endMs - 4_000) return;
    random.pick(troubles)();
    network.after(random.int(20, 2_500), strike);
  };
  network.after(random.int(100, 2_000), strike);
}

function judge(server: WorldServer, clients: readonly WorldClient[]): void {
  for (const client of clients) {
    for (const { room, number } of client.accepted) {
      const times = server.log(room).filter((entry) => entry.client === client.name && entry.outbox === number).length;
      if (times !== 1) throw new Error(`Post ${number} of ${client.name} is ${times} times in the log of ${room}`);
    }
    if (client.isContent()) continue;
    const open = [...client.rooms].map(
      ([room, { isIn }]) =>
        `${room} ${isIn ? 'joined' : 'not joined'}, next ${client.cursors.get(room) ?? 1} of ${server.log(room).length}, ${client.outbox.get(room)?.length ?? 0} not accepted`,
    );
    throw new Error(
      `${client.name} has not got everything ${HEALED_WITHIN_MS} ms after the healing (${client.end?.session.readout.path}): ${open.join('; ')}`,
    );
  }
}
