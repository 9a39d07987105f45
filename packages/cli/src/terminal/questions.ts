import type { Screen } from './screen.ts';

/** Full-width digits and letters as the plain ones (NFKC), without blanks around them: how people type into menus. */
export function plainAnswer(text: string): string {
  return text.normalize('NFKC').trim();
}

/** A port that can be connected to; undefined when the text is none. Full-width digits are digits. */
export function parsePort(text: string): number | undefined {
  const plain = plainAnswer(text);
  if (!/^\d{1,5}$/.test(plain)) return undefined;
  const port = Number(plain);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * Ask for a line. An empty answer gives the fallback; without one it is asked again. Blanks around an answer are dropped.
 * @returns undefined at the end of input
 */
export async function ask(
  screen: Screen,
  question: string,
  options: { fallback?: string; isSecret?: boolean } = {},
): Promise<string | undefined> {
  const { fallback, isSecret = false } = options;
  const prompt = `${question}${fallback ? ` [${fallback}]` : ''}: `;
  for (;;) {
    const line = await askLine(screen, prompt, isSecret);
    const answer = (isSecret ? line : line?.trim()) || fallback;
    if (line === undefined || answer !== undefined) return line === undefined ? undefined : answer;
    await screen.printStatus(`${question} must not be empty.`);
  }
}

/** Ask for a port until it is one. @returns undefined at the end of input */
export async function askPort(screen: Screen, question: string, fallback: number): Promise<number | undefined> {
  for (;;) {
    const answer = await ask(screen, question, { fallback: String(fallback) });
    if (answer === undefined) return undefined;
    const port = parsePort(answer);
    if (port !== undefined) return port;
    await screen.printStatus('A port is a number from 1 to 65535.');
  }
}

/** One line after a prompt, which a script's transcript shows on a line of its own. */
export async function askLine(screen: Screen, prompt: string, isSecret = false): Promise<string | undefined> {
  if (!screen.isInteractive) await screen.print(prompt.trimEnd());
  screen.setPrompt(prompt, { isSecret, isAnswer: true });
  const line = await screen.nextLine();
  screen.setPrompt('');
  return line;
}
