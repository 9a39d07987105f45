/**
 * What the server says, from user `SYSTEM`. Clients compare some of these lines whole, so they are exact to the byte, slips
 * included. None is empty: clients crash on an empty system line.
 */
export const stage1Texts = {
  /** To all joined, the joiner included. */
  joined: (name: string): string => `🎉 ${name} has joined the chat`,
  /** To those who remain, after a disconnect or a time-out. */
  left: (name: string): string => `👋 ${name} has left the chat...`,
  /** To the pinger only, joined or not. */
  pong: 'pong',
  /** To the one who is dropped. The sign is U+26D4 U+FE0F, and "log" is how programs expect it. */
  timedOut:
    '\u26d4\ufe0f You have been disconnected from the chat due to being inactive for too log.\n' +
    " Please enter 'join' to rejoin the chat.",
  /** To all joined, at shutdown. */
  shutdown: '🛑 Server is shutting down. Please wait until it comes back.',
} as const;
