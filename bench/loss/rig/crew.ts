import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AgentAnswer, AgentCall, Hello } from '../agent/protocol.ts';

export const agentProgram = fileURLToPath(new URL('../agent/agent.ts', import.meta.url));

/** An agent as the benchmark sees it. */
export class Agent {
  readonly pid: number;
  readonly serverHost: string | undefined;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #gone: Promise<void>;
  #lastId = 0;

  constructor(socket: Socket, hello: Hello, onAnswer: (listener: (answer: AgentAnswer) => void) => void) {
    this.pid = hello.pid;
    this.serverHost = hello.serverHost;
    this.#socket = socket;
    this.#gone = once(socket, 'close').then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`The agent "${hello.name}" ended too early`));
      this.#waiting.clear();
    });
    onAnswer((answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ('error' in answer) waiting?.reject(new Error(`${hello.name}: ${answer.error}`));
      else waiting?.resolve(answer.value);
    });
  }

  ask<Result>(request: AgentCall): Promise<Result> {
    this.#lastId += 1;
    const waiting = Promise.withResolvers<unknown>();
    if (this.#socket.destroyed) return Promise.reject(new Error('The agent has ended'));
    this.#waiting.set(this.#lastId, waiting);
    this.#socket.write(`${JSON.stringify({ id: this.#lastId, request })}\n`);
    return waiting.promise as Promise<Result>;
  }

  /** Let it end, and wait until it is about to. */
  async dismiss(): Promise<void> {
    this.#socket.end();
    this.#socket.destroy();
    await this.#gone;
  }
}

/** Where the agents of one rig report. */
export class Crew {
  readonly path: string;
  readonly #server: Server;
  readonly #members = new Map<string, PromiseWithResolvers<Agent>>();
  readonly #present: Agent[] = [];

  static async listen(path: string): Promise<Crew> {
    const crew = new Crew(path);
    await once(crew.#server, 'listening');
    return crew;
  }

  private constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => this.#admit(socket)).listen(path);
  }

  /** Those who have reported. */
  get present(): readonly Agent[] {
    return this.#present;
  }

  /** Fulfils when the agent of this name has reported. */
  member(name: string): Promise<Agent> {
    return this.#place(name).promise;
  }

  /** Whoever waits for agents waits no more. */
  fail(error: Error): void {
    for (const { promise, reject } of this.#members.values()) {
      promise.catch(() => {});
      reject(error);
    }
  }

  close(): void {
    this.#server.close();
  }

  #place(name: string): PromiseWithResolvers<Agent> {
    const place = this.#members.get(name) ?? Promise.withResolvers<Agent>();
    this.#members.set(name, place);
    return place;
  }

  #admit(socket: Socket): void {
    let listener: ((answer: AgentAnswer) => void) | undefined;
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => {
      const message = JSON.parse(line) as Hello | AgentAnswer;
      if (!('name' in message)) {
        listener?.(message);
        return;
      }
      const agent = new Agent(socket, message, (take) => {
        listener = take;
      });
      this.#present.push(agent);
      this.#place(message.name).resolve(agent);
    });
  }
}
