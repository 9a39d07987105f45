import { isIP } from 'node:net';
import type { BridgeOptions as OpenOptions } from '@confab/client';
import { BridgeDialogue, type DialogueClient, type LinesEnd } from '../bridge/dialogue.ts';
import { Interruption } from '../conversation/interruption.ts';
import { ExitCode } from '../exit-codes.ts';
import { codeOf, reasonOf, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { clientSettings } from '../settings.ts';
import { openScreen } from '../terminal/open-screen.ts';
import { interruptExitCode } from './chat.ts';

/** Opens clients: `openBridge` of @confab/client, or a test's own. */
export type OpenBridge = (url: string, options: OpenOptions) => Promise<DialogueClient>;

export interface BridgeOptions {
  readonly config?: string;
  readonly id?: string;
  /** `IP:PORT`, `IP` or `:PORT`. */
  readonly listen?: string;
  readonly chat?: boolean;
  readonly stay?: boolean;
  readonly path?: 'any' | 'direct' | 'relay';
  readonly plain?: boolean;
  readonly sealed?: boolean;
  readonly free?: boolean;
}

/** Leaving waits for the network so long at most, ms. */
const LEAVE_TIMEOUT_MS = 5000;

/** `confab bridge URL`: find somebody through a rendezvous and talk to them directly; for people and for pipes. */
export async function runBridge(io: Io, url: string, options: BridgeOptions, open: OpenBridge): Promise<ExitCode> {
  const settings = clientSettings(io, options.config);
  const id = options.id ?? (settings.user || undefined);
  if (options.chat === true && id === undefined) throw new UsageError('--chat needs an id: give one with --id');
  const listen = parseListen(options.listen);
  const screen = openScreen(io);
  const interruption = new Interruption(io, screen);
  let client: DialogueClient | undefined;
  try {
    client = await open(url, {
      listen,
      path: options.path,
      isPlain: options.plain === true,
      isSealedOnly: options.sealed === true,
      isFree: options.free === true,
      signal: interruption.signal,
      connectTimeoutMs: settings.connectTimeoutMs,
      eventsMax: settings.eventsMax,
    });
    const { mode, serverAddress, localAddress } = client;
    const hint = screen.isInteractive ? '; /help for help, Ctrl+C to leave' : '';
    const place = `${mode === 'tcp' ? 'TCP' : 'UDP'} mode at ${serverAddress}`;
    await screen.printStatus(`Connected in ${place}, own address ${localAddress}${hint}`);

    const dialogue = new BridgeDialogue({ client, screen, signal: interruption.signal, id });
    const showing = dialogue.showEvents();
    const end = await Promise.race([
      talk(dialogue, options, screen.isInteractive),
      interruption.first.then(() => 'interrupted' as const),
    ]);
    screen.close();
    await Promise.race([client.close(), delay(LEAVE_TIMEOUT_MS)]);
    await Promise.race([showing, delay(LEAVE_TIMEOUT_MS)]);
    if (interruption.interrupt !== undefined) return interruptExitCode(interruption.interrupt, screen.isInteractive);
    if (end === 'failed' || end === 'lost') return ExitCode.FAILED;
    await dialogue.settled();
    return dialogue.failureCount > 0 && !screen.isInteractive ? ExitCode.NOT_SENT : ExitCode.OK;
  } catch (error) {
    if (interruption.interrupt !== undefined) return interruptExitCode(interruption.interrupt, false);
    await screen.printStatus(`confab: ${reasonOf(error)}`);
    return codeOf(error) === 'URL_INVALID' ? ExitCode.USAGE : ExitCode.FAILED;
  } finally {
    await client?.close();
    interruption.stop();
    screen.close();
  }
}

async function talk(
  dialogue: BridgeDialogue,
  options: BridgeOptions,
  isInteractive: boolean,
): Promise<LinesEnd | 'peer-left' | 'lost'> {
  if (options.chat === true && !(await dialogue.connect()) && !isInteractive) return 'failed';
  const typing = dialogue.readLines().then(async (end) => {
    await dialogue.settled();
    return end === 'end-of-input' && options.stay === true ? dialogue.chatEnded : end;
  });
  // Somebody at a terminal may want to talk to the next one.
  return isInteractive ? typing : Promise.race([typing, dialogue.chatEnded]);
}

/** @throws {UsageError} */
function parseListen(text: string | undefined): { host?: string | undefined; port?: number | undefined } | undefined {
  if (text === undefined) return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  const isHost = host === '' ? port !== undefined : isIP(host) !== 0;
  if (match === null || !isHost || (port ?? 0) > 65_535) {
    throw new UsageError(`--listen ${text}: not an address and port of this machine, such as 192.0.2.7:5000 or :5000`);
  }
  return { host: host === '' ? undefined : host, port };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
