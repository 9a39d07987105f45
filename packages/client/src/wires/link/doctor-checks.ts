import { LinkErrorCode } from '@confab/wire/link';
import { LinkRefusal } from './refusals.ts';

/** Probes each way. */
export const PROBES = 20;
/** A clock that is further off than this is worth a word, ms. */
const CLOCK_MS_MAX = 5000;

export type CheckName =
  | 'name'
  | 'tcp'
  | 'tls'
  | 'hello'
  | 'clock'
  | 'udp-up'
  | 'udp-down'
  | 'round-trip'
  | 'loss'
  | 'mtu';

/** What one test of the way to a server found. */
export interface Check {
  readonly name: CheckName;
  /** *warn*: chat works, but not as it should; *fail*: it does not work; *skip*: not tested. */
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  /** For people. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
  /** The same for programs. */
  readonly values?: Readonly<Record<string, string | number | boolean | undefined>>;
}

export function tlsCheck(fingerprint: string, isFirstUse: boolean, version: string): Check {
  const values = { fingerprint, version, isFirstUse };
  const text = `${version}, fingerprint ${fingerprint}`;
  if (!isFirstUse) return { name: 'tls', status: 'ok', text: `${text}, as expected`, values };
  const advice = 'Compare the fingerprint with what "confab serve" prints there.';
  return { name: 'tls', status: 'ok', text: `${text}, not met before`, advice, values };
}

export function failureCheck(name: 'tls' | 'hello', error: unknown): Check {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const isGuest = error instanceof LinkRefusal && error.wireCode === LinkErrorCode.GUESTS_NOT_ALLOWED;
  const advice = isGuest ? 'Say who you are with --user NAME; the name becomes that of your device key.' : undefined;
  return { name, status: 'fail', text, ...(advice === undefined ? {} : { advice }), values: { code } };
}

export function clockCheck(differenceMs: number, uncertaintyMs: number): Check {
  const ms = Math.round(differenceMs);
  const values = { ms, uncertaintyMs: Math.round(uncertaintyMs) };
  const direction = ms < 0 ? 'behind' : 'ahead of';
  const text = `The server's clock is ${Math.abs(ms)} ms ${direction} yours (to within ${values.uncertaintyMs} ms)`;
  if (Math.abs(ms) <= CLOCK_MS_MAX + uncertaintyMs) return { name: 'clock', status: 'ok', text, values };
  return {
    name: 'clock',
    status: 'warn',
    text,
    advice: 'Set the clock that is wrong; times of messages are shown by it.',
    values,
  };
}

export function upCheck(isUp: boolean, host: string, port: number, timeoutMs: number): Check {
  const name = 'udp-up';
  if (isUp) return { name, status: 'ok', text: `Datagrams reach the server on UDP port ${port}` };
  const text = `No datagram reaches the server on UDP port ${port} within ${timeoutMs} ms`;
  const advice = `Open UDP port ${port} towards ${host}: inbound at the server and outbound where you are. Until then chat goes by TCP.`;
  return { name, status: 'warn', text, advice };
}

export function downCheck(isUp: boolean, isDown: boolean, host: string, port: number, timeoutMs: number): Check {
  const name = 'udp-down';
  if (isDown) return { name, status: 'ok', text: "The server's datagrams reach you" };
  if (!isUp) return { name, status: 'skip', text: 'Not tested: the server answers only what reaches it' };
  const text = `Your datagrams reach the server, but its answers do not come within ${timeoutMs} ms`;
  const advice = `Let answers from UDP port ${port} of ${host} through: outbound at the server and inbound where you are. Until then chat goes by TCP.`;
  return { name, status: 'warn', text, advice };
}

export function tripCheck(tripsMs: readonly number[]): Check {
  const sorted = tripsMs.toSorted((left, right) => left - right);
  const at = (share: number): number => round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  const values = { answered: sorted.length, sent: PROBES, leastMs: at(0), medianMs: at(0.5), mostMs: at(1) };
  const status = sorted.length === PROBES ? 'ok' : 'warn';
  const times = `${values.leastMs} / ${values.medianMs} / ${values.mostMs} ms (least, median, most)`;
  return { name: 'round-trip', status, text: `${values.answered} of ${PROBES} probes answered after ${times}`, values };
}

export function lossCheck(lossOut: number, lossIn: number): Check {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const text = `Lost on the way: ${percent(lossOut)} up, ${percent(lossIn)} down`;
  return { name: 'loss', status: 'ok', text, values: { up: lossOut, down: lossIn } };
}

export function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
