import { connect, type Socket } from 'node:net';
import { loadConfig } from '@confab/config';
import { ExitCode, endingSignals } from '../exit-codes.ts';
import { codeOf, reasonOf, UsageError } from '../failure.ts';
import { type Io, write } from '../io.ts';
import { sanitizeLine } from '../terminal/sanitize.ts';
import { parseTraceLine, type TraceLine, type TraceRecord, traceWires } from '../trace/record.ts';
import { type RenderOptions, renderUnit } from '../trace/render.ts';
import { UnitReader } from '../trace/units.ts';

export interface TraceOptions {
  readonly config?: string;
  readonly port?: number;
  readonly wire?: readonly string[];
  readonly peer?: string;
  readonly hex?: boolean;
  /** False for `--no-color`. */
  readonly color?: boolean;
}

/** Where a server shows its traffic, whatever it listens on otherwise. */
const HOST = '127.0.0.1';
/** Characters of an unfinished line that are held. */
const LINE_CHARACTERS_MAX = 4_194_304;

/** `confab trace`: what passes the plaintext sockets of a server on this machine, taken apart. */
export async function runTrace(io: Io, options: TraceOptions): Promise<ExitCode> {
  for (const wire of options.wire ?? []) {
    if (!(traceWires as readonly string[]).includes(wire)) {
      throw new UsageError(`--wire ${wire}: none of ${traceWires.join(', ')}`);
    }
  }
  const port = options.port ?? loadConfig({ file: options.config, environment: io.env }).config.trace.tcpPort;
  const socket = connect(port, HOST);
  let isInterrupted = false;
  const listeners = endingSignals.map((signal) =>
    io.onSignal(signal, () => {
      isInterrupted = true;
      socket.destroy();
    }),
  );
  const units = new UnitReader();
  const render: RenderOptions = {
    hasColor: options.color !== false && io.stdout.isTTY === true && !io.env.NO_COLOR,
    isHexWhole: options.hex === true,
  };
  try {
    for await (const line of linesOf(socket)) {
      switch (line.kind) {
        case 'hello':
          await write(
            io.stderr,
            `Watching 127.0.0.1:${port}, ${line.secrets ? SECRETS_SHOWN : SECRETS_MASKED}; Ctrl+C ends\n`,
          );
          break;
        case 'lost':
          await write(io.stderr, `confab: ${line.count} records were lost: the output is too slow\n`);
          break;
        case 'refused':
          await write(io.stderr, `confab: The server refuses: ${sanitizeLine(line.reason)}\n`);
          return ExitCode.FAILED;
        case 'record': {
          if (!isWanted(line.record, options)) break;
          const text = units
            .read(line.record)
            .map((unit) => renderUnit(unit, render))
            .join('');
          // Whoever read this has gone: `confab trace | head`.
          if (!(await write(io.stdout, text))) return ExitCode.OK;
        }
      }
    }
    if (isInterrupted) return ExitCode.OK;
    await write(io.stderr, 'confab: The server has ended the trace\n');
    return ExitCode.FAILED;
  } catch (error) {
    if (isInterrupted) return ExitCode.OK;
    await write(io.stderr, `confab: ${failureText(error, port)}\n`);
    return ExitCode.FAILED;
  } finally {
    socket.destroy();
    for (const stopListening of listeners) stopListening();
  }
}

const SECRETS_SHOWN = 'tokens and passwords are shown';
const SECRETS_MASKED = 'tokens and passwords are masked with *';

async function* linesOf(socket: Socket): AsyncGenerator<TraceLine> {
  socket.setEncoding('utf8');
  let rest = '';
  for await (const chunk of socket) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!.slice(0, LINE_CHARACTERS_MAX);
    for (const line of lines) {
      const parsed = parseTraceLine(line);
      if (parsed !== undefined) yield parsed;
    }
  }
}

/** A peer is meant by its address with or without its port. */
function isWanted({ wire, peer: recordPeer }: TraceRecord, { wire: wires, peer }: TraceOptions): boolean {
  if (wires !== undefined && !wires.includes(wire)) return false;
  return (
    peer === undefined ||
    recordPeer === peer ||
    recordPeer.startsWith(`${peer}:`) ||
    recordPeer.startsWith(`[${peer}]:`)
  );
}

function failureText(error: unknown, port: number): string {
  if (codeOf(error) !== 'ECONNREFUSED') return `Cannot watch ${HOST}:${port}: ${reasonOf(error)}`;
  return `Cannot watch ${HOST}:${port}: nothing listens there; start the server with "--set trace.enabled=true"`;
}
