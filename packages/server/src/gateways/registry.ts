import type { GatewayEntry } from './gateway.ts';
import { TcrpGateway } from './tcrp/gateway.ts';
import { UcrpGateway } from './ucrp/gateway.ts';

/** Every wire the server speaks, in the order they are opened and printed. A new wire is one line here. */
export const gateways: readonly GatewayEntry[] = [
  { name: 'tcrp', isEnabled: (config) => config.hybrid.enabled, create: (context) => new TcrpGateway(context) },
  { name: 'ucrp', isEnabled: (config) => config.hybrid.enabled, create: (context) => new UcrpGateway(context) },
];
