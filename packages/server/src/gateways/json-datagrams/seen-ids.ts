import type { JsonId } from '@confab/wire/json';

/** What became of a request: *pending*: not acknowledged yet. *acked*. */
export interface SeenRequest {
  state: 'pending' | 'acked';
  /** For a join: what was asked for. Undefined for other requests. */
  readonly join: string | undefined;
  /** When it came, monotonic ms. */
  readonly heardMs: number;
}

/**
 * The ids that a peer has used, so that a repeated request is acknowledged again and not granted again. The oldest are
 * forgotten first.
 */
export class SeenIds {
  readonly #max: number;
  readonly #seen = new Map<JsonId, SeenRequest>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#seen.size;
  }

  get(id: JsonId): SeenRequest | undefined {
    return this.#seen.get(id);
  }

  add(id: JsonId, nowMs: number, join?: string): SeenRequest {
    if (this.#seen.size >= this.#max) {
      for (const oldest of this.#seen.keys()) {
        this.#seen.delete(oldest);
        break;
      }
    }
    const request: SeenRequest = { state: 'pending', join, heardMs: nowMs };
    this.#seen.set(id, request);
    return request;
  }

  /** The request was refused: should it come again it is judged anew. */
  forget(id: JsonId, request: SeenRequest): void {
    if (this.#seen.get(id) === request) this.#seen.delete(id);
  }

  clear(): void {
    this.#seen.clear();
  }
}
