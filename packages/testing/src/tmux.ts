import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { WithCleanUp } from './clean-up.ts';
import { processEnvironment } from './process-environment.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const run = promisify(execFile);

/** How long tests wait for what should show at once; generous, since machines are busy. ms */
const WAIT_LIMIT_MS = 20_000;
const POLL_MS = 25;

/** Why tests at a terminal cannot run here; undefined: they can. */
export const withoutTmux: string | undefined = findTmux();

function findTmux(): string | undefined {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'tmux is not installed';
  }
}

export interface TmuxOptions {
  readonly columns?: number;
  readonly rows?: number;
}

/** A real terminal, of a tmux server of its own, in which a command runs. */
export class Tmux {
  /** Where its socket is. */
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  async close(): Promise<void> {
    // It may have ended by itself.
    await this.#tmux('kill-server').catch(() => {});
  }

  /** Run a command; when it has ended, the screen says `[exit code N]`. */
  static async start(context: WithCleanUp, command: readonly string[], options: TmuxOptions = {}): Promise<Tmux> {
    const directory = temporaryDirectory(context);
    const terminal = directory.closing(new Tmux(directory.path));
    // Ctrl+C goes to the command; the shell has to outlive it.
    const line = `trap : INT; ${command.map(quoted).join(' ')}; printf '[exit code %s]\\n' $?; exec sleep 600`;
    const size = ['-x', String(options.columns ?? 80), '-y', String(options.rows ?? 24)];
    await terminal.#tmux('new-session', '-d', ...size, `exec sh -c ${quoted(line)}`, ';', 'set', '-g', 'status', 'off');
    return terminal;
  }

  /** Type text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', '--', text);
  }

  /** Press keys by their tmux names: `Enter`, `C-c`, `Left` … */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', '--', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What is on the screen, without empty rows at its end. */
  async screen(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p')).trimEnd();
  }

  /** The screen and what has scrolled off it, wrapped lines put together again. */
  async transcript(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-J', '-S', '-')).trimEnd();
  }

  /** Column and row of the cursor, from 0. */
  async cursor(): Promise<{ column: number; row: number }> {
    const [column, row] = (await this.#tmux('display-message', '-p', '#{cursor_x} #{cursor_y}')).trim().split(' ');
    return { column: Number(column), row: Number(row) };
  }

  /** Wait until the screen is as looked for; fulfils with it. */
  async sees(condition: RegExp | ((screen: string) => boolean)): Promise<string> {
    const holds = condition instanceof RegExp ? (screen: string) => condition.test(screen) : condition;
    const deadlineMs = performance.now() + WAIT_LIMIT_MS;
    for (;;) {
      const screen = await this.screen();
      if (holds(screen)) return screen;
      if (performance.now() > deadlineMs) throw new Error(`The screen does not come to ${condition}:\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #tmux(...args: string[]): Promise<string> {
    const env = processEnvironment({ LC_ALL: 'C.UTF-8', TMUX: '', TMUX_TMPDIR: this.#directory });
    const { stdout } = await run('tmux', ['-u', '-f', '/dev/null', '-L', 'test', ...args], { env });
    return stdout;
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
