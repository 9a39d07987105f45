/** Where a client id is among those that differ from it in their number alone: `outbox/17` is number 17 of `outbox/`. */
export interface SeriesPlace {
  readonly series: string;
  readonly number: number;
}

/** Longer numbers are not exact. */
const DIGITS_MAX = 15;
/** No id has a higher number. */
export const SERIES_NUMBER_MAX = 10 ** DIGITS_MAX - 1;
const CODE_0 = 0x30;
const CODE_9 = 0x39;

/** Undefined for an id that does not end with a number, as it is written in decimal. */
export function placeInSeries(clientId: string): SeriesPlace | undefined {
  let at = clientId.length;
  while (at > 0 && isDigit(clientId.charCodeAt(at - 1))) at -= 1;
  const digits = clientId.length - at;
  if (digits === 0 || digits > DIGITS_MAX) return undefined;
  if (digits > 1 && clientId.charCodeAt(at) === CODE_0) return undefined;
  return { series: clientId.slice(0, at), number: Number(clientId.slice(at)) };
}

function isDigit(code: number): boolean {
  return code >= CODE_0 && code <= CODE_9;
}
