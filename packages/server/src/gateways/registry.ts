import { BridgeGateway } from './bridge/gateway.ts';
import type { GatewayEntry } from './gateway.ts';
import { JsonDatagramsGateway } from './json-datagrams/gateway.ts';
import { JsonLinesGateway } from './json-lines/gateway.ts';
import { LinkGateway } from './link/gateway.ts';
import { Stage1Gateway } from './stage1/gateway.ts';
import { TcrpGateway } from './tcrp/gateway.ts';
import { UcrpGateway } from './ucrp/gateway.ts';
import { WebSocketGateway } from './websocket/gateway.ts';

/** Every wire the server speaks, in the order they are opened and printed. A new wire is one line here. */
export const gateways: readonly GatewayEntry[] = [
  { name: 'tcrp', isEnabled: (config) => config.hybrid.enabled, create: (context) => new TcrpGateway(context) },
  { name: 'ucrp', isEnabled: (config) => config.hybrid.enabled, create: (context) => new UcrpGateway(context) },
  {
    name: 'json-lines',
    isEnabled: (config) => config.jsonLines.enabled,
    create: (context) => new JsonLinesGateway(context),
  },
  { name: 'http', isEnabled: (config) => config.http.enabled, create: (context) => new WebSocketGateway(context) },
  { name: 'stage1', isEnabled: (config) => config.stage1.enabled, create: (context) => new Stage1Gateway(context) },
  {
    name: 'json-datagrams',
    isEnabled: (config) => config.jsonDatagrams.enabled,
    create: (context) => new JsonDatagramsGateway(context),
  },
  { name: 'link', isEnabled: (config) => config.link.enabled, create: (context) => new LinkGateway(context) },
  { name: 'bridge', isEnabled: (config) => config.bridge.enabled, create: (context) => new BridgeGateway(context) },
];
