import type { Hub } from '@confab/core';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { Logger } from 'pino';
import { plainAddress } from '../../address.ts';
import type { Metrics } from '../../metrics.ts';
import type { RoomList } from '../json-rooms.ts';
import type { Hosts } from './hosts.ts';
import type { Origins } from './origins.ts';
import { welcomePage } from './page.ts';

/** Most rooms of one answer. */
const ROOMS_MAX = 1000;

export interface AppOptions {
  readonly hub: Hub;
  readonly rooms: RoomList;
  readonly origins: Origins;
  readonly hosts: Hosts;
  /** None: `/metrics` is not served. */
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
  /** Whether this IP address may ask for something now. */
  takesRequest(address: string): boolean;
  /** Whether the server takes connections. */
  isReady(): boolean;
}

export const HOST_REFUSED_TEXT = 'This server is not known by that name; see http.hosts';

type Environment = { Bindings: HttpBindings };

/** Nothing that the server says is a page that may load, frame or guess anything. */
const securityHeaders = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-store',
} as const;

/** Everything over plain HTTP. Errors are JSON: `{"code": …, "message": …}`. */
export function createApp(options: AppOptions): Hono<Environment> {
  const { hub, origins, hosts, metrics, log } = options;
  const app = new Hono<Environment>();
  app.use(async (context, next) => {
    for (const [name, value] of Object.entries(securityHeaders)) context.header(name, value);
    const origin = context.req.header('origin');
    if (origin !== undefined && origins.isForeign(origin)) {
      context.header('Access-Control-Allow-Origin', origin);
      context.header('Cross-Origin-Resource-Policy', 'cross-origin');
    }
    context.header('Vary', 'Origin');
    await next();
  });
  // Of no cost, and asked by those who restart a server that does not answer: never refused.
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', (context) =>
    options.isReady() ? context.json({ status: 'ready' }) : context.json({ status: 'stopping' }, 503),
  );
  app.use(async (context, next) => {
    const { host, origin } = context.env.incoming.headers;
    const isKnown = hosts.permits(host) || (origin !== undefined && origins.isForeign(origin));
    if (!isKnown) return refuse(context, 421, 'HOST_REFUSED', HOST_REFUSED_TEXT);
    await next();
    return undefined;
  });
  app.use(async (context, next) => {
    if (!options.takesRequest(plainAddress(context.env.incoming.socket.remoteAddress))) {
      context.header('Retry-After', '1');
      return refuse(context, 429, 'RATE_LIMITED', 'Too many requests; try again later');
    }
    if (context.req.method !== 'GET' && context.req.method !== 'HEAD') {
      context.header('Allow', 'GET, HEAD');
      return refuse(context, 405, 'METHOD_NOT_ALLOWED', `Cannot ${context.req.method}: only GET and HEAD`);
    }
    await next();
    return undefined;
  });
  app.get('/', (context) => context.html(welcomePage(context.req.header('host') ?? 'localhost')));
  app.get('/api/rooms', (context) => {
    const limit = Number(context.req.query('limit') ?? ROOMS_MAX);
    if (!Number.isInteger(limit) || limit < 1 || limit > ROOMS_MAX) {
      return refuse(context, 400, 'LIMIT_INVALID', `limit must be a whole number from 1 to ${ROOMS_MAX}`);
    }
    return context.json(roomsPage(hub, options.rooms.names, context.req.query('after'), limit));
  });
  if (metrics !== undefined) {
    app.get('/metrics', async (context) => {
      context.header('Content-Type', metrics.contentType);
      return context.body(await metrics.text());
    });
  }
  app.get('/ws', (context) => {
    context.header('Upgrade', 'websocket');
    return refuse(context, 426, 'UPGRADE_REQUIRED', 'Connect with a WebSocket client');
  });
  app.notFound((context) => refuse(context, 404, 'NOT_FOUND', 'There is nothing here'));
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.path }, 'http: request failed');
    return refuse(context, 500, 'SERVER_ERROR', 'The server has failed; its log tells more');
  });
  return app;
}

/** Rooms behind the name `after`, in the order of code points; `more`: how many follow. */
function roomsPage(hub: Hub, names: readonly string[], after: string | undefined, limit: number) {
  const start = after === undefined ? 0 : names.indexOf(after) + 1;
  const page = names.slice(start, start + limit);
  const rooms = page.flatMap((name) => {
    const room = hub.findRoom(name);
    if (room === undefined) return [];
    return [{ name, kind: room.kind, members: room.memberCount, hasPassword: room.passwordHash !== undefined }];
  });
  return { rooms, more: names.length - start - page.length };
}

function refuse(context: Context, status: 400 | 404 | 405 | 421 | 426 | 429 | 500, code: string, message: string) {
  return context.json({ code, message }, status);
}
