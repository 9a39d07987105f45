import { execFile } from 'node:child_process';

/** A program of the system was not there, or said no. */
export class CommandError extends Error {
  readonly stderr: string;

  constructor(command: string, stderr: string) {
    super(`Cannot build the link: ${command}: ${stderr.trim()}`);
    this.stderr = stderr;
  }
}

/** Run a program to its end. @throws {CommandError} */
export function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new CommandError([program, ...args].join(' '), stderr === '' ? error.message : stderr));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Run a program in the network namespace of a process. */
export function runIn(pid: number, program: string, args: readonly string[], input = ''): Promise<string> {
  return run('nsenter', [`--net=/proc/${pid}/ns/net`, '--', program, ...args], input);
}
