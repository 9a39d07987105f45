import { z } from 'zod';
import { amount, count, port, rate } from '../fields.ts';

const requestTimeoutMs = count.default(10_000).describe('time for a request to arrive whole');
const receiveBufferBytes = count.default(4_194_304).describe('of each UDP socket; the system may allow less');
const unprovenBytes = () =>
  rate({ perSecond: 65_536, burst: 262_144 }).describe('bytes to those at one IP address that were heard but once');

/** TCRP and UCRP. */
export const hybridSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve TCRP and UCRP'),
    tcp_port: port.default(9090).describe('TCRP'),
    udp_port: port.default(9091).describe('UCRP'),
    alternate: z
      .strictObject({
        enabled: z.boolean().default(true).describe('listen on a second pair of ports, where some programs look'),
        tcp_port: port.default(12_346).describe('TCRP'),
        udp_port: port.default(12_347).describe('UCRP'),
      })
      .prefault({}),
    notices: z.boolean().default(false).describe('tell UCRP members of joins and leaves'),
    bind_token_to_address: z.boolean().default(true).describe('a token opens only from the IP address that got it'),
    request_timeout_ms: requestTimeoutMs,
    member_timeout_ms: count.default(86_400_000).describe('silence after which a UCRP member is dropped'),
    connections_max: count.default(1024).describe('TCRP connections; beyond it the oldest unfinished one is closed'),
    address_connections_max: count.default(256).describe('of these, from one IP address'),
    payload_bytes_max: z.int().min(64).max(65_536).default(65_536).describe('TCRP payload'),
    receive_buffer_bytes: receiveBufferBytes,
  })
  .prefault({});

/** Plain broadcast chat. */
export const stage1Section = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve stage 1 broadcast chat'),
    udp_port: port.default(12_345).describe('stage 1'),
    room: z.string().min(1).default('stage1').describe('the room that all its users share'),
    member_timeout_ms: count.default(60_000).describe('silence after which a user is dropped'),
    check_interval_ms: count.default(10_000).describe('how often silence is looked for'),
    members_max: count.default(10_000).describe('addresses that are sent to'),
    address_members_max: count.default(1000).describe('of these, on one IP address'),
    unproven_bytes: unprovenBytes(),
    receive_buffer_bytes: receiveBufferBytes,
  })
  .prefault({});

/** JSON, one object a line, over TCP. */
export const jsonLinesSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve JSON lines'),
    tcp_port: port.default(8765).describe('JSON lines'),
    history: amount.max(1000).default(100).describe('newest events sent to who joins'),
    max_connections: count.default(20_000).describe('beyond it: `Server busy, try again later`'),
    address_connections_max: count.default(20_000).describe('of these, from one IP address'),
    idle_connections_max: count
      .default(2048)
      .describe('connections in no room; beyond it the oldest of them is closed'),
    request_timeout_ms: requestTimeoutMs,
    join_timeout_ms: count.default(60_000).describe('time in no room after which a connection is closed'),
    stalled_timeout_ms: count.default(60_000).describe('time without reading after which a connection is closed'),
    send_buffer_bytes: count.default(262_144).describe('unsent bytes of one connection at which its reading pauses'),
  })
  .prefault({});

/** JSON, one object a datagram. */
export const jsonDatagramsSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve JSON datagrams'),
    udp_port: port.default(8766).describe('JSON datagrams'),
    history: amount.max(1000).default(50).describe('newest events sent to who joins'),
    base_delay_ms: count.default(500).describe('first wait for the acknowledgement of a broadcast; doubled each time'),
    max_retries: amount.max(16).default(5).describe('times that a broadcast is sent again'),
    unacked_max: count.default(256).describe('broadcasts under way to one peer that acknowledges'),
    ack_hold_ms: amount.max(400).default(200).describe('longest wait for the store before a message is acknowledged'),
    member_timeout_ms: count.default(300_000).describe('silence after which a peer is dropped'),
    members_max: count.default(20_000).describe('peers'),
    address_members_max: count.default(1000).describe('of these, on one IP address'),
    ids_max: count.default(1024).describe('ids of one peer remembered against repetition'),
    unproven_bytes: unprovenBytes(),
    receive_buffer_bytes: receiveBufferBytes,
  })
  .prefault({});

/** Rendezvous for direct chat. */
export const bridgeSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve the rendezvous'),
    tcp_port: port.default(7000).describe('TCP mode'),
    udp_port: port.default(7001).describe('UDP mode'),
    packets_max: count.default(10).describe('packets of one address before a chat begins; beyond it: ignored'),
    ban_ms: count.default(600_000).describe('how long an address is ignored'),
    registration_timeout_ms: count.default(3_600_000).describe('time after which a registration is forgotten'),
    registrations_max: count.default(10_000).describe('clients that wait'),
    address_registrations_max: count.default(256).describe('of these, from one IP address'),
    request_timeout_ms: requestTimeoutMs,
    connections_max: count.default(1024).describe('TCP connections; beyond it the oldest unfinished one is closed'),
    address_connections_max: count.default(256).describe('of these, from one IP address'),
    relay: z.boolean().default(true).describe('relay between Confab clients that find no direct path'),
    relay_bytes_per_second: count.default(65_536).describe('of one relayed pair'),
    relay_timeout_ms: count.default(120_000).describe('silence after which a relayed pair is dropped'),
    relays_max: count.default(1000).describe('relayed pairs'),
    receive_buffer_bytes: receiveBufferBytes,
  })
  .prefault({});

/** Web app, WebSocket, HTTP. */
export const httpSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve HTTP and WebSocket'),
    tcp_port: port.default(8080).describe('HTTP and WebSocket'),
    history: amount.max(1000).default(100).describe('newest events sent to who joins'),
    origins: z.string().default('').describe('other web origins that may connect, separated by blanks; * for all'),
    hosts: z
      .string()
      .default('')
      .describe(
        'names by which the server is reached, besides addresses and localhost, separated by blanks; * for all',
      ),
    max_connections: count.default(20_000).describe('WebSocket connections'),
    address_connections_max: count.default(20_000).describe('of these, from one IP address'),
    idle_connections_max: count
      .default(2048)
      .describe('connections in no room; beyond it the oldest of them is closed'),
    join_timeout_ms: count.default(60_000).describe('time in no room after which a connection is closed'),
    ping_interval_ms: count.default(30_000).describe('between pings; a connection that missed one is closed'),
    send_buffer_bytes: count.default(262_144).describe('unsent bytes of one connection at which its reading pauses'),
    request_timeout_ms: requestTimeoutMs,
    compression: z.boolean().default(false).describe('permessage-deflate; costs memory and time for each connection'),
    metrics: z.boolean().default(true).describe('serve /metrics'),
    api_requests: rate({ perSecond: 50, burst: 200 }).describe('HTTP requests of one IP address'),
  })
  .prefault({});

/** What wires that know only lines of chat show of the rest. */
export const olderWiresSection = z
  .strictObject({
    edits: z.boolean().default(true).describe('show a correction as a new line, `* corrected text`'),
    reactions: z.boolean().default(false).describe('show a reaction as a notice, where the wire shows notices'),
  })
  .prefault({});
