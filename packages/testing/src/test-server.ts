import { loadConfig } from '@confab/config';
import { createLogger, type RunningServer, startServer } from '@confab/server';
import type { WithCleanUp } from './clean-up.ts';
import type { ServerPorts } from './raw/member.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { type WireSection, wireSettings } from './wire-settings.ts';

export interface TestServer {
  readonly running: RunningServer;
  readonly ports: ServerPorts;
  /** All that it logged, a line each. */
  readonly log: readonly string[];
  /** Stop it properly. Done after the test, too. */
  stop(): Promise<void>;
}

export interface TestServerOptions {
  readonly wires: readonly WireSection[];
  /** Settings by dotted path, besides ports. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Folder of its store; a new one by default. */
  readonly data?: string;
}

/** A whole server in this process, on free ports, with the real store in a folder of its own. */
export async function startTestServer(context: WithCleanUp, options: TestServerOptions): Promise<TestServer> {
  const directory = temporaryDirectory(context);
  const settings = { ...wireSettings(...options.wires), data: options.data ?? directory.path, ...options.settings };
  const flags = Object.entries(settings).map(([path, value]) => ({ path, value: String(value), flag: path }));
  const { config } = loadConfig({ flags });
  const log: string[] = [];
  const running = await startServer(config, createLogger(config.log, { write: (line) => log.push(line) }));
  directory.closing({ close: () => running.stop() });
  return {
    running,
    log,
    stop: () => running.stop(),
    ports: {
      address: '127.0.0.1',
      port(scheme, protocol) {
        const endpoint = running.endpoints.find((found) => found.scheme === scheme && found.protocol === protocol);
        if (endpoint === undefined) throw new Error(`The server does not listen for ${scheme}/${protocol}`);
        return endpoint.port;
      },
    },
  };
}
