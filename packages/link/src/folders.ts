import { homedir } from 'node:os';
import { join } from 'node:path';

export interface FolderContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

const thisProcess = (): FolderContext => ({
  environment: process.env,
  platform: process.platform,
  home: homedir(),
});

/** Where a user's settings of Confab live: known servers and the device key. XDG Base Directory Specification 0.8. */
export function configFolder(context: FolderContext = thisProcess()): string {
  return folderOf(context, 'XDG_CONFIG_HOME', ['.config'], 'APPDATA');
}

/** Where what should survive a restart but is no setting lives: outboxes. */
export function stateFolder(context: FolderContext = thisProcess()): string {
  return folderOf(context, 'XDG_STATE_HOME', ['.local', 'state'], 'LOCALAPPDATA');
}

function folderOf(context: FolderContext, variable: string, below: readonly string[], windowsVariable: string): string {
  const { environment, platform, home } = context;
  const named = environment[variable];
  // The specification has relative paths ignored.
  if (named?.startsWith('/')) return join(named, 'confab');
  const windows = environment[windowsVariable];
  if (platform === 'win32' && windows !== undefined && windows !== '') return join(windows, 'confab');
  return join(home, ...below, 'confab');
}
