/** What a session speaks through: a connection of either wire. */
export interface JsonTransport {
  /** IP address of the peer. */
  readonly address: string;
  /** Say one JSON object. */
  send(text: string): void;
  /** What the stream writer knows it by; it is written to that way, too, until the session is closed. */
  readonly lane: number;
  /** Write framed objects. False: the peer reads too slowly; `session.drained` is called when it has caught up. */
  write(bytes: Uint8Array): boolean;
  /** Write the rest of what the stream writer could not write in full. Answers as `write` does. */
  writeRest(bytes: Uint8Array): boolean;
  /** Do this, and put all that it writes into one write. */
  together(task: () => void): void;
  /** `session.isBusy` may have changed: read on, or stop reading. */
  regulate(): void;
  /** Say a last thing, and close when it has gone out. Takes nothing more from the peer. */
  end(text?: string): void;
}
