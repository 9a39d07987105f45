import {
  type Admission,
  CoreError,
  type Member,
  type Reader,
  type RoomEvent,
  TokenBucket,
  validateRoomName,
  validateUserName,
} from '@confab/core';
import {
  decodeJsonRequest,
  encodeJsonError,
  encodeJsonSystem,
  JSON_SYSTEM_ROOM,
  type JsonRequest,
  jsonErrorTexts,
  unknownTypeText,
} from '@confab/wire/json';
import { NO_LANE } from '../streams/writer.ts';
import { type Answer, AnswerQueue } from './answer-queue.ts';
import type { JsonOutlet } from './json-encoding.ts';
import { historyCursor, jsonErrorOf } from './json-events.ts';
import { type JsonSearch, searchForJson } from './json-found.ts';
import { countOf, InputQueue, type JsonInput } from './json-input.ts';
import type { JsonSessions } from './json-sessions.ts';
import type { JsonTransport } from './json-transport.ts';

/** Requests of one connection that are being answered; beyond it nothing more is read from it until some are. */
const ANSWERS_MAX = 1024;

/**
 * One connection of a JSON stream, whatever carries it: lines over TCP or WebSocket frames. Answers in the order of the
 * requests: each message is answered by its echo or by one error, and what comes after it is answered after it.
 */
export class JsonSession implements JsonOutlet {
  // First what each delivery asks of it.
  lane = NO_LANE;
  handedSeq = 0;
  isAwaiting = false;
  readonly transport: JsonTransport;
  readonly #sessions: JsonSessions;
  /** Of who has sent bad input. */
  #faults: TokenBucket | undefined;
  readonly #answers: AnswerQueue;
  readonly #input = new InputQueue();
  #member: Member | undefined;
  /** Reads the member's room; also that of a closed room to its end. */
  #reader: Reader<JsonOutlet> | undefined;
  #isJoining = false;
  /** While joining: the join itself, once it is in the log. Nothing is read from the peer until it was handed out. */
  #joinSeq = Number.POSITIVE_INFINITY;
  #isRunning = false;
  /** Some input waits for what is under way, or the end of it all does. */
  #isWaiting = false;
  #isInputOver = false;
  #isOver = false;

  constructor(sessions: JsonSessions, transport: JsonTransport) {
    this.#sessions = sessions;
    this.transport = transport;
    this.lane = transport.lane;
    this.#answers = new AnswerQueue(transport);
  }

  get member(): Member | undefined {
    return this.#member;
  }

  /** Whether what was read has not been dealt with, so that nothing more should be read. */
  get isBusy(): boolean {
    return this.#isJoining || !this.#input.isEmpty || this.#answers.length >= ANSWERS_MAX;
  }

  /** The peer says something. At most what one read gave should come after `isBusy` has turned true. */
  receive(inputs: readonly JsonInput[]): void {
    if (this.#isOver || this.#isInputOver) return;
    this.#input.push(inputs);
    for (const input of inputs) this.#sessions.stats.received += countOf(input);
    this.#run();
  }

  /** The peer says nothing more: what it said is answered, then the connection ends. */
  endInput(): void {
    this.#isInputOver = true;
    this.#run();
  }

  /** The transport takes more. */
  drained(): void {
    this.#reader?.resume();
  }

  /** The connection is gone. Repeated calls do nothing. */
  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.lane = NO_LANE;
    this.#leaveRoom();
    this.#reader?.detach();
    this.#sessions.forget(this);
  }

