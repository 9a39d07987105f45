/*
 * The load generator, a process of its own. It plays members: sends, receives, counts.
 */
import { serveRequests } from '../../support/child.ts';
import { goFirst } from '../../support/priority.ts';
import { Crowd } from './crowd.ts';
import type { GeneratorRequest } from './protocol.ts';
import { runClosedLoop, runOpenLoop } from './run.ts';

const crowds: Crowd[] = [];
goFirst();

serveRequests(async (request: GeneratorRequest): Promise<unknown> => {
  if (request.call === 'connect') return crowds.push(await Crowd.connect(request)) - 1;
  const crowd = crowds[request.crowd]!;
  switch (request.call) {
    case 'settle':
      return crowd.settle();
    case 'open-loop':
      return runOpenLoop(crowd, request);
    case 'closed-loop':
      return runClosedLoop(crowd, request);
    case 'close':
      return crowd.close();
  }
});
