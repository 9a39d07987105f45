import { isIP } from 'node:net';

/**
 * The names under which a browser may reach the server. A page of an attacker can give its own name this server's address
 * (DNS rebinding): for the browser it is then of the same origin, and only the `Host` of its requests tells. An IP address in
 * it, or `localhost`, is nothing that somebody else could have named; any other name must be known.
 */
export class Hosts {
  readonly #isAny: boolean;
  readonly #known: ReadonlySet<string>;

  /**
   * @param configured names such as `chat.example.org`, separated by blanks; `*` for all
   * @param listening the address or name that the server was told to listen on
   */
  constructor(configured: string, listening: string) {
    const words = configured.split(/\s+/).filter((word) => word !== '');
    this.#isAny = words.includes('*');
    const names = [...words, listening].map((word) => nameOf(word));
    this.#known = new Set(names.filter((name) => name !== undefined));
  }

  /** @param host the request's `Host`; none: it is no browser's */
  permits(host: string | undefined): boolean {
    if (host === undefined || this.#isAny) return true;
    const name = nameOf(host);
    if (name === undefined) return false;
    return isLocal(name) || this.#known.has(name);
  }
}

function isLocal(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Without port and final dot, in lower case; through the parser that browsers have, so that both read the same. */
function nameOf(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '');
}
