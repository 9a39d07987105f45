/**
 * Makes docs/images/four-wires.svg from the real program: a server, and four people in one room, each over another wire and in
 * a terminal. `node tools/picture/make.ts` (needs tmux and the default ports).
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@confab/testing';
import { Tmux } from '@confab/testing/tmux';
import { wireSections } from '@confab/testing/wire-settings';
import { renderTerminals, type TerminalPicture } from './terminal-svg.ts';

const COLUMNS = 62;
const WIDE = COLUMNS * 2 + 4;
const ROWS = 9;

const cleanUps: (() => unknown)[] = [];
const context = { after: (cleanUp: () => unknown) => void cleanUps.unshift(cleanUp) };

const confab = [process.execPath, fileURLToPath(new URL('../../packages/cli/bin/confab.js', import.meta.url))];
const data = temporaryDirectory(context).path;

interface Person {
  readonly title: string;
  readonly terminal: Tmux;
}

async function enter(url: string, user: string): Promise<Person> {
  const args = ['chat', url, '--user', user];
  const terminal = await Tmux.start(context, [...confab, ...args], { columns: COLUMNS, rows: ROWS });
  await terminal.sees(new RegExp(`${user}> $|${user}>$`));
  return { title: `confab ${args.join(' ')}`, terminal };
}

/** Somebody says something, and everybody else sees it. */
async function say(who: Person, people: readonly Person[], text: string): Promise<void> {
  await who.terminal.type(text);
  await who.terminal.press('Enter');
  for (const other of people) await other.terminal.sees((screen) => screen.includes(text));
}

try {
  // The terminals of tests have servers speak one wire alone.
  const everyWire = wireSections.flatMap((wire) => ['--set', `${wire}.enabled=true`]);
  const alternate = ['--set', 'hybrid.alternate.enabled=true'];
  const serve = [...confab, 'serve', '--data', data, ...everyWire, ...alternate];
  const server = await Tmux.start(context, serve, { columns: WIDE, rows: 20 });
  await server.sees(/Ctrl\+C/);
  const people = [
    await enter('ucrp://127.0.0.1:9090/lobby', 'Ann'),
    await enter('jsonl://127.0.0.1:8765/lobby', 'Bob'),
    await enter('ws://127.0.0.1:8080/lobby', 'Cleo'),
    await enter('jsonu://127.0.0.1:8766/lobby', 'Dan'),
  ] as const;
  const [ann, bob, cleo, dan] = people;
  await say(ann, people, 'Hello! Who is on which wire?');
  await say(bob, people, 'JSON lines over TCP');
  await say(cleo, people, 'WebSocket 👋');
  await say(dan, people, 'datagrams, and nothing gets lost');
  await cleo.terminal.type('/who');
  await cleo.terminal.press('Enter');
  await cleo.terminal.sees(/Here: Ann, Bob, Cleo, Dan/);
  await ann.terminal.type('And while I am still typing this …');
  await say(bob, people, 'your line stays whole when mine comes');
  await ann.terminal.sees(/still typing/);

  const shown = (screen: string): string[] => screen.replaceAll(data, './data').split('\n');
  const top = shown(await server.screen());
  const pictures: TerminalPicture[] = [
    { title: 'npm ci && npm start', rows: top, columns: WIDE + 0.52, left: 0, top: 0, column: 0, row: 0 },
  ];
  for (const [index, { title, terminal }] of people.entries()) {
    const rows = shown(await terminal.screen());
    while (rows.length < ROWS) rows.push('');
    const [column, row] = [index % 2, Math.floor(index / 2)];
    const place = { left: column * COLUMNS, top: top.length + row * ROWS, column, row: row + 1 };
    pictures.push({ title, rows, columns: COLUMNS, ...place });
  }
  writeFileSync(new URL('../../docs/images/four-wires.svg', import.meta.url), renderTerminals(pictures));
} finally {
  for (const cleanUp of cleanUps) await cleanUp();
}
