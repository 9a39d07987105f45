import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  EventKind,
  matchesQuery,
  parseQuery,
  type RoomEvent,
  type SearchIndex,
  type SearchPage,
  type Store,
  wordsOf,
} from '@confab/core';
import fc from 'fast-check';
import type { WithCleanUp } from './clean-up.ts';
import { propertyRuns } from './property-runs.ts';
import { appendEvent, exampleEvent, exampleRoom, putRoom } from './store/examples.ts';

export interface SearchUnderTest {
  /** Opened and empty. */
  readonly store: Store;
  /** Of that store. */
  readonly index: SearchIndex;
}

export type OpenSearch = (context: WithCleanUp) => Promise<SearchUnderTest>;

export interface SearchContractOptions {
  /** Stories that are compared with plain reading; default `propertyRuns()`. */
  readonly storyRuns?: number;
}

/** What every implementation of the `SearchIndex` port must do, as a suite of node:test. */
export function searchContract(name: string, open: OpenSearch, { storyRuns }: SearchContractOptions = {}): void {
  const runs = storyRuns ?? propertyRuns();
  describe(`${name} meets the search contract`, () => {
    test('messages that hold all words are found, newest first', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(1, 'the red fox', 'a red hen', 'the blue fox', 'RED: a fox!');
      assert.deepEqual(await rooms.find(1, 'fox red'), ['RED: a fox!', 'the red fox']);
      assert.deepEqual(await rooms.find(1, 'wolf'), []);
    });

    test('a phrase is found where its words follow each other, and a word with a star by its beginning', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(1, 'new york city', 'york is new', 'news from york', 'New-York!');
      assert.deepEqual(await rooms.find(1, '"new york"'), ['New-York!', 'new york city']);
      assert.deepEqual(await rooms.find(1, 'ne* york'), [
        'New-York!',
        'news from york',
        'york is new',
        'new york city',
      ]);
      assert.deepEqual(await rooms.find(1, '"york ci"*'), ['new york city']);
      assert.deepEqual(await rooms.find(1, 'york "is new"'), ['york is new']);
    });

    test('case, accents and scripts without blanks do not stand in the way', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(
        1,
        'Zoë trifft Łukasz in der STRASSE',
        '我在北京大学生活',
        '東京タワーへ',
        'ไปเที่ยวเชียงใหม่กัน',
        'nice 🎉',
      );
      assert.deepEqual(await rooms.find(1, 'zoe lukasz straße'), ['Zoë trifft Łukasz in der STRASSE']);
      assert.deepEqual(await rooms.find(1, '北京大学'), ['我在北京大学生活']);
      assert.deepEqual(await rooms.find(1, '京北'), []);
      assert.deepEqual(await rooms.find(1, 'ﾀﾜｰ'), ['東京タワーへ']);
      assert.deepEqual(await rooms.find(1, 'เชียงใหม่'), ['ไปเที่ยวเชียงใหม่กัน']);
      assert.deepEqual(await rooms.find(1, '🎉'), ['nice 🎉']);
    });

    test('nothing of another room is found, nor what is above the head', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(1, 'hello one');
      await rooms.say(2, 'hello two');
      await rooms.say(1, 'hello later');
      assert.deepEqual(await rooms.find(2, 'hello'), ['hello two']);
      assert.deepEqual(await rooms.find(1, 'hello', { headSeq: 1 }), ['hello one']);
    });

    test('pages lead from one to the next, without gaps or repeats', async (context) => {
      const rooms = await Rooms.open(await open(context));
      const texts = Array.from({ length: 10 }, (_, index) => `tick ${index}`);
      await rooms.say(1, ...texts);
      const first = await rooms.page(1, 'tick', { limit: 4 });
      assert.deepEqual(textsOf(first), texts.slice(6).toReversed());
      const second = await rooms.page(1, 'tick', { limit: 4, beforeSeq: first.nextBeforeSeq! });
      assert.deepEqual(textsOf(second), texts.slice(2, 6).toReversed());
      const third = await rooms.page(1, 'tick', { limit: 4, beforeSeq: second.nextBeforeSeq! });
      assert.deepEqual(textsOf(third), texts.slice(0, 2).toReversed());
      assert.equal(third.nextBeforeSeq, undefined);
      assert.equal(third.unsearched, 0);
    });

    test('an edited message is found by its newest text, and a withdrawn one not at all', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(1, 'alpha', 'beta', 'gamma', 'delta');
      await rooms.find(1, 'alpha');
      await rooms.change(1, EventKind.EDIT, 1, 'epsilon');
      await rooms.change(1, EventKind.EDIT, 1, 'zeta');
      await rooms.change(1, EventKind.DELETE, 2);
      await rooms.change(1, EventKind.EDIT, 2, 'eta');
      for (const gone of ['alpha', 'epsilon', 'beta', 'eta']) assert.deepEqual(await rooms.find(1, gone), []);
      const { messages } = await rooms.page(1, 'zeta');
      assert.deepEqual(
        messages.map(({ event: { seq, user }, isEdited }) => [seq, user, isEdited]),
        [[1, 'Ann', true]],
      );
      await rooms.change(1, EventKind.DELETE, 1);
      assert.deepEqual(await rooms.find(1, 'zeta'), []);
      assert.deepEqual(await rooms.find(1, 'gamma'), ['gamma']);
    });

    test('what is no text, and what is no message, is not found', async (context) => {
      const rooms = await Rooms.open(await open(context));
      const body = new TextEncoder().encode('secret');
      await rooms.append(1, { body: new Uint8Array([0xff, ...body]) });
      await rooms.append(1, { kind: EventKind.NOTICE, body });
      await rooms.append(1, { kind: EventKind.REACTION, body, target: 1 });
      await rooms.append(1, { kind: 40, body });
      await rooms.append(1, { kind: EventKind.EDIT, body, target: 4 });
      await rooms.append(1, { kind: EventKind.DELETE, body: new Uint8Array(), target: 3 });
      assert.deepEqual(await rooms.find(1, 'secret'), []);
      await rooms.change(1, EventKind.EDIT, 1, 'in the open');
      assert.deepEqual(await rooms.find(1, 'open'), ['in the open']);
    });

    test('words of a query mean nothing else to it', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(1, 'this AND that', 'NEAR miss', "it's -x +y (z) ^q a:b");
      assert.deepEqual(await rooms.find(1, 'AND'), ['this AND that']);
      assert.deepEqual(await rooms.find(1, 'this OR that'), []);
      assert.deepEqual(await rooms.find(1, 'NEAR(miss)'), ['NEAR miss']);
      assert.deepEqual(await rooms.find(1, "it's -x (z) ^q a:b text:x"), []);
      assert.deepEqual(await rooms.find(1, "it's -x (z) ^q a:b"), ["it's -x +y (z) ^q a:b"]);
    });

    test('a long log is searched whole', async (context) => {
      const rooms = await Rooms.open(await open(context));
      await rooms.say(
        1,
        ...Array.from({ length: 3000 }, (_, index) => `n${index} ${index % 1000 === 7 ? 'rare' : ''}`),
      );
      await rooms.settled(1);
      assert.deepEqual(await rooms.find(1, 'rare'), ['n2007 rare', 'n1007 rare', 'n7 rare']);
      assert.deepEqual(await rooms.find(1, 'n2999'), ['n2999 ']);
    });

    test(`it finds what reading finds, in ${runs} stories`, async (context) => {
      const rooms = await Rooms.open(await open(context));
      let room = 2;
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 12 }),
          fc.array(queryText, { maxLength: 4 }),
          async (steps, queries) => {
            room += 1;
            await rooms.openRoom(room);
            const texts: (string | undefined)[] = [];
            for (const { kind, at, text } of steps) {
              const target = texts.length === 0 ? 0 : (at % texts.length) + 1;
              if (kind === EventKind.MESSAGE || target === 0 || texts[target - 1] === NO_MESSAGE) {
                await rooms.say(room, text);
                texts.push(text);
                continue;
              }
              await rooms.change(room, kind, target, text);
              if (texts[target - 1] !== undefined) texts[target - 1] = kind === EventKind.EDIT ? text : undefined;
              texts.push(NO_MESSAGE);
              if (at % 3 === 0) await rooms.find(room, text === '' ? 'a' : `${text} a`);
            }
            for (const text of queries) {
              const query = parseQuery(text);
              const expected = texts.filter(
                (said) => said !== undefined && said !== NO_MESSAGE && matchesQuery(query, wordsOf(said)),
              );
              assert.deepEqual(await rooms.find(room, text), expected.toReversed());
            }
          },
        ),
        { numRuns: runs },
      );
    });
  });
}

