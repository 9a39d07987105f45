import type { Config } from '@confab/config';

/** A TCRP port and the UCRP port that belongs to it. */
export interface PortPair {
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly isAlternate: boolean;
  /** Whether the server starts without it: nobody asked for these ports by name. */
  readonly isOptional: boolean;
  /** The settings to change when a port cannot be had. */
  readonly tcpKey: string;
  readonly udpKey: string;
}

const DEFAULT_ALTERNATE = { tcpPort: 12_346, udpPort: 12_347 };

/** The pairs of ports on which the hybrid wire is served. */
export function hybridPairs(hybrid: Config['hybrid']): PortPair[] {
  const pairs: PortPair[] = [
    {
      tcpPort: hybrid.tcpPort,
      udpPort: hybrid.udpPort,
      isAlternate: false,
      isOptional: false,
      tcpKey: 'hybrid.tcp_port (--tcp-port)',
      udpKey: 'hybrid.udp_port (--udp-port)',
    },
  ];
  const { alternate } = hybrid;
  if (alternate.enabled) {
    const isDefault =
      alternate.tcpPort === DEFAULT_ALTERNATE.tcpPort && alternate.udpPort === DEFAULT_ALTERNATE.udpPort;
    pairs.push({
      tcpPort: alternate.tcpPort,
      udpPort: alternate.udpPort,
      isAlternate: true,
      isOptional: isDefault,
      tcpKey: 'hybrid.alternate.tcp_port',
      udpKey: 'hybrid.alternate.udp_port',
    });
  }
  return pairs;
}
