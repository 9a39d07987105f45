import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Server } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { temporaryDirectory } from '@confab/testing';
import { testAuthority } from '@confab/testing/certificate-authority';
import { type LinkCertificate, loadCertificate } from './certificate.ts';
import { ephemeralDeviceKey, isDeviceProofRight } from './device-key.ts';
import { knownServersFile, knownServersInMemory } from './known-servers.ts';
import { type ConnectTlsOptions, connectTls, exporterValues, LINK_ALPN, linkServerOptions, speaksLink } from './tls.ts';
import { type Trust, trustOf } from './trust.ts';

const host = '127.0.0.1';

interface World {
  readonly port: number;
  readonly certificate: LinkCertificate;
  /** Connections whose handshake the server finished. */
  readonly sockets: TLSSocket[];
  /** What the server got on them. */
  readonly received: Buffer[];
  readonly refused: Error[];
  /** The next one of them. */
  readonly accepted: () => Promise<TLSSocket>;
  readonly connect: (trust: Trust, more?: Partial<ConnectTlsOptions>) => ReturnType<typeof connectTls>;
}

async function listen(context: TestContext, server: Server): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function serve(context: TestContext, timeoutMs = 5000): Promise<World> {
  const certificate = loadCertificate({ folder: temporaryDirectory(context).path });
  const sockets: TLSSocket[] = [];
  const received: Buffer[] = [];
  const refused: Error[] = [];
  let tellAccepted: ((socket: TLSSocket) => void) | undefined;
  const server = createServer(linkServerOptions(certificate, timeoutMs));
  server.on('tlsClientError', (error, socket) => {
    refused.push(error);
    socket.destroy();
  });
  server.on('secureConnection', (socket) => {
    socket.on('data', (bytes: Buffer) => received.push(bytes)).on('error', () => undefined);
    if (!speaksLink(socket)) {
      refused.push(new Error('names no protocol'));
      socket.destroy();
      return;
    }
    sockets.push(socket);
    tellAccepted?.(socket);
  });
  const port = await listen(context, server);
  return {
    port,
    certificate,
    sockets,
    received,
    refused,
    accepted: () =>
      new Promise((resolve) => {
        tellAccepted = resolve;
      }),
    connect: (trust, options) => connectFor(context, { host, port, trust, timeoutMs: 5000, ...options }),
  };
}

async function connectFor(context: TestContext, options: ConnectTlsOptions): ReturnType<typeof connectTls> {
  const made = await connectTls(options);
  made.socket.on('error', () => undefined);
  context.after(() => made.socket.destroy());
  return made;
}

/** A TLS server of another kind; the port, and a pin that fits. */
async function serveOther(context: TestContext, more: TlsOptions): Promise<{ port: number; trust: Trust }> {
  const { certificate, key, fingerprint } = loadCertificate({ folder: temporaryDirectory(context).path });
  const server = createServer({ cert: certificate, key, ...more });
  server.on('tlsClientError', () => undefined);
  return { port: await listen(context, server), trust: pin(fingerprint) };
}

const tlsOf = ({ certificate, key }: { certificate: string; key: string }): TlsOptions => ({ cert: certificate, key });
const pin = (fingerprint: string): Trust => ({ kind: 'pin', fingerprint });
const other = Buffer.alloc(32, 1).toString('base64url');

describe('A connection of link', () => {
  it('is TLS 1.3 with the ALPN of link, to a server with the pinned key', async (context) => {
    const world = await serve(context);
    const made = await world.connect(pin(world.certificate.fingerprint));
    assert.equal(made.socket.getProtocol(), 'TLSv1.3');
    assert.equal(made.socket.alpnProtocol, LINK_ALPN);
    assert.deepEqual([made.fingerprint, made.isFirstUse], [world.certificate.fingerprint, false]);
  });

  it('gives both ends the same secrets, others for each connection and each purpose', async (context) => {
    const world = await serve(context);
    const seen = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const accepted = world.accepted();
      const { exporters } = await world.connect(pin(world.certificate.fingerprint));
      const socket = await accepted;
      assert.deepEqual(exporterValues(socket), exporters);
      for (const value of [exporters.datagrams, exporters.device]) {
        assert.equal(value.length, 32);
        seen.add(Buffer.from(value).toString('hex'));
      }
    }
    assert.equal(seen.size, 6);
  });

  it('lets a device prove itself to this server on this connection, and on no other', async (context) => {
    const world = await serve(context);
    const accepted = world.accepted();
    const { exporters } = await world.connect(pin(world.certificate.fingerprint));
    const proof = ephemeralDeviceKey().prove(exporters.device);
    assert.equal(isDeviceProofRight(proof, exporterValues(await accepted).device), true);
    const again = world.accepted();
    await world.connect(pin(world.certificate.fingerprint));
    assert.equal(isDeviceProofRight(proof, exporterValues(await again).device), false);
  });
});

