/** The ports of each wire's section of the configuration. */
const ports = {
  hybrid: ['tcp_port', 'udp_port'],
  stage1: ['udp_port'],
  json_lines: ['tcp_port'],
  json_datagrams: ['udp_port'],
  bridge: ['tcp_port', 'udp_port'],
  http: ['tcp_port'],
  link: ['tcp_port', 'udp_port'],
} as const;

export type WireSection = keyof typeof ports;

/** All wires that a server of a test can speak. */
export const wireSections = Object.keys(ports) as WireSection[];

/**
 * Settings, by dotted path, for a server that speaks only these wires, each on ports that the system chooses: so that tests
 * can run side by side.
 */
export function wireSettings(...wires: readonly WireSection[]): Record<string, number | boolean> {
  const settings: Record<string, number | boolean> = { 'hybrid.alternate.enabled': false };
  for (const wire of wireSections) {
    if (wires.includes(wire)) for (const port of ports[wire]) settings[`${wire}.${port}`] = 0;
    else settings[`${wire}.enabled`] = false;
  }
  return settings;
}

/**
 * Environment in which a server speaks only the hybrid wire unless flags say otherwise, and not on the alternate ports: what
 * every process that a test starts should have, since the default ports of one machine are there only once.
 */
export const quietEnvironment: Readonly<Record<string, string>> = Object.fromEntries([
  ['CONFAB_HYBRID_ALTERNATE_ENABLED', 'false'],
  ...wireSections.filter((wire) => wire !== 'hybrid').map((wire) => [`CONFAB_${wire.toUpperCase()}_ENABLED`, 'false']),
]);
