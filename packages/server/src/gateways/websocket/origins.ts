import type { Hosts } from './hosts.ts';

/**
 * Which pages may use the server from a browser (RFC 6455 §10.2): those it served itself, under a name
 * of its own, and those of configured origins.
 * A program that is no browser sends no origin and may.
 */
export class Origins {
  readonly #isAny: boolean;
  readonly #allowed: ReadonlySet<string>;

  readonly #hosts: Hosts;

  /** @param configured origins such as `https://chat.example.org`, separated by blanks; `*` for all */
  constructor(configured: string, hosts: Hosts) {
    this.#hosts = hosts;
    const words = configured.split(/\s+/).filter((word) => word !== '');
    this.#isAny = words.includes('*');
    this.#allowed = new Set(words.map((word) => originOf(word)?.origin ?? word));
  }

  /** @param host the request's `Host` */
  permits(origin: string | undefined, host: string | undefined): boolean {
    return origin === undefined || this.isForeign(origin) || (isSame(origin, host) && this.#hosts.permits(host));
  }

  /** Whether it is one of the configured origins, to which answers are opened. */
  isForeign(origin: string): boolean {
    return this.#isAny || this.#allowed.has(origin);
  }
}

/** The scheme is not compared: behind a proxy that adds TLS it is another one. */
function isSame(origin: string, host: string | undefined): boolean {
  const parsed = originOf(origin);
  if (parsed === undefined || host === undefined) return false;
  // Through the same parser, which drops default ports and writes names in lower case.
  return originOf(`${parsed.protocol}//${host}`)?.host === parsed.host;
}

function originOf(text: string): URL | undefined {
  const parsed = URL.parse(text);
  return parsed === null || parsed.origin === 'null' ? undefined : parsed;
}
