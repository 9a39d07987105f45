import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { AnswerQueue } from './answer-queue.ts';

test('an answer with nothing before it is given at once', () => {
  const said: string[] = [];
  const answers = new AnswerQueue({ send: (text) => said.push(text) });
  answers.add(() => 'one');
  assert.deepEqual(said, ['one']);
  assert.equal(answers.length, 0);
});

test('an answer waits for the messages before it, and is made when it is given', () => {
  const said: string[] = [];
  const answers = new AnswerQueue({ send: (text) => said.push(text) });
  let counter = 1;
  const first = answers.addPending(1);
  const second = answers.addPending(1);
  answers.add(() => `counter ${counter}`);
  answers.settle(second, () => 'second refused');
  assert.deepEqual(said, []);
  counter = 2;
  answers.settle(first, undefined, 7);
  assert.deepEqual(said, [], 'its echo has not been handed out');
  answers.handed(7);
  assert.deepEqual(said, ['second refused', 'counter 2']);
  assert.equal(answers.length, 0);
});

test('messages that go together count each, and are refused each', () => {
  const said: string[] = [];
  const answers = new AnswerQueue({ send: (text) => said.push(text) });
  const refused = answers.addPending(3);
  const echoed = answers.addPending(2);
  answers.add(() => 'then');
  assert.equal(answers.length, 6);
  answers.settle(refused, () => 'no');
  assert.deepEqual([said, answers.length], [['no', 'no', 'no'], 3]);
  answers.settle(echoed, undefined, 5);
  answers.handed(4);
  assert.equal(said.length, 3, 'the last echo has not been handed out');
  answers.handed(5);
  assert.deepEqual([said.at(-1), answers.length], ['then', 0]);
});

test('property: whatever settles when, what is said is in the order of the requests', () => {
  const request = fc.record({ kind: fc.constantFrom('answer', 'echo', 'refusal'), settleAt: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 30 }), (requests) => {
      const said: number[] = [];
      const answers = new AnswerQueue({ send: (text) => said.push(Number(text)) });
      const due: { atStep: number; settle: () => void }[] = [];
      for (const [index, { kind, settleAt }] of requests.entries()) {
        if (kind === 'answer') {
          answers.add(() => String(index));
          continue;
        }
        const answer = answers.addPending(1);
        const refuse = (): void => answers.settle(answer, () => String(index));
        due.push({ atStep: settleAt, settle: kind === 'echo' ? () => answers.settle(answer, undefined) : refuse });
      }
      for (const { settle } of due.toSorted((left, right) => left.atStep - right.atStep)) settle();
      const expected = requests.flatMap(({ kind }, index) => (kind === 'echo' ? [] : [index]));
      assert.deepEqual(said, expected);
      assert.equal(answers.length, 0);
    }),
    { numRuns: propertyRuns() },
  );
});
