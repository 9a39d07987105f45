import { setTimeout as sleep } from 'node:timers/promises';
import { nowUs, sleepUntil } from '../../support/clock.ts';
import { Histogram } from '../../support/histogram.ts';
import { type ProcessUsage, readBusySeconds, readProcess, readUdpDrops } from '../../support/proc.ts';
import type { Crowd } from './crowd.ts';
import type { ClosedLoopRequest, Observation, OpenLoopRequest, RunRequest } from './protocol.ts';
import { Tally } from './tally.ts';

/** Nothing has come for so long although something is missing: it is lost. ms */
const LOSS_MS = 2000;
/** Nothing has come for so long, and only other generators know whether something is missing. ms */
const SILENCE_MS = 500;
/** Longest wait for the last deliveries, ms. */
const DRAIN_MS = 10_000;

/** Time given to deliveries to gather, ms. */
const NAP_MS = 1;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Send at a fixed rate; each message has a time at which it is due. Before the measured time the rate is half of that: a
 * server whose code is still being compiled is not to begin with a queue.
 */
export async function runOpenLoop(crowd: Crowd, request: OpenLoopRequest): Promise<Observation> {
  const { messagesPerSecond, startUs, endUs } = request;
  const run = new Run(crowd, request);
  const intervalUs = 1e6 / messagesPerSecond;
  const lateness = new Histogram();
  crowd.listener = {
    onDelivery: (number, socket, sentUs) => void run.note(number, socket, sentUs),
    onPause: () => {
      sendDue();
      run.gather(sendDue);
    },
  };

  let due = startUs;
  const sendDue = (): void => {
    for (let now = nowUs(); due <= now && due < endUs; now = nowUs()) {
      if (due >= request.measureUs) lateness.record(now - due);
      run.sendNext(now);
      due += due < request.measureUs ? 2 * intervalUs : intervalUs;
    }
  };
  const timer = setInterval(sendDue, 1);
  await run.measured();
  clearInterval(timer);
  sendDue();
  return run.finish(lateness);
}

/** Keep a number of messages on their way. */
export async function runClosedLoop(crowd: Crowd, request: ClosedLoopRequest): Promise<Observation> {
  const { window, startUs, endUs } = request;
  const run = new Run(crowd, request);
  const sendOne = (): void => {
    const now = nowUs();
    if (now < endUs) run.sendNext(now);
  };
  crowd.listener = {
    onDelivery: (number, socket, sentUs) => {
      if (run.note(number, socket, sentUs)) sendOne();
    },
  };
  await sleepUntil(startUs);
  for (let index = 0; index < window; index += 1) sendOne();
  // A message of which a delivery was lost never completes: others take its place, or one loss would be the end.
  const watch = setInterval(() => {
    if (run.silentMs >= LOSS_MS) for (let index = 0; index < window; index += 1) sendOne();
  }, LOSS_MS);
  await run.measured();
  clearInterval(watch);
  return run.finish(new Histogram());
}

/** What both kinds of run share: counting, and reading the meters at the right times. */
class Run {
  readonly #crowd: Crowd;
  readonly #tally: Tally;
  readonly #startUs: number;
  readonly #measureUs: number;
  readonly #endUs: number;
  readonly #othersPerMessage: number;
  /** For each message of our own, the deliveries that are still to come. */
  #awaited = new Uint16Array(1 << 12);
  #open = 0;
  /** Messages sent within the measured time. */
  #sent = 0;
  /** The newest message of our own that has come to anybody. */
  #newest = -1;
  /** Messages of our own, oldest first, from `#oldest` on not gathered yet. */
  #sentNumbers: number[] = [];
  #oldest = 0;
  #gatheredUs = 0;
  #heardUs = nowUs();
  readonly #dropsBefore = readUdpDrops();
  #before: Meters | undefined;
  #after: Meters | undefined;

  constructor(crowd: Crowd, { startUs, measureUs, endUs }: RunRequest) {
    this.#crowd = crowd;
    this.#startUs = startUs;
    this.#measureUs = measureUs;
    this.#endUs = endUs;
    this.#tally = new Tally(crowd.socketsPerRoom, crowd.membersPerSocket, measureUs, endUs);
    this.#othersPerMessage = crowd.membersPerRoom - 1;
    crowd.strangers = 0;
    crowd.restartNumbers();
  }

