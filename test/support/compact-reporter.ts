import { relative } from 'node:path';
import type { EventData } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** A line for each file, failures in full, and the usual summary: for logs, where nobody watches. */
export function compact(root: string): (events: AsyncIterable<TestEvent>) => AsyncGenerator<string> {
  return async function* report(events) {
    /** The suite or test that was started last, at each depth. */
    const path: string[] = [];
    for await (const event of events) {
      switch (event.type) {
        case 'test:start':
          path.splice(event.data.nesting, path.length, event.data.name);
          break;
        case 'test:fail':
          path.splice(event.data.nesting, path.length, event.data.name);
          yield failure(root, path.join(' > ').replace(root, ''), event.data);
          break;
        case 'test:stdout':
        case 'test:stderr':
          yield event.data.message;
          break;
        case 'test:summary':
          yield event.data.file === undefined ? total(event.data) : fileLine(root, event.data.file, event.data);
          break;
      }
    }
  };
}

function failure(root: string, name: string, { details, file, line, column, todo }: EventData.TestFail): string {
  const { error } = details;
  // A suite that failed only because of what is in it: that was told already.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return '';
  const place = file === undefined ? '' : ` (${relative(root, file)}:${line}:${column})`;
  const reason = inspect(error.cause instanceof Error ? error.cause : error, { depth: 4 }).replaceAll('\n', '\n    ');
  return `${todo === undefined ? 'not ok' : 'to do'}: ${name}${place}\n    ${reason}\n`;
}

function fileLine(
  root: string,
  file: string,
  { counts, duration_ms: durationMs, success }: EventData.TestSummary,
): string {
  const seconds = (durationMs / 1000).toFixed(1);
  return `${success ? 'ok' : 'FAILED'} ${relative(root, file)}: ${counts.tests} tests, ${seconds} s\n`;
}

function total({ counts, duration_ms: durationMs }: EventData.TestSummary): string {
  const lines = {
    tests: counts.tests,
    suites: counts.suites,
    pass: counts.passed,
    // The count of the usual summary: what is neither passed nor explained.
    fail: counts.tests - counts.passed - counts.cancelled - counts.skipped - counts.todo,
    cancelled: counts.cancelled,
    skipped: counts.skipped,
    todo: counts.todo,
    duration_ms: durationMs,
  };
  return Object.entries(lines)
    .map(([name, value]) => `# ${name} ${value}\n`)
    .join('');
}
