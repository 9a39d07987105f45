/**
 * Makes docs/images/two-people.svg from the real program: a server and two people who chat, each in a terminal.
 * `node tools/picture/make.ts` (needs tmux and the default ports).
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@confab/testing';
import { Tmux } from '@confab/testing/tmux';
import { renderTerminals } from './terminal-svg.ts';

const COLUMNS = 68;
const WIDE = COLUMNS * 2 + 4;

const cleanUps: (() => unknown)[] = [];
const context = { after: (cleanUp: () => unknown) => void cleanUps.unshift(cleanUp) };

const confab = [process.execPath, fileURLToPath(new URL('../../packages/cli/bin/confab.js', import.meta.url))];
const data = temporaryDirectory(context).path;

try {
  const server = await Tmux.start(context, [...confab, 'serve', '--data', data], { columns: WIDE, rows: 12 });
  await server.sees(/Ctrl\+C/);
  const url = 'ucrp://127.0.0.1:9090/lobby';
  const ann = await Tmux.start(context, [...confab, 'chat', url, '--user', 'Ann'], { columns: COLUMNS, rows: 12 });
  await ann.sees(/Ann> $|Ann>$/);
  const bob = await Tmux.start(context, [...confab, 'chat', url, '--user', 'Bob'], { columns: COLUMNS, rows: 12 });
  await bob.sees(/Bob> $|Bob>$/);
  await ann.sees(/Bob joined/);
  const say = async (who: Tmux, heardBy: Tmux, text: string): Promise<void> => {
    await who.type(text);
    await who.press('Enter');
    await heardBy.sees((screen) => screen.includes(text));
  };
  await say(ann, bob, 'Hello Bob! Is this thing on?');
  await say(bob, ann, 'Loud and clear 👋');
  await ann.type('And while I am still typing this …');
  await say(bob, ann, 'your line stays whole when mine arrives');
  await ann.sees(/still typing/);

  const shown = (screen: string): string[] => screen.replaceAll(data, './data').split('\n');
  const top = shown(await server.screen());
  const left = shown(await ann.screen());
  const right = shown(await bob.screen());
  const bottomRows = Math.max(left.length, right.length);
  for (const rows of [left, right]) while (rows.length < bottomRows) rows.push('');
  const picture = renderTerminals([
    { title: 'npm ci && npm start', rows: top, columns: WIDE + 0.52, left: 0, top: 0 },
    { title: 'Ann', rows: left, columns: COLUMNS, left: 0, top: top.length },
    { title: 'Bob', rows: right, columns: COLUMNS, left: COLUMNS, top: top.length },
  ]);
  writeFileSync(new URL('../../docs/images/two-people.svg', import.meta.url), picture);
} finally {
  for (const cleanUp of cleanUps) await cleanUp();
}
