import { listSettings } from './schema.ts';

const HEAD = `# Every setting of Confab with its default, for the server and for the clients. A setting that is left out has its
# default, so keep only what you change. CONFAB_ variables and flags win over this file: docs/configuration.md.
# Sizes are bytes, _ms are milliseconds. "confab config check FILE" finds what is wrong with a file.
`;

/** A TOML file that holds every setting at its default, with what it means, what is allowed and its variable. */
export function configSample(): string {
  // A table is written once, whole: TOML takes no second one of the same name, and what stands at the top comes first.
  const tables = Map.groupBy(listSettings(), ({ path }) => path.slice(0, -1).join('.'));
  let text = HEAD;
  for (const [table, settings] of tables) {
    if (table !== '') text += `\n[${table}]\n`;
    for (const { path, description, allowed, variable, fallback } of settings) {
      text += `\n# ${description}\n# ${allowed}; ${variable}\n${path.at(-1)} = ${JSON.stringify(fallback)}\n`;
    }
  }
  return text;
}