/** Stands where an event is no message. */
const NO_MESSAGE = '\u0000';

const word = fc.constantFrom('a', 'ab', 'abc', 'b', 'É', 'e', '日', '日本', 'ß', '1', '🎉', "a'b");
const step = fc.record({
  kind: fc.constantFrom(EventKind.MESSAGE, EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE),
  at: fc.nat(20),
  text: fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(' ')),
});
const queryText = fc
  .array(
    fc.oneof(
      word,
      fc.constantFrom('ab*', '日*'),
      fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => `"${words.join(' ')}"`),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((parts) => parts.join(' '));

type PageOptions = { readonly headSeq?: number; readonly beforeSeq?: number; readonly limit?: number };

/** Rooms whose members talk, and look for what was said. */
class Rooms {
  readonly #under: SearchUnderTest;
  readonly #heads = new Map<number, number>();
  #position = 0;

  static async open(under: SearchUnderTest): Promise<Rooms> {
    const rooms = new Rooms(under);
    for (const id of [1, 2]) await rooms.openRoom(id);
    return rooms;
  }

  private constructor(under: SearchUnderTest) {
    this.#under = under;
  }

  async openRoom(id: number): Promise<void> {
    await this.#under.store.commit([putRoom(exampleRoom(id))]);
  }

  async say(roomId: number, ...texts: string[]): Promise<void> {
    const changes = texts.map((text) => appendEvent(this.#next(roomId, { body: new TextEncoder().encode(text) })));
    await this.#under.store.commit(changes);
  }

  async change(roomId: number, kind: number, target: number, text = ''): Promise<void> {
    await this.append(roomId, { kind, target, body: new TextEncoder().encode(text) });
  }

  async append(roomId: number, event: Partial<RoomEvent>): Promise<void> {
    await this.#under.store.commit([appendEvent(this.#next(roomId, event))]);
  }

  async find(roomId: number, query: string, options?: PageOptions): Promise<string[]> {
    const page = await this.page(roomId, query, options);
    assert.equal(page.unsearched, 0);
    return textsOf(page);
  }

  page(roomId: number, query: string, options: PageOptions = {}): Promise<SearchPage> {
    const { headSeq = this.#heads.get(roomId) ?? 0, limit = 100 } = options;
    const { beforeSeq = headSeq + 1 } = options;
    return this.#under.index.find({ roomId, query: parseQuery(query), beforeSeq, headSeq, limit });
  }

  /** Until the index has come to the room's end. */
  async settled(roomId: number): Promise<void> {
    while ((await this.page(roomId, 'x')).unsearched > 0);
  }

  #next(roomId: number, event: Partial<RoomEvent>): RoomEvent {
    const seq = (this.#heads.get(roomId) ?? 0) + 1;
    this.#heads.set(roomId, seq);
    this.#position += 1;
    return exampleEvent(seq, { roomId, position: this.#position, ...event });
  }
}

function textsOf({ messages }: SearchPage): string[] {
  return messages.map(({ event }) => new TextDecoder().decode(event.body));
}
