/**
 * TCRP as a client written from docs/wires/tcrp.md alone would speak it: nothing of Confab is imported, so that a mistake
 * in its codecs cannot hide behind the same mistake here.
 */
import { connect, type Socket } from 'node:net';
import { within } from './wait.ts';

/** `padded28` writes byte 3 as padding and 28 bytes of length: the bytes of `header32`, made another way. */
export type TcrpLayout = 'header32' | 'padded28' | 'header31' | 'name-first';
export type Dialect = 'string' | 'object';

export const CREATE = 1;
export const JOIN = 2;

export interface TcrpEndpoint {
  readonly address: string;
  readonly tcpPort: number;
}

export interface TcrpFrame {
  readonly operation: number;
  readonly state: number;
  readonly room: string;
  readonly payload: string;
}

/** JSON as Python's `json.dumps` writes it: ASCII only, `", "` and `": "` between items. */
export function pythonJson(value: unknown): string {
  if (typeof value === 'string') {
    const quoted = JSON.stringify(value);
    return quoted.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${pythonJson(name)}: ${pythonJson(member)}`).join(', ')}}`;
}

export function encodeTcrp(layout: TcrpLayout, frame: TcrpFrame): Buffer {
  const room = Buffer.from(frame.room);
  const payload = Buffer.from(frame.payload);
  const { operation, state } = frame;
  const length = (bytes: number): Buffer => {
    const field = Buffer.alloc(bytes);
    field.writeUInt32BE(payload.length, bytes - 4);
    return field;
  };
  switch (layout) {
    case 'header32':
      return Buffer.concat([Buffer.from([room.length, operation, state]), length(29), room, payload]);
    case 'padded28':
      return Buffer.concat([Buffer.from([room.length, operation, state, 0]), length(28), room, payload]);
    case 'header31':
      return Buffer.concat([Buffer.from([room.length, operation, state]), length(28), room, payload]);
    case 'name-first':
      return Buffer.concat([Buffer.from([room.length]), room, Buffer.from([operation, state]), payload]);
  }
}

/** What came back on one connection. */
export interface TcrpAnswer {
  /** All bytes, in the order they came. */
  readonly bytes: Buffer;
  /** The same as it was read: mostly a segment each. */
  readonly chunks: readonly { readonly bytes: Buffer; readonly atMs: number }[];
  /** How the server ended it. */
  readonly end: 'closed' | 'reset';
}

export interface ConnectionOptions {
  /** Source address. */
  readonly localAddress?: string | undefined;
}

/** One TCP connection to a server, byte by byte. */
export class TcrpConnection {
  readonly socket: Socket;
  readonly #chunks: { bytes: Buffer; atMs: number }[] = [];
  readonly #ended: Promise<'closed' | 'reset'>;

  static async open(server: TcrpEndpoint, { localAddress }: ConnectionOptions = {}): Promise<TcrpConnection> {
    const socket = connect({
      host: server.address,
      port: server.tcpPort,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const connection = new TcrpConnection(socket);
    await within(opened, 'a TCP connection');
    return connection;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#chunks.push({ bytes, atMs: performance.now() }));
    this.#ended = new Promise((resolve) => {
      socket.on('error', () => resolve('reset'));
      socket.on('close', () => resolve('closed'));
    });
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Bytes that have come so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks.map(({ bytes }) => bytes));
  }

  /** Waits for the server to end the connection. */
  async ended(): Promise<TcrpAnswer> {
    const end = await within(this.#ended, 'the server to close the connection');
    return { bytes: this.received, chunks: this.#chunks, end };
  }

  /** Close it with a reset, as a client does that does not read what was sent to it. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Send these bytes on a new connection and read until the server closes. */
export async function exchange(
  server: TcrpEndpoint,
  request: Uint8Array,
  options?: ConnectionOptions,
): Promise<TcrpAnswer> {
  const connection = await TcrpConnection.open(server, options);
  try {
    connection.write(request);
    return await connection.ended();
  } finally {
    connection.close();
  }
}

/** The frames of an answer. */
export function decodeTcrp(layout: TcrpLayout, answer: Buffer): TcrpFrame[] {
  const frames: TcrpFrame[] = [];
  for (let at = 0; at < answer.length; ) {
    const roomBytes = answer[at]!;
    if (layout === 'name-first') {
      // Without a length: the payload goes on until the next frame, which begins with the same name and operation.
      const payloadStart = at + 3 + roomBytes;
      const next = answer.indexOf(answer.subarray(at, payloadStart - 1), payloadStart);
      const end = next === -1 ? answer.length : next;
      frames.push({
        operation: answer[payloadStart - 2]!,
        state: answer[payloadStart - 1]!,
        room: answer.toString('utf8', at + 1, at + 1 + roomBytes),
        payload: answer.toString('utf8', payloadStart, end),
      });
      at = end;
      continue;
    }
    const headerBytes = layout === 'header31' ? 31 : 32;
    if (answer.subarray(at + 3, at + headerBytes - 4).some((byte) => byte !== 0))
      throw new Error('An impossible length');
    const payloadStart = at + headerBytes + roomBytes;
    const end = payloadStart + answer.readUInt32BE(at + headerBytes - 4);
    if (end > answer.length) throw new Error(`An answer of ${answer.length} bytes ends before its frame`);
    frames.push({
      operation: answer[at + 1]!,
      state: answer[at + 2]!,
      room: answer.toString('utf8', at + headerBytes, payloadStart),
      payload: answer.toString('utf8', payloadStart, end),
    });
    at = end;
  }
  return frames;
}

export interface EntryRequest {
  readonly room: string;
  readonly user: string;
  readonly dialect?: Dialect | undefined;
  readonly layout?: TcrpLayout | undefined;
  readonly password?: string | undefined;
  /** Further members of the object dialect's request. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly localAddress?: string | undefined;
}

export interface Entry {
  readonly isAccepted: boolean;
  /** Members of the first answer. */
  readonly verdict: Readonly<Record<string, unknown>>;
  /** Members of the second answer; empty when there was none. */
  readonly grant: Readonly<Record<string, unknown>>;
  readonly token: string;
}

/** The payload with which a program of this dialect asks. */
export function entryPayload({ user, dialect, password, options }: Omit<EntryRequest, 'room'>): string {
  if (dialect === 'object') return pythonJson({ username: user, password: password ?? null, ...options });
  return pythonJson(user);
}

/** One whole TCRP request, answered. */
export async function requestEntry(
  server: TcrpEndpoint,
  operation: typeof CREATE | typeof JOIN,
  request: EntryRequest,
): Promise<Entry> {
  const layout = request.layout ?? 'header32';
  const bytes = encodeTcrp(layout, { operation, state: 0, room: request.room, payload: entryPayload(request) });
  const answer = await exchange(server, bytes, { localAddress: request.localAddress });
  const [verdict, grant] = decodeTcrp(layout, answer.bytes).map(
    ({ payload }) => JSON.parse(payload) as Record<string, unknown>,
  );
  if (verdict === undefined) throw new Error(`No answer to a request for room ${JSON.stringify(request.room)}`);
  const isAccepted = request.dialect === 'object' ? verdict.status_code === 0 : verdict.success === 1;
  return { isAccepted, verdict, grant: grant ?? {}, token: String(grant?.token ?? '') };
}
