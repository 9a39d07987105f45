/** What the process tells its caller. Printed in the help of the commands that use them. */
export const ExitCode = {
  /** Did what was asked: left, end of input, stopped. */
  OK: 0,
  /** Could not start, could not connect, was refused, or the connection was lost. */
  FAILED: 1,
  /** Wrong usage or configuration. */
  USAGE: 2,
  /** The room was closed by its host. */
  ROOM_CLOSED: 3,
  /** Some message was not accepted or not confirmed. */
  NOT_SENT: 4,
  /** `doctor`: chat works, but not as well as it could. */
  IMPAIRED: 5,
  /** SIGHUP, after leaving properly: 128 + 1. */
  HANGUP: 129,
  /** SIGINT, after leaving properly (or at once, the second time): 128 + 2. */
  INTERRUPTED: 130,
  /** SIGTERM, after leaving properly: 128 + 15. */
  TERMINATED: 143,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The code for each signal that a command ends by. */
export const signalExitCodes = {
  SIGHUP: ExitCode.HANGUP,
  SIGINT: ExitCode.INTERRUPTED,
  SIGTERM: ExitCode.TERMINATED,
} as const satisfies Partial<Record<NodeJS.Signals, ExitCode>>;

export type EndingSignal = keyof typeof signalExitCodes;

export const endingSignals = Object.keys(signalExitCodes) as readonly EndingSignal[];
