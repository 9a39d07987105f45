import { type Field, FieldWriter } from '../fields.ts';

/**
 * What the bytes of a JSON object mean (docs/wires/json-lines.md), whatever they are: one field for each member, from its name
 * to the comma behind it; the braces are fields of their own. A line ends with its line feed.
 */
export function describeJson(bytes: Uint8Array): Field[] {
  const writer = new FieldWriter(bytes);
  const text = latin1(bytes);
  const open = /^\s*\{\s*/.exec(text);
  if (open === null || !isObject(bytes)) {
    writer.text(undefined, 'line', 'no JSON object');
    return writer.fields;
  }
  writer.text(open[0].length, 'begin');
  let at = open[0].length;
  while (at < text.length && text[at] !== '}') {
    const end = memberEnd(text, at);
    const name = /^"((?:[^"\\]|\\.)*)"/.exec(text.slice(at, end))?.[1] ?? 'member';
    writer.text(end - at, name, NOTES.get(name) ?? '');
    at = end;
  }
  writer.text(undefined, 'end');
  return writer.fields;
}

const NOTES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    type: 'what it is',
    room: 'which room',
    user: 'who',
    text: 'what is said',
    seq: 'place among all that the server has sent',
    id: "the sender's number for it",
    rooms: 'names of the rooms',
    users: 'who is here',
    query: 'what is looked for',
    messages: 'what was found',
    before: 'where older ones are',
    limit: 'how many at most',
  }),
);

/** One character a byte, so that offsets are the same; what delimits JSON is ASCII. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function isObject(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Index after the comma that ends the member, with blanks behind it, or that of the brace that ends the object. */
function memberEnd(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    const character = text[index]!;
    if (character === '"') index = stringEnd(text, index);
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' && depth === 0) return index;
    else if (character === '}' || character === ']') depth -= 1;
    else if (character === ',' && depth === 0) return index + /^,\s*/.exec(text.slice(index))![0].length;
  }
  return text.length;
}

/** Index of the quotation mark that ends the string. */
function stringEnd(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index;
}