  /** Time since the last delivery, ms. */
  get silentMs(): number {
    return (nowUs() - this.#heardUs) / 1000;
  }

  sendNext(timeUs: number): void {
    const number = this.#crowd.send(timeUs);
    this.#sentNumbers.push(number);
    if (timeUs >= this.#measureUs && timeUs < this.#endUs) this.#sent += 1;
    if (number >= this.#awaited.length) {
      const longer = new Uint16Array(2 * number);
      longer.set(this.#awaited);
      this.#awaited = longer;
    }
    this.#awaited[number] = this.#othersPerMessage;
    this.#open += 1;
  }

  /** A delivery has come. Returns whether it was the last one of a message of our own. */
  note(number: number, socket: number, sentUs: number): boolean {
    // A straggler of the run before; numbers have begun anew since.
    if (sentUs < this.#startUs) return false;
    const now = nowUs();
    this.#heardUs = now;
    if (!this.#tally.note(number, socket, sentUs, now)) return false;
    const awaited = this.#awaited[number] ?? 0;
    if (awaited === 0) return false;
    if (number > this.#newest) this.#newest = number;
    this.#awaited[number] = awaited - 1;
    if (awaited > 1) return false;
    this.#open -= 1;
    return true;
  }

  /**
   * Something has come, so more will follow: let it gather for a moment, then read it message by message. That takes a
   * fraction of the time of an event for each datagram, and no delivery looks faster for it: at worst NAP_MS slower.
   * @param meanwhile called again and again, for what must not wait until all is read
   */
  gather(meanwhile: () => void): void {
    if (nowUs() - this.#gatheredUs < 1000 * NAP_MS) return;
    Atomics.wait(nap, 0, 0, NAP_MS);
    meanwhile();
    for (; this.#oldest < this.#sentNumbers.length; this.#oldest += 1) {
      const number = this.#sentNumbers[this.#oldest]!;
      if (this.#awaited[number] === 0) continue;
      meanwhile();
      const isRead = this.#crowd.readDeliveries(number, (socket) => this.#tally.has(number, socket));
      // What is missing of a message before the newest one is left to the sockets' events.
      if (!isRead && number >= this.#newest) break;
    }
    this.#gatheredUs = nowUs();
  }

  /** Reads the meters when the measured time begins and when it ends; fulfils then. */
  async measured(): Promise<void> {
    await sleepUntil(this.#measureUs);
    this.#before = readMeters(this.#crowd.target.pid);
    await sleepUntil(this.#endUs);
    this.#after = readMeters(this.#crowd.target.pid);
  }

  async finish(lateness: Histogram): Promise<Observation> {
    const deadlineMs = performance.now() + DRAIN_MS;
    while (performance.now() < deadlineMs) {
      const patienceMs = this.#open > 0 ? LOSS_MS : this.#crowd.isShared ? SILENCE_MS : 0;
      if (this.silentMs >= patienceMs) break;
      await sleep(10);
    }
    const before = this.#before!;
    const after = this.#after!;
    const serverCpu = after.server.cpuSeconds - before.server.cpuSeconds;
    const generatorCpu = (after.generatorCpuUs - before.generatorCpuUs) / 1e6;
    const elapsed = (after.timeUs - before.timeUs) / 1e6;
    const drops = readUdpDrops();
    const dropsAt = (port: number): number => (drops.get(port) ?? 0) - (this.#dropsBefore.get(port) ?? 0);
    let generatorDrops = 0;
    for (const port of this.#crowd.ports) generatorDrops += dropsAt(port);
    return {
      sent: this.#sent,
      delivered: this.#tally.delivered,
      repeated: this.#tally.repeated,
      deliveredInTime: this.#tally.deliveredInTime,
      latencyUs: this.#tally.latencyUs.toData(),
      latenessUs: lateness.toData(),
      serverCpuShare: serverCpu / elapsed,
      generatorCpuShare: generatorCpu / elapsed,
      foreignCpuShare: Math.max(0, after.busySeconds - before.busySeconds - serverCpu - generatorCpu) / elapsed,
      serverResidentBytes: after.server.residentBytes,
      serverResidentBytesPeak: after.server.residentBytesPeak,
      serverDrops: dropsAt(this.#crowd.target.udpPort),
      generatorDrops,
      strangers: this.#crowd.strangers,
      firstStranger: this.#crowd.firstStranger,
    };
  }
}

interface Meters {
  readonly timeUs: number;
  readonly server: ProcessUsage;
  readonly generatorCpuUs: number;
  readonly busySeconds: number;
}

function readMeters(pid: number): Meters {
  const { user, system } = process.cpuUsage();
  return { timeUs: nowUs(), server: readProcess(pid), generatorCpuUs: user + system, busySeconds: readBusySeconds() };
}
