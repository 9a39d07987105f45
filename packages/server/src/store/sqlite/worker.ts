import { parentPort } from 'node:worker_threads';
import { CoreError } from '@confab/core';
import { lowerThreadPriority } from '../../scheduling/thread-priority.ts';
import { reasonOf, storeFailed } from '../failure.ts';
import { LogDatabase } from './log-database.ts';
import type { WorkerAnswer, WorkerCall, WorkerCalls, WorkerRequest } from './protocol.ts';

/*
 * The thread that waits for the disk, so that the server's main loop never does. It answers one request after the other,
 * in the order they came; the order is what makes `close` wait for all that was asked before it.
 */
const port = parentPort;

if (port === null) throw new Error('This file runs as a worker thread');

/** What people said is in the journal when the database gets it: on a busy core others go first. */
const NICE = 5;
lowerThreadPriority(NICE);

let database: LogDatabase | undefined;

port.on('message', (request: WorkerRequest) => {
  const { id } = request;
  try {
    answer({ id, answer: run(request) });
  } catch (error) {
    const failure =
      error instanceof CoreError ? error : storeFailed(`The store could not ${request.call}: ${reasonOf(error)}`);
    answer({ id, error: { code: failure.code, message: failure.message } });
  }
  if (request.call === 'close') port.close();
  else tidyLater();
});

function run(request: WorkerRequest): WorkerCalls[WorkerCall]['answer'] {
  if (request.call === 'open') {
    database = LogDatabase.open(request.ask);
    return { file: database.file };
  }
  if (database === undefined) throw storeFailed('The store is not open');
  switch (request.call) {
    case 'load':
      return database.load();
    case 'commit':
      return database.commit(request.ask);
    case 'take':
      database.take(request.ask.events);
      return undefined;
    case 'series':
      return database.highestOf(request.ask.roomId, request.ask.series);
    case 'read':
      return database.read(request.ask.roomId, request.ask.fromSeq, request.ask.limit);
    case 'close': {
      const isDone = database.close();
      database = undefined;
      return { isDone };
    }
  }
}

let isTidying = false;

/** After the answer, and after the next request if there is one by then. */
function tidyLater(): void {
  if (isTidying) return;
  isTidying = true;
  setImmediate(() => {
    isTidying = false;
    if (database?.tidy() === true) tidyLater();
  });
}

function answer(message: WorkerAnswer): void {
  const isEncoded = 'answer' in message && message.answer instanceof Uint8Array;
  port?.postMessage(message, isEncoded ? [message.answer.buffer] : []);
}
