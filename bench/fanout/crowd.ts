import { buildGenerator } from './native/build.ts';
import { Program } from './process.ts';
import type { Address, CrowdSize, LoadWire, MemberScript } from './wire.ts';

/** Members that are looked up at the same time, for wires that ask the server for something first. */
const STRIDE = 64;

/** What a run saw; see native/generator.c. Times in µs, CPU time in seconds. */
export interface RunFigures {
  readonly seconds: number;
  readonly sent: number;
  /** Deliveries within the measured time. */
  readonly delivered: number;
  /** Reads that brought them: what is written together is mostly read together. */
  readonly reads: number;
  /** Deliveries that never came, of the whole run; in a closed loop below 0 when some came twice. */
  readonly lost: number;
  /** Deliveries that came once more, of the whole run; counted in open loops only. */
  readonly repeated: number;
  readonly serverCpu: number;
  readonly generatorCpu: number;
  /** Deliveries whose latency is known: those of one member of each room in a closed loop, all in an open one. */
  readonly dated: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** From when a message was due to when it was sent, of 99 in 100 of them. */
  readonly late99: number;
}

export interface Timing {
  readonly warmUpMs: number;
  readonly ms: number;
}

/** The members of one server, played by a process of their own. */
export class LoadCrowd {
  readonly size: CrowdSize;
  readonly #program: Program;

  /** Everybody is in when this fulfils. */
  static async connect(
    wire: LoadWire,
    address: Address,
    size: CrowdSize,
    core: string | undefined,
  ): Promise<LoadCrowd> {
    const { protocol, hasEcho, isLink = false } = wire;
    const program = new Program([buildGenerator(isLink)], { core });
    try {
      program.tell(
        `server ${isLink ? 'link-' : ''}${protocol} 127.0.0.1 ${address.port} ${address.pid} ${hasEcho ? 1 : 0}`,
      );
      for (const script of await scriptsOf(wire, address, size)) program.tell(memberLine(script));
      await program.ask('connect');
      return new LoadCrowd(program, size);
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  private constructor(program: Program, size: CrowdSize) {
    this.#program = program;
    this.size = size;
  }

  /** Keep so many messages of each room on their way. */
  async closedLoop(window: number, { warmUpMs, ms }: Timing): Promise<RunFigures> {
    return JSON.parse(await this.#program.ask(`closed ${window} ${warmUpMs} ${ms}`)) as RunFigures;
  }

  /** Say so many messages a second in all, everybody in turn. */
  async openLoop(messagesPerSecond: number, { warmUpMs, ms }: Timing): Promise<RunFigures> {
    return JSON.parse(await this.#program.ask(`open ${messagesPerSecond} ${warmUpMs} ${ms}`)) as RunFigures;
  }

  async close(): Promise<void> {
    await this.#program.stop();
  }
}

async function scriptsOf(wire: LoadWire, address: Address, size: CrowdSize): Promise<MemberScript[]> {
  const scripts: MemberScript[] = [];
  // Places outside, rooms inside: the first member of each room makes it before anybody else joins.
  for (let place = 0; place < size.membersPerRoom; place += 1) {
    for (let start = 0; start < size.rooms; start += STRIDE) {
      const count = Math.min(STRIDE, size.rooms - start);
      const asked = Array.from({ length: count }, (_, index) => wire.script(start + index, place, address));
      scripts.push(...(await Promise.all(asked)));
    }
  }
  return scripts;
}

function memberLine({ room, before, behind, steps }: MemberScript): string {
  const words = steps.flatMap(({ say, await: awaited }) => [hex(say), hex(awaited)]);
  return ['member', room, hex(before), hex(behind), ...words].join(' ');
}

function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex');
}
