import type { Config } from '@confab/config';
import type { Limits } from '@confab/core';

/** The core's limits, as configured. */
export function toLimits(limits: Config['limits']): Limits {
  return {
    roomsMax: limits.rooms,
    roomMembersMax: limits.roomMembers,
    membersMax: limits.members,
    messageBytesMax: limits.messageBytes,
    passwordBytesMax: limits.passwordBytes,
    memberMessages: limits.memberMessages,
    addressRequests: limits.addressRequests,
    addressRooms: limits.addressRooms,
    addressNames: limits.addressNames,
    keyNamesMax: limits.keyNames,
    namesMax: limits.names,
    addressNewNamesMax: limits.addressNewNames,
    nameKeysMax: limits.nameKeys,
    nameTrialMs: limits.nameTrialMs,
    nameIdleMs: limits.nameIdleMs,
    addressFaults: limits.addressFaults,
    addressesMax: limits.addresses,
    passwordChecksMax: limits.passwordChecks,
    passwordWaitersMax: limits.passwordWaiters,
    addressPasswordChecksMax: limits.addressPasswordChecks,
    addressSearches: limits.addressSearches,
    searchesMax: limits.searches,
    searchPageMax: limits.searchPage,
    tailEventsMax: limits.tailEvents,
    tailBytesMax: limits.tailBytes,
    commitQueueMax: limits.commitQueue,
    commitBatchMax: limits.commitBatch,
    readerLagMax: limits.readerLag,
  };
}
