import { z } from 'zod';
import { count, port } from '../fields.ts';

const requestTimeoutMs = count.default(10_000).describe('time for a request to arrive whole');
const receiveBufferBytes = count.default(4_194_304).describe('of each UDP socket; the system may allow less');

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
