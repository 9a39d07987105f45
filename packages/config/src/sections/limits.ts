import { z } from 'zod';
import { count, rate } from '../fields.ts';

export const limitsSection = z
  .strictObject({
    rooms: count.default(100_000).describe('open rooms'),
    room_members: count.default(10_000).describe('members of one room'),
    members: count.default(200_000).describe('members of all rooms'),
    message_bytes: z.int().min(1).max(10_240).default(4096).describe('one message'),
    password_bytes: count.default(1024).describe('a room password'),
    member_messages: rate({ perSecond: 100, burst: 1000 }).describe('messages of one member'),
    address_requests: rate({ perSecond: 100, burst: 1000 }).describe('create and join requests of one IP address'),
    address_rooms: rate({ perSecond: 1, burst: 1000 }).describe('rooms made from one IP address'),
    address_names: rate({ perSecond: 0.1, burst: 200 }).describe('user names taken by device keys from one IP address'),
    key_names: count.default(16).describe('user names of one device key'),
    names: count.default(100_000).describe('user names that belong to device keys'),
    address_new_names: count.default(1000).describe('names of one IP address that were not used again on a later day'),
    name_keys: count.default(8).describe('device keys of one user name'),
    name_trial_ms: count.default(2_592_000_000).describe('without use, after which a name not used again is free'),
    name_idle_ms: count.default(34_560_000_000).describe('without use, after which any name is free'),
    address_faults: rate({ perSecond: 10, burst: 200 }).describe('bad input of one address until it is ignored'),
    addresses: count.default(65_536).describe('addresses whose rates are remembered'),
    password_checks: count.default(2).describe('at the same time, 19 MiB each'),
    password_waiters: count.default(256).describe('password checks in the queue'),
    address_password_checks: count.default(32).describe('of one IP address, under way or in the queue'),
    address_searches: rate({ perSecond: 5, burst: 50 }).describe('searches from one IP address'),
    searches: count.default(64).describe('searches under way'),
    search_page: count.max(1000).default(100).describe('messages of one page of what was found'),
    tail_events: count.default(256).describe('newest events of a room kept in memory'),
    tail_bytes: count.default(262_144).describe('as long as they stay within so many bytes'),
    commit_queue: count.default(65_536).describe('operations waiting for the store'),
    commit_batch: count.default(4096).describe('operations in one transaction'),
    reader_lag: count.default(10_000).describe('events a slow reader may be behind'),
  })
  .prefault({});
