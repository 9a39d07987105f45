import { Writable } from 'node:stream';
import type { Config } from '@confab/config';
import { type Logger, pino } from 'pino';

/** Where log lines go; standard error, unless a test listens. */
export interface LogSink {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

/** The server's log: one line an entry, JSON for programs or text for people. Never a token, a password or what was said. */
export function createLogger(config: Pick<Config['log'], 'level' | 'format'>, sink: LogSink = process.stderr): Logger {
  const isText = config.format === 'text' || (config.format === 'auto' && sink.isTTY === true);
  const stream = isText
    ? new Writable({
        decodeStrings: false,
        write: (line: string | Buffer, _encoding, done) => {
          sink.write(asText(line.toString()));
          done();
        },
      })
    : { write: (line: string) => void sink.write(line) };
  return pino({ level: config.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

function asText(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const label = pino.levels.labels[Number(level)] ?? String(level);
  const details = Object.entries(rest).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const cause = err === undefined ? '' : `: ${String((err as { message?: unknown }).message)}`;
  return `${String(time)} ${label.padEnd(5)} ${String(msg ?? '')}${cause}${details.join('')}\n`;
}