  /** Close the connection for a reason that the peer is told. */
  dismiss(reason: string): void {
    if (this.#isOver) return;
    const { position } = this.#sessions.hub;
    this.closed();
    this.transport.end(encodeJsonError(reason, position));
  }

  /** The server stops: leave, in the eyes of the others. */
  prepareFarewell(): () => void {
    const room = this.#member?.room.name ?? JSON_SYSTEM_ROOM;
    this.closed();
    // Its own leave has moved the counter, so this is a later number than any that it was sent.
    return () => this.transport.end(encodeJsonSystem(room, jsonErrorTexts.serverClosing, this.#sessions.hub.position));
  }

  /** The room was closed and its members are gone. */
  roomClosed(member: Member): void {
    if (this.#member !== member) return;
    this.#member = undefined;
    this.#sessions.left(member);
    this.#sessions.idle(this);
    const { log, fanout } = member.room;
    if (this.handedSeq < log.headSeq) {
      // It was not that far yet: it reads on, at its own pace, until it is told of the end.
      this.#reader = fanout.attach(this.#sessions.encoding, member.id, this, this.handedSeq);
    }
  }

  take(reader: Reader<JsonOutlet>, bytes: Uint8Array, events: number, lastSeq: number): void {
    this.#sessions.stats.deliveries += events;
    this.handedSeq = lastSeq;
    if (!this.transport.write(bytes)) reader.pause();
    if (this.isAwaiting) this.handed(lastSeq);
  }

  takeRest(reader: Reader<JsonOutlet>, bytes: Uint8Array, taken: number): void {
    if (!this.transport.writeRest(bytes.subarray(taken))) reader.pause();
  }

  handed(lastSeq: number): void {
    this.#answers.handed(lastSeq);
    if (lastSeq >= this.#joinSeq) this.#isJoining = false;
    this.#wake();
    // What is still under way has begun in `#run`, which says so; the rest of it ends here.
    this.isAwaiting = this.#answers.length > 0 || this.#isJoining || this.#isWaiting;
  }

  miss(events: number): void {
    this.transport.send(encodeJsonError(jsonErrorTexts.eventsMissed(events), this.#sessions.hub.position));
  }

  /** Deal with what was read, as far as it need not wait. */
  #run(): void {
    if (this.#isRunning || this.#isOver) return;
    this.#isRunning = true;
    this.isAwaiting = true;
    this.transport.together(() => {
      while (!this.#isOver && !this.#isJoining) {
        const input = this.#input.first;
        if (input === undefined || !this.#handle(input)) break;
        this.#input.shift();
      }
    });
    this.#isRunning = false;
    if (this.#isOver) return;
    if (this.#isInputOver && !this.isBusy && this.#answers.length === 0) {
      this.closed();
      this.transport.end();
      return;
    }
    this.#isWaiting = this.isBusy || this.#isInputOver;
    this.transport.regulate();
  }

  /** Something that input may have waited for has come. Not from within a delivery or a commit, which go on to others. */
  #wake(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    queueMicrotask(() => this.#run());
  }

  /** False: it must wait, and is handed over again. */
  #handle(input: JsonInput): boolean {
    if (input.kind === 'refused') {
      this.#complain(input.text);
      return true;
    }
    if (input.kind === 'messages') return this.#takeMessages(input.bodies);
    const request = decodeJsonRequest(input.text);
    if ('kind' in request) {
      this.#complain(request.text);
      return true;
    }
    // What was said before is said in the room that one leaves, and its echo comes from there.
    const isMove = request.type === 'join' || request.type === 'leave';
    if ((isMove && this.#answers.length > 0) || this.#answers.length >= ANSWERS_MAX) return false;
    this.#grant(request);
    return true;
  }

  #grant(request: JsonRequest): void {
    switch (request.type) {
      case 'join':
        this.#join(request);
        return;
      case 'message':
        this.#post([Buffer.from(request.text)]);
        return;
      case 'rooms':
        this.#answers.add(() => this.#sessions.rooms.text);
        return;
      case 'who':
        this.#tellUsers();
        return;
      case 'search':
        this.#search(request);
        return;
      case 'leave':
        if (this.#member !== undefined) {
          this.#leaveRoom();
          this.#sessions.idle(this);
        }
        return;
      case 'ack':
        // Of JSON datagrams; no stream needs it.
        this.#complain(unknownTypeText(request.type));
    }
  }

  #join({ room, user, password }: Extract<JsonRequest, { type: 'join' }>): void {
    if (this.#member?.room.name === room) {
      this.#refuse(jsonErrorTexts.alreadyInRoom);
      return;
    }
    const { hub } = this.#sessions;
    try {
      // Before the old room is left: a slip of the pen need not cost it.
      validateRoomName(room);
      validateUserName(user);
    } catch (error) {
      this.#refuseWith(error);
      return;
    }
    this.#leaveRoom();
    this.#isJoining = true;
    this.#joinSeq = Number.POSITIVE_INFINITY;
    hub.join({ room, user, password, address: this.transport.address }, { makeOpen: true }).then(
      (admission) => this.#enter(admission),
      (error: unknown) => {
        this.#isJoining = false;
        if (this.#isOver) return;
        this.#sessions.idle(this);
        this.#refuseWith(error);
        this.#wake();
      },
    );
  }

  #enter({ member, joinSeq }: Admission): void {
    const { hub, encoding, historyMax } = this.#sessions;
    if (this.#isOver) {
      hub.leave(member);
      return;
    }
    const cursor = Math.max(0, historyCursor(joinSeq, historyMax));
    this.#member = member;
    this.#joinSeq = joinSeq;
    this.handedSeq = cursor;
    this.#answers.handed(cursor);
    this.#sessions.joined(this, member);
    this.transport.together(() => {
      this.#reader = hub.attach(member, encoding, this, cursor);
    });
    // The room was closed between the join and now: what there is to read is read all the same.
    if (member.state === 'left') this.roomClosed(member);
  }

  #leaveRoom(): void {
    // Of a room that was closed and is being read to its end, too.
    this.#reader?.detach();
    this.#reader = undefined;
    const member = this.#member;
    if (member === undefined) return;
    this.#member = undefined;
    this.#sessions.left(member);
    this.#sessions.hub.leave(member);
  }

  /** As many as can be under way. False: the others must wait. */
  #takeMessages(bodies: readonly Uint8Array[]): boolean {
    let at = 0;
    while (at < bodies.length) {
      const room = ANSWERS_MAX - this.#answers.length;
      if (room <= 0) {
        this.#input.replaceFirst(bodies.slice(at));
        return false;
      }
      at += this.#post(at === 0 && bodies.length <= room ? bodies : bodies.slice(at, at + room));
    }
    return true;
  }

  /** Say the first of these, or more of them. Says how many were dealt with. */
  #post(bodies: readonly Uint8Array[]): number {
    const member = this.#member;
    if (member === undefined) {
      for (const _ of bodies) this.#refuse(jsonErrorTexts.joinRoomFirst);
      return bodies.length;
    }
    let answer: Answer | undefined;
    const { taken, refusal } = this.#sessions.hub.postRun(member, bodies, (result) => {
      this.#settle(answer!, result);
      this.#wake();
    });
    // Nothing of it is settled in the same turn.
    if (taken > 0) answer = this.#answers.addPending(taken);
    if (refusal === undefined) return taken;
    this.#settle(this.#answers.addPending(1), refusal);
    return taken + 1;
  }

  #settle(answer: Answer, result: RoomEvent | CoreError): void {
    // Its echo is the answer.
    if (!(result instanceof CoreError)) {
      this.#answers.settle(answer, undefined, result.seq);
      return;
    }
    const { stats } = this.#sessions;
    for (let index = 0; index < answer.requests; index += 1) {
      stats.drop(result.code === 'RATE_LIMITED' ? 'limited' : 'refused');
    }
    this.#answers.settle(answer, () => this.#errorText(jsonErrorOf(result)));
  }

  #tellUsers(): void {
    const room = this.#member?.room;
    if (room === undefined) this.#refuse(jsonErrorTexts.joinRoomFirst);
    else this.#answers.add(() => this.#sessions.users.text(room));
  }

