import type { HistogramData } from '../../support/histogram.ts';

/** What the messages are sent to. */
export interface Target {
  readonly kind: 'confab' | 'bare';
  /** The process that is measured. */
  readonly pid: number;
  /** Rooms are made and joined here; the bare fan-out has no such thing. */
  readonly tcpPort: number;
  readonly udpPort: number;
}

export interface ConnectRequest {
  readonly call: 'connect';
  readonly target: Target;
  readonly rooms: number;
  readonly membersPerRoom: number;
  /** 1: each member has a socket of its own. */
  readonly membersPerSocket: number;
  /** Of the members, this generator is every `generatorCount`th, from this one on. */
  readonly generator: number;
  readonly generatorCount: number;
}

/** Find out whether all are reached, and register those again that are not. */
export interface SettleRequest {
  readonly call: 'settle';
  readonly crowd: number;
}

export interface RunRequest {
  readonly crowd: number;
  /** Machine's monotonic clock, µs: send from here … */
  readonly startUs: number;
  /** … count what was sent from here … */
  readonly measureUs: number;
  /** … to here. */
  readonly endUs: number;
}

/** Send at a fixed rate, whatever comes back. */
export interface OpenLoopRequest extends RunRequest {
  readonly call: 'open-loop';
  readonly messagesPerSecond: number;
}

/** Keep this many messages on their way: send the next one when an earlier one has reached everybody. */
export interface ClosedLoopRequest extends RunRequest {
  readonly call: 'closed-loop';
  readonly window: number;
}

export interface CloseRequest {
  readonly call: 'close';
  readonly crowd: number;
}

export type GeneratorRequest = ConnectRequest | SettleRequest | OpenLoopRequest | ClosedLoopRequest | CloseRequest;

/** What one generator saw of the messages that were sent between `measureUs` and `endUs`. */
export interface Observation {
  /** Messages that this generator sent. */
  readonly sent: number;
  /** Deliveries to this generator's members, each counted once. */
  readonly delivered: number;
  /** Deliveries that came more than once. */
  readonly repeated: number;
  /** Deliveries that came between `measureUs` and `endUs`, whenever they were sent. */
  readonly deliveredInTime: number;
  /** From being sent to being read, µs. */
  readonly latencyUs: HistogramData;
  /** From when a message was due to when it was sent, µs; empty for a closed loop. */
  readonly latenessUs: HistogramData;
  /** Of one core, between `measureUs` and `endUs`. */
  readonly serverCpuShare: number;
  readonly generatorCpuShare: number;
  /** CPU time that all other processes took meanwhile, in cores: above a few per cent the machine was not ours alone. */
  readonly foreignCpuShare: number;
  readonly serverResidentBytes: number;
  readonly serverResidentBytesPeak: number;
  /** Datagrams that did not fit into the receive buffers, during the whole run. */
  readonly serverDrops: number;
  readonly generatorDrops: number;
  /** Datagrams that no generator sent, and the first of them as text. */
  readonly strangers: number;
  readonly firstStranger: string;
}
