import type { LoadedRoom, RoomEvent, RoomKind, StoredMember, StoredName } from '@confab/core';
import type { SqlValue } from './database.ts';
import type { ReadStatements } from './statements.ts';

/** A row of `events`, in the order of the statements' columns. */
type EventRow = [
  number,
  number,
  number,
  number,
  number,
  number,
  string,
  string | null,
  number | null,
  Uint8Array,
  number,
];

export function eventOfRow(row: SqlValue[]): RoomEvent {
  const [roomId, seq, position, kind, timeMs, author, user, clientId, target, body, isVerified] = row as EventRow;
  return {
    roomId,
    seq,
    position,
    kind,
    timeMs,
    author,
    user,
    isVerified: isVerified === 1 ? true : undefined,
    clientId: clientId ?? undefined,
    target: target ?? undefined,
    body,
  };
}

type RoomRow = [number, string, RoomKind, string | null, number | null, number, number | null, number | null];

export function roomOfRow(row: SqlValue[], lastSeqByKind: ReadonlyMap<number, number>): LoadedRoom {
  const [id, name, kind, passwordHash, hostId, createdMs, firstSeq, lastSeq] = row as RoomRow;
  return {
    id,
    name,
    kind,
    passwordHash: passwordHash ?? undefined,
    hostId: hostId ?? undefined,
    createdMs,
    firstSeq: firstSeq ?? 1,
    lastSeq: lastSeq ?? 0,
    lastSeqByKind,
  };
}

export function memberOfRow(row: SqlValue[]): StoredMember {
  const [id, roomId, user, tokenDigest, address, profile, joinedMs, deviceKey] = row as [
    number,
    number,
    string,
    string | null,
    string,
    string,
    number,
    string | null,
  ];
  return {
    id,
    roomId,
    user,
    deviceKey: deviceKey ?? undefined,
    tokenDigest: tokenDigest ?? undefined,
    address,
    profile,
    joinedMs,
  };
}

export function nameOfRow(row: SqlValue[]): StoredName {
  const [user, deviceKey, takenMs, usedMs, address, addedBy] = row as [
    string,
    string,
    number,
    number,
    string,
    string | null,
  ];
  return { user, deviceKey, takenMs, usedMs, address, addedBy: addedBy ?? undefined };
}

/** One seek of the index for each kind the room has, however many events they are. */
export function readLastSeqByKind(statements: ReadStatements, roomId: number): Map<number, number> {
  const lastSeqByKind = new Map<number, number>();
  let bound = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const row = statements.trackedKindBelow.get(roomId, bound) as [number, number] | undefined;
    if (row === undefined) return lastSeqByKind;
    lastSeqByKind.set(row[0], row[1]);
    bound = row[0];
  }
}
