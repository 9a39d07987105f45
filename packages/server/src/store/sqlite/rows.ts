import type { LoadedRoom, RoomKind, StoredMember, StoredName } from '@confab/core';
import type { SqlValue } from './database.ts';

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
