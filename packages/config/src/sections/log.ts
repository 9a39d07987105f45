import { z } from 'zod';
import { amount, count } from '../fields.ts';

export const logSection = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('least that is logged'),
    format: z.enum(['auto', 'text', 'json']).default('auto').describe('auto: text on a terminal, else JSON'),
    file: z.string().default('').describe('file to log to; empty: standard error'),
    rotate_bytes: count.default(10_485_760).describe('size at which a log file is rotated'),
    rotate_days: count.default(7).describe('age at which a log file is rotated'),
    keep: amount.default(10).describe('rotated files that are kept'),
    conversation: z.string().default('').describe('file that gets every line said, in clear; empty: none'),
  })
  .prefault({});

export const traceSection = z
  .strictObject({
    enabled: z.boolean().default(false).describe('let `confab trace` watch the plaintext wires, on loopback only'),
    tcp_port: z.int().min(0).max(65_535).default(9099).describe('where it connects'),
    secrets: z.boolean().default(false).describe('show tokens and passwords in the trace'),
  })
  .prefault({});

/** Settings of our own clients. */
export const clientSection = z
  .strictObject({
    url: z.string().default('').describe('where `confab chat` connects when no URL is given'),
    user: z.string().default('').describe('user name; empty: that of the system'),
    connect_timeout_ms: count.default(10_000).describe('for a connection and its answers'),
    send_timeout_ms: count.default(3000).describe('for the confirmation of a message, where no retries are made'),
    base_delay_ms: count.default(500).describe('first wait for an acknowledgement; doubled each time'),
    max_retries: amount.max(16).default(5).describe('times that a message is sent again'),
    device_key: z
      .string()
      .default('')
      .describe('link: file of the device key; empty: `confab/device_key` in ~/.config'),
    known_servers: z
      .string()
      .default('')
      .describe('link: file of the keys of servers met before; empty: `confab/known_servers` in ~/.config'),
    outbox: z
      .string()
      .default('')
      .describe('link: folder of unsent messages; empty: `confab/outbox` in ~/.local/state'),
    path: z.enum(['auto', 'udp', 'tcp']).default('auto').describe('link: path of what is said'),
    events_max: count.default(10_000).describe('events kept for a reader that does not read'),
  })
  .prefault({});
