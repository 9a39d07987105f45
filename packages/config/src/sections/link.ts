import { z } from 'zod';
import { count, port, rate } from '../fields.ts';

/** Confab's own wire: TLS and sealed datagrams. */
export const linkSection = z
  .strictObject({
    enabled: z.boolean().default(true).describe('serve confab://'),
    tcp_port: port.default(9443).describe('TLS'),
    udp: z.boolean().default(true).describe('offer sealed datagrams; false: TLS alone'),
    udp_port: port.default(9443).describe('sealed datagrams'),
    certificate: z.string().default('').describe('PEM file; empty: one of its own, made at the first start'),
    key: z.string().default('').describe("the certificate's private key, PEM file"),
    guests: z.boolean().default(true).describe('let in who proves no device key, under names that are nobody’s'),
    handshake_timeout_ms: count.default(10_000).describe('time for a connection to say who it is'),
    session_grace_ms: count.default(60_000).describe('time that a session is kept after its last path is gone'),
    resume_window_ms: count.default(86_400_000).describe('time that a membership is kept without a session'),
    connections_max: count.default(1024).describe('connections that have not said who they are; the oldest is closed'),
    address_connections_max: count.default(256).describe('of these, from one IP address'),
    sessions_max: count.default(20_000).describe('sessions'),
    address_sessions_max: count.default(20_000).describe('of these, from one IP address'),
    datagram_bytes_max: z
      .int()
      .min(1200)
      .max(65_507)
      .default(8192)
      .describe('largest datagram that is tried; above 1472 only where the system can be told not to cut it'),
    requests: rate({ perSecond: 50, burst: 200 }).describe('requests of one session: join, leave, rooms, users'),
    ephemerals: rate({ perSecond: 10, burst: 20 }).describe('typing and presence of one session; beyond it: dropped'),
    receive_buffer_bytes: count.default(4_194_304).describe('of the UDP socket; the system may allow less'),
  })
  .prefault({});
