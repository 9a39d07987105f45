/** What the sessions of link do at the moment and did since the start. */
export interface LinkSummary {
  /** Sessions that are on, by the path that their records take; `none`: waiting for their client to come back. */
  readonly sessions: Readonly<Record<'tcp' | 'udp' | 'none', number>>;
  readonly totals: Readonly<
    Record<'copies' | 'retransmissions' | 'packetsSent' | 'packetsReceived' | 'bytesSent' | 'bytesReceived', number>
  >;
  /** Packets dropped, by reason. */
  readonly drops: ReadonlyMap<string, number>;
  readonly pathChanges: readonly { readonly path: string; readonly reason: string; readonly count: number }[];
  /** One value of each session that has measured it, ascending. Times in ms, losses as shares. */
  readonly samples: Readonly<Record<'rttMs' | 'jitterMs' | 'lossOut' | 'lossIn' | 'confirmedAgoMs', readonly number[]>>;
}
