import { isIP } from 'node:net';
import { connect, type TLSSocket, type TlsOptions } from 'node:tls';
import type { LinkCertificate } from './certificate.ts';
import { EXPORTER_BYTES } from './device-key.ts';
import { LinkSetupError, messageOf } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { judge, type Trust } from './trust.ts';

/** What both sides call the protocol (RFC 7301). */
export const LINK_ALPN = 'confab/1';

/** The secrets that both ends of one TLS connection have and nobody else (RFC 8446 §7.5). */
export interface ExporterValues {
  /** 32 bytes: what the keys of the datagrams come from. */
  readonly datagrams: Uint8Array;
  /** 32 bytes: what a device signs. */
  readonly device: Uint8Array;
}

/** Of a connection whose handshake is complete. */
export function exporterValues(socket: TLSSocket): ExporterValues {
  const value = (purpose: string): Uint8Array =>
    new Uint8Array(socket.exportKeyingMaterial(EXPORTER_BYTES, `EXPORTER-confab/1 ${purpose}`, Buffer.alloc(0)));
  return { datagrams: value('datagrams'), device: value('device') };
}

/**
 * Options for `tls.createServer`: TLS 1.3 alone. Destroy the socket on `tlsClientError`: Node itself closes no connection
 * whose time for the handshake is up. What does not speak link is for {@link speaksLink} to tell, on `secureConnection`.
 */
export function linkServerOptions(certificate: LinkCertificate, handshakeTimeoutMs: number): TlsOptions {
  return {
    cert: certificate.certificate,
    key: certificate.key,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ALPNProtocols: [LINK_ALPN],
    requestCert: false,
    handshakeTimeout: handshakeTimeoutMs,
    // A flush is one write already, and the next one must not wait for an acknowledgement.
    noDelay: true,
  };
}

/** Whether the other side said that it speaks link. OpenSSL lets those in that name no protocol at all. */
export function speaksLink(socket: TLSSocket): boolean {
  return socket.alpnProtocol === LINK_ALPN;
}

export interface ConnectTlsOptions {
  readonly host: string;
  readonly port: number;
  readonly trust: Trust;
  /** For the TCP connection and the TLS handshake together, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A connection to a server that is trusted; nothing was sent on it yet. */
export interface TlsConnection {
  readonly socket: TLSSocket;
  readonly exporters: ExporterValues;
  readonly fingerprint: string;
  /** The server was met for the first time: people should compare the fingerprint. */
  readonly isFirstUse: boolean;
}

/**
 * Connect, and judge the server's key before anything is sent. The socket has no listeners when it is handed over: add an
 * `error` listener in the same turn.
 * @throws {LinkSetupError} PIN_MISMATCH, CERTIFICATE_UNTRUSTED, NOT_LINK, CONNECT_FAILED, CONNECT_TIMEOUT, KNOWN_SERVERS_UNUSABLE
 * @throws the signal's reason
 */
export function connectTls(options: ConnectTlsOptions): Promise<TlsConnection> {
  const { host, port, trust, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect({
      host: host.replace(/^\[(.*)\]$/, '$1'),
      port,
      // For an address there is no name to ask for (RFC 6066 §3).
      ...(isIP(host.replace(/^\[(.*)\]$/, '$1')) === 0 ? { servername: host } : {}),
      ...(trust.kind === 'ca' && trust.authorities !== undefined ? { ca: trust.authorities as string | string[] } : {}),
      // With a pin it is the key that counts, not who vouches for it. That the server has the key TLS checks always.
      rejectUnauthorized: trust.kind === 'ca',
      ALPNProtocols: [LINK_ALPN],
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
    });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose);
    };
    const fail = (error: unknown): void => {
      settle();
      // An error that comes after this one has nobody left to hear it.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    const onError = (cause: Error): void => fail(explained(cause, host, port));
    const onClose = (): void => fail(explained(new Error('the connection was closed'), host, port));
    const timer = setTimeout(() => {
      fail(
        new LinkSetupError('CONNECT_TIMEOUT', `Cannot connect to ${host}:${port}: no answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError).once('close', onClose);
    socket.once('secureConnect', () => {
      try {
        if (!speaksLink(socket)) throw notLink(host, port, `it chose no protocol, not "${LINK_ALPN}"`);
        const certificate = socket.getPeerX509Certificate();
        if (certificate === undefined) throw notLink(host, port, 'it showed no certificate');
        const fingerprint = fingerprintOf(certificate.publicKey);
        const isFirstUse = judge(trust, host, port, fingerprint);
        const exporters = exporterValues(socket);
        settle();
        socket.setNoDelay(true);
        resolve({ socket, exporters, fingerprint, isFirstUse });
      } catch (error) {
        fail(error);
      }
    });
  });
}

function notLink(host: string, port: number, why: string, cause?: unknown): LinkSetupError {
  const message = `Cannot speak link with ${host}:${port}: ${why}`;
  return new LinkSetupError('NOT_LINK', message, cause === undefined ? {} : { cause });
}

/** Certificates are judged by OpenSSL, whose codes Node passes on, or by Node itself. */
const untrusted = /CERT|UNABLE_TO_|SELF_SIGNED|ISSUER|CRL|HOSTNAME|ALTNAME/;

function explained(cause: Error, host: string, port: number): LinkSetupError {
  const code = 'code' in cause ? String(cause.code) : '';
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return notLink(host, port, messageOf(cause), cause);
  if (untrusted.test(code)) {
    const message = `Cannot trust the certificate of ${host}:${port}: ${messageOf(cause)}`;
    return new LinkSetupError('CERTIFICATE_UNTRUSTED', message, { cause });
  }
  return new LinkSetupError('CONNECT_FAILED', `Cannot connect to ${host}:${port}: ${messageOf(cause)}`, { cause });
}
