/** What stands between clients of the rendezvous and their server in tests, and a server that is not Confab's. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { bridgeack, type Mode, NOBODY, PROBEACK, regack } from './bridge.ts';

/** A wiretap in front of the server. */
export async function listenIn(
  context: TestContext,
  mode: Mode,
  target: number,
): Promise<{ port: number; bytes: Buffer[] }> {
  const bytes: Buffer[] = [];
  if (mode === 'udp') {
    const port = await udpProxy(context, target, (datagram, forward) => {
      bytes.push(datagram);
      forward(datagram);
    });
    return { port, bytes };
  }
  const proxy = createServer({ allowHalfOpen: true }, (near) => {
    const far = connectTcp({ host: '127.0.0.1', port: target, allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.on('data', (chunk: Buffer) => {
        bytes.push(chunk);
        to.write(chunk);
      });
      from.on('end', () => to.end());
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  context.after(() => void proxy.close());
  return { port: (proxy.address() as AddressInfo).port, bytes };
}

/** Passes datagrams between clients and a server; each client has a socket of its own to the server. */
async function udpProxy(
  context: TestContext,
  target: number,
  pass: (datagram: Buffer, forward: (datagram: Uint8Array) => void) => void,
): Promise<number> {
  const near = createSocket('udp4');
  const far = new Map<number, ReturnType<typeof createSocket>>();
  near.bind(0, '127.0.0.1');
  await once(near, 'listening');
  near.on('message', (datagram, { port }) => {
    let socket = far.get(port);
    if (socket === undefined) {
      socket = createSocket('udp4');
      far.set(port, socket);
      socket.on('message', (answer) => pass(answer, (bytes) => near.send(bytes, port, '127.0.0.1')));
    }
    const out = socket;
    pass(datagram, (bytes) => out.send(bytes, target, '127.0.0.1'));
  });
  context.after(() => {
    near.close();
    for (const socket of far.values()) socket.close();
  });
  return near.address().port;
}

/** Changes every other sealed datagram, repeats the rest, and forges some. */
export async function tamperingRelay(
  context: TestContext,
  target: number,
): Promise<{ port: number; tamper: { isOn: boolean; changed: number; repeated: number } }> {
  const tamper = { isOn: false, changed: 0, repeated: 0 };
  let passed = 0;
  const port = await udpProxy(context, target, (datagram, forward) => {
    if (!tamper.isOn || datagram[0] !== 0xff) {
      forward(datagram);
      return;
    }
    passed += 1;
    if (passed % 2 === 0) {
      const changed = Buffer.from(datagram);
      changed[19 + (passed % (datagram.length - 19))]! ^= 0x40;
      tamper.changed += 1;
      forward(changed);
    } else {
      tamper.repeated += 1;
      for (let copy = 0; copy < 3; copy += 1) forward(datagram);
    }
  });
  return { port, tamper };
}

/** TCP mode as the page has it, without anything of Confab. */
export async function otherRendezvous(
  context: TestContext,
  isStrict: boolean,
): Promise<{ port: number; packets: string[] }> {
  const clients = new Map<string, string>();
  const packets: string[] = [];
  const rendezvous = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (chunk: Buffer) => {
      const packet = chunk.toString();
      packets.push(packet);
      const [type, ...fields] = packet.split('\r\n');
      const [id, ip, port] = fields.map((field) => field.split(': ')[1] ?? '');
      if (type === 'PROBE') socket.end(PROBEACK);
      else if (type === 'REGISTER' && (!isStrict || /^REGISTER(\r\n\w+: \S+){3}\r\n\r\n$/.test(packet))) {
        clients.set(id!, bridgeack(id!, ip!, Number(port)));
        socket.end(regack(id!, ip!, Number(port)));
      } else if (type === 'BRIDGE') {
        const other = [...clients].find(([client]) => client !== id);
        socket.end(other?.[1] ?? NOBODY);
      } else socket.end();
    });
  });
  rendezvous.listen(0, '127.0.0.1');
  await once(rendezvous, 'listening');
  context.after(() => void rendezvous.close());
  return { port: (rendezvous.address() as AddressInfo).port, packets };
}
