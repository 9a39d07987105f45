import type { Config } from '@confab/config';
import type { Logger } from 'pino';
import { createLogger, type LogSink } from './logger.ts';
import { RotatingFile } from './rotating-file.ts';

/** The server's log, and how to be rid of it. */
export interface ServerLog {
  readonly log: Logger;
  /** Fulfils when all lines are in the file. */
  close(): Promise<void>;
}

/**
 * The log as configured: to `log.file`, or else to `sink`. What goes wrong with the file later is told to `sink`.
 * @throws {ServerError} LOG_UNWRITABLE
 */
export async function openLog(config: Config['log'], sink: LogSink = process.stderr): Promise<ServerLog> {
  if (config.file === '') return { log: createLogger(config, sink), close: async () => {} };
  const file = await RotatingFile.open({
    path: config.file,
    key: 'log.file',
    rotateBytes: config.rotateBytes,
    rotateDays: config.rotateDays,
    keep: config.keep,
    mode: 0o640,
    complain: (line) => void sink.write(`confab: ${line}\n`),
  });
  return { log: createLogger(config, file), close: () => file.close() };
}
