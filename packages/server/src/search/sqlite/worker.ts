import { parentPort, workerData } from 'node:worker_threads';
import { lowerThreadPriority } from '../../scheduling/thread-priority.ts';
import { IndexThread } from './index-thread.ts';
import type { IndexOptions, IndexRequest } from './protocol.ts';

/* The thread in which rooms are indexed and searched, so that neither the chat nor its store waits for it. */
const port = parentPort;
if (port === null) throw new Error('This file runs as a worker thread');

/** Behind the chat, and behind its store. */
const NICE = 10;
lowerThreadPriority(NICE);

const thread = new IndexThread({
  ...(workerData as IndexOptions),
  say: (message) => port.postMessage(message),
  nowMs: () => performance.now(),
  later: (delayMs, task) => {
    // What has come meanwhile is dealt with first in either case.
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
});

port.on('message', (request: IndexRequest) => {
  thread.receive(request);
  if (request.call === 'close') port.close();
});
