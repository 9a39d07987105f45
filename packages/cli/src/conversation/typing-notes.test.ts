import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeSession } from '@confab/testing/fake-session';
import { BELIEVE_MS, TELL_MS, TypingNotes } from './typing-notes.ts';

function world(abilities: ConstructorParameters<typeof FakeSession>[0] = { abilities: ['typing'] }) {
  const session = new FakeSession(abilities);
  const prompts: string[] = [];
  const tasks: { delayMs: number; task: () => void; isCancelled: boolean }[] = [];
  let type: (line: string) => void = () => assert.fail('nobody listens');
  let nowMs = 0;
  const notes = new TypingNotes({
    session,
    screen: {
      setPrompt: (prompt) => void prompts.push(prompt),
      onLineChange: (handler) => {
        type = handler;
        return () => {
          type = () => {};
        };
      },
    },
    nowMs: () => nowMs,
    later: (delayMs, task) => {
      const entry = { delayMs, task, isCancelled: false };
      tasks.push(entry);
      return () => {
        entry.isCancelled = true;
      };
    },
  });
  const says = (user: string, isTyping: boolean) => notes.note({ type: 'typing', user, isTyping });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { session, prompts, tasks, notes, says, pass, type: (line: string) => type(line) };
}

test('the others are told when somebody begins, now and then while they go on, and when they have stopped', () => {
  const { session, type, pass } = world();
  type('h');
  type('he');
  assert.deepEqual(session.sent, ['typing true']);
  pass(TELL_MS);
  type('hel');
  assert.deepEqual(session.sent, ['typing true', 'typing true']);
  type('');
  type('');
  assert.deepEqual(session.sent.slice(2), ['typing false']);
});

test('commands are nobody’s business, and a wire without a word for it is not asked', () => {
  const { session, type } = world();
  type('/who');
  assert.deepEqual(session.sent, []);
  type('//who');
  assert.deepEqual(session.sent, ['typing true']);
  assert.throws(() => world({ abilities: [] }).type('h'), /nobody listens/);
});

test('who is typing stands before the line, made harmless, until they stop, speak or fall silent', () => {
  const { prompts, says, notes, tasks } = world();
  const shown = () => prompts.at(-1);
  says('Bob', true);
  assert.equal(shown(), '(Bob is typing) Ann> ');
  says('Cid\u001b[2J', true);
  assert.equal(shown(), '(Bob and Cid are typing) Ann> ');
  says('Dan', true);
  assert.equal(shown(), '(3 people are typing) Ann> ');
  says('Dan', false);
  notes.note({ type: 'message', user: 'Bob', text: 'hi', isOwn: false });
  assert.equal(shown(), '(Cid is typing) Ann> ');
  const believed = tasks.find(({ isCancelled }) => !isCancelled)!;
  assert.equal(believed.delayMs, BELIEVE_MS);
  believed.task();
  assert.equal(shown(), 'Ann> ');
});

test('nobody of a room that was left is seen typing, and however many type, only so many are remembered', () => {
  const { prompts, says, notes } = world();
  for (let index = 0; index < 300; index += 1) says(`user ${index}`, true);
  assert.equal(prompts.at(-1), '(100 people are typing) Ann> ');
  notes.note({ type: 'entered', room: 'den' });
  assert.equal(prompts.at(-1), 'Ann> ');
});