describe('Trust on first use', () => {
  it('remembers the key, and finds it again without asking', async (context) => {
    const world = await serve(context);
    const servers = knownServersFile(`${temporaryDirectory(context).path}/known_servers`);
    assert.equal((await world.connect({ kind: 'known', servers })).isFirstUse, true);
    assert.equal((await world.connect({ kind: 'known', servers })).isFirstUse, false);
    assert.equal(servers.find(`127.0.0.1:${world.port}`)?.fingerprint, world.certificate.fingerprint);
  });

  it('stops at a key that has changed before anything is sent, and says what to do', async (context) => {
    const world = await serve(context);
    const servers = knownServersFile(`${temporaryDirectory(context).path}/known_servers`);
    const name = `127.0.0.1:${world.port}`;
    servers.add(name, other);
    await assert.rejects(world.connect({ kind: 'known', servers }), (error: Error & { code: string }) => {
      assert.equal(error.code, 'PIN_MISMATCH');
      for (const part of [name, other, world.certificate.fingerprint, 'Nothing was sent', servers.place, 'line 1']) {
        assert.ok(error.message.includes(part), part);
      }
      return true;
    });
    assert.equal(servers.find(name)?.fingerprint, other, 'what was known stays');
    assert.deepEqual(world.received, []);
  });

  it('remembers nobody who does not speak link', async (context) => {
    const servers = knownServersInMemory();
    for (const more of [{ ALPNProtocols: ['http/1.1'] }, {}]) {
      const { port } = await serveOther(context, more);
      const trust: Trust = { kind: 'known', servers };
      await assert.rejects(connectFor(context, { host, port, trust, timeoutMs: 5000 }), { code: 'NOT_LINK' });
      assert.equal(servers.find(`127.0.0.1:${port}`), undefined);
    }
  });
});

describe('A pin', () => {
  it('of another key stops before anything is sent', async (context) => {
    const world = await serve(context);
    await assert.rejects(world.connect(pin(other)), { code: 'PIN_MISMATCH', message: /URL that has the new pin/ });
    assert.deepEqual(world.received, []);
  });

  it('stands in the URL, or an authority does, or neither', () => {
    const servers = knownServersInMemory();
    const trust = (query: string) => trustOf(new URL(`confab://host:9443/room${query}`), servers);
    assert.deepEqual(trust(''), { kind: 'known', servers });
    assert.deepEqual(trust(`?pin=${other}`), { kind: 'pin', fingerprint: other });
    assert.deepEqual(trust('?trust=ca'), { kind: 'ca' });
    for (const query of ['?pin=', '?pin=x', `?pin=${other}x`, '?trust=', '?trust=all', `?pin=${other}&trust=ca`]) {
      assert.throws(() => trust(query), { code: 'TRUST_INVALID' }, query);
    }
    assert.throws(() => trust(`?pin=${other}&pin=${other}`), { code: 'TRUST_INVALID' });
  });
});