  #search(request: JsonSearch): void {
    const member = this.#member;
    if (member === undefined) {
      this.#refuse(jsonErrorTexts.joinRoomFirst);
      return;
    }
    const answer = this.#answers.addPending(1);
    const end = (produce: () => string): void => {
      if (this.#isOver) return;
      this.#answers.settle(answer, produce);
      this.#wake();
    };
    searchForJson(this.#sessions.hub, member, request).then(end, (error: unknown) => {
      const text = this.#refusalOf(error);
      end(() => this.#errorText(text));
    });
  }

  /** Answer bad input, unless the peer has sent so much of it that it gets no answers any more. */
  #complain(text: string): void {
    const { stats, hub } = this.#sessions;
    const nowMs = hub.clock.monotonicMs();
    this.#faults ??= new TokenBucket(hub.limits.addressFaults, nowMs);
    if (this.#faults.take(nowMs)) {
      stats.drop('unreadable');
      this.#answers.add(() => this.#errorText(text));
    } else {
      stats.drop('ignored');
    }
  }

  #refuse(text: string): void {
    this.#sessions.stats.drop('refused');
    this.#answers.add(() => this.#errorText(text));
  }

  #refuseWith(error: unknown): void {
    const text = this.#refusalOf(error);
    this.#answers.add(() => this.#errorText(text));
  }

  /** What is said of an error, which is counted. */
  #refusalOf(error: unknown): string {
    this.#sessions.stats.drop('refused');
    if (error instanceof CoreError) return jsonErrorOf(error);
    this.#sessions.log.error({ err: error }, `${this.#sessions.wire}: request failed`);
    return jsonErrorTexts.serverError;
  }

  #errorText(text: string): string {
    return encodeJsonError(text, this.#sessions.hub.position);
  }
}