describe('Trust in authorities', () => {
  it('takes a certificate that they vouch for, and no other', async (context) => {
    const world = await serve(context);
    await assert.rejects(world.connect({ kind: 'ca' }), { code: 'CERTIFICATE_UNTRUSTED' });
    // Vouched for, but for no such name: ours carries none.
    const trust: Trust = { kind: 'ca', authorities: world.certificate.certificate };
    await assert.rejects(world.connect(trust), { code: 'CERTIFICATE_UNTRUSTED', message: /127\.0\.0\.1/ });
    assert.deepEqual(world.received, []);
  });

  it('needs no pin for a server whose name they vouch for, and remembers nobody', async (context) => {
    const authority = testAuthority();
    const server = await serveOther(context, {
      ...tlsOf(authority.issue('localhost', '127.0.0.1')),
      minVersion: 'TLSv1.3',
      ALPNProtocols: [LINK_ALPN],
    });
    const trust: Trust = { kind: 'ca', authorities: authority.certificate };
    for (const name of ['localhost', '127.0.0.1']) {
      const { isFirstUse, socket } = await connectFor(context, {
        host: name,
        port: server.port,
        trust,
        timeoutMs: 5000,
      });
      assert.deepEqual([isFirstUse, socket.authorized], [false, true]);
    }
  });

  it('takes no certificate for another name, nor one of an authority that is not trusted', async (context) => {
    const authority = testAuthority();
    const server = await serveOther(context, {
      ...tlsOf(authority.issue('chat.example.org')),
      ALPNProtocols: [LINK_ALPN],
    });
    const ours: Trust = { kind: 'ca', authorities: authority.certificate };
    const others: Trust = { kind: 'ca', authorities: testAuthority().certificate };
    for (const trust of [ours, others]) {
      const connecting = connectFor(context, { host, port: server.port, trust, timeoutMs: 5000 });
      await assert.rejects(connecting, { code: 'CERTIFICATE_UNTRUSTED' });
    }
  });
});

describe('Downgrades', () => {
  it('to TLS 1.2 fail, whoever asks for them', async (context) => {
    const world = await serve(context);
    const old = connect({ host, port: world.port, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    await assert.rejects(once(old, 'secureConnect'), /protocol version|EPROTO|ECONNRESET/i);
    assert.equal(world.sockets.length, 0);
    const weak = await serveOther(context, { maxVersion: 'TLSv1.2', ALPNProtocols: [LINK_ALPN] });
    await assert.rejects(connectFor(context, { host, ...weak, timeoutMs: 5000 }), { code: 'NOT_LINK' });
  });

  it('to another protocol, or to none, fail', async (context) => {
    const world = await serve(context);
    const web = connect({ host, port: world.port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    await assert.rejects(once(web, 'secureConnect'), /no application protocol|ECONNRESET/i);
    const mute = connect({ host, port: world.port, rejectUnauthorized: false });
    mute.on('error', () => undefined).resume();
    await once(mute, 'close');
    assert.equal(world.sockets.length, 0);
    assert.equal(world.refused.length, 2);
  });
});

describe('Connecting', () => {
  it('fails when nobody listens', async (context) => {
    const server = createTcpServer();
    server.listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const world = await serve(context);
    await assert.rejects(world.connect(pin(other), { port }), { code: 'CONNECT_FAILED', message: /ECONNREFUSED/ });
  });

  it('fails when who listens does not speak TLS', async (context) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('220 mail.example ready\r\n');
    });
    const port = await listen(context, server);
    const world = await serve(context);
    await assert.rejects(world.connect(pin(other), { port }), { code: 'NOT_LINK' });
  });

  it('fails when who listens hangs up', async (context) => {
    const port = await listen(
      context,
      createTcpServer((socket) => socket.destroy()),
    );
    const world = await serve(context);
    await assert.rejects(world.connect(pin(other), { port }), { code: 'CONNECT_FAILED' });
  });

  it('ends in time when who listens says nothing', async (context) => {
    const port = await listen(
      context,
      createTcpServer((socket) => socket.on('error', () => undefined)),
    );
    const world = await serve(context);
    await assert.rejects(world.connect(pin(other), { port, timeoutMs: 20 }), { code: 'CONNECT_TIMEOUT' });
  });

  it('ends with the reason of its signal, before and during', async (context) => {
    const server = createTcpServer((socket) => socket.on('error', () => undefined));
    const port = await listen(context, server);
    const world = await serve(context);
    const reason = new Error('no longer wanted');
    await assert.rejects(world.connect(pin(other), { port, signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const connecting = world.connect(pin(other), { port, signal: controller.signal });
    await once(server, 'connection');
    controller.abort(reason);
    await assert.rejects(connecting, reason);
  });
});

describe('A server of link', () => {
  it('closes a connection that does not finish its handshake', async (context) => {
    const world = await serve(context, 20);
    const socket = connectTcp(world.port, host);
    socket.on('error', () => undefined).resume();
    await once(socket, 'close');
    assert.match(world.refused[0]?.message ?? '', /timeout/i);
  });

  it('closes a connection that sends junk, and goes on serving others', async (context) => {
    const world = await serve(context);
    const socket = connectTcp(world.port, host);
    socket.on('error', () => undefined).resume();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
    assert.equal(world.refused.length, 1);
    await world.connect(pin(world.certificate.fingerprint));
  });
});
