/** A datagram, or all that one side of a TCP connection says. */
export interface CapturedUnit {
  readonly protocol: 'tcp' | 'udp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly bytes: Uint8Array;
}

/** LINKTYPE_RAW: each packet begins with its IP header. */
const LINKTYPE_RAW = 101;
const TCP = 6;
const UDP = 17;
/** PSH and ACK. */
const TCP_FLAGS = 0x18;

/**
 * A capture file (the classic pcap format) of these units between 192.0.2.1 and 192.0.2.2 (RFC 5737): one packet for each
 * datagram; what goes by TCP in segments of at most `segmentBytes`. Checksums are left zero.
 */
export function pcapOf(units: readonly CapturedUnit[], segmentBytes = 1400): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(LINKTYPE_RAW, 20);
  const packets = units.flatMap((unit) =>
    unit.protocol === 'udp' ? [udpPacket(unit)] : tcpPackets(unit, segmentBytes),
  );
  return Buffer.concat([head, ...packets.flatMap((packet, index) => [recordHead(index, packet.length), packet])]);
}

function recordHead(index: number, length: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(1_700_000_000 + index, 0);
  head.writeUInt32LE(length, 8);
  head.writeUInt32LE(length, 12);
  return head;
}

function udpPacket({ sourcePort, destinationPort, bytes }: CapturedUnit): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(sourcePort, 0);
  head.writeUInt16BE(destinationPort, 2);
  head.writeUInt16BE(8 + bytes.length, 4);
  return ipPacket(UDP, Buffer.concat([head, bytes]));
}

function tcpPackets({ sourcePort, destinationPort, bytes }: CapturedUnit, segmentBytes: number): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += segmentBytes) {
    const head = Buffer.alloc(20);
    head.writeUInt16BE(sourcePort, 0);
    head.writeUInt16BE(destinationPort, 2);
    head.writeUInt32BE(1 + at, 4);
    head.writeUInt32BE(1, 8);
    head.writeUInt8(5 << 4, 12);
    head.writeUInt8(TCP_FLAGS, 13);
    head.writeUInt16BE(65_535, 14);
    packets.push(ipPacket(TCP, Buffer.concat([head, bytes.subarray(at, at + segmentBytes)])));
  }
  return packets;
}

function ipPacket(protocol: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt8(0x45, 0);
  head.writeUInt16BE(20 + payload.length, 2);
  head.writeUInt8(64, 8);
  head.writeUInt8(protocol, 9);
  Buffer.from([192, 0, 2, 1, 192, 0, 2, 2]).copy(head, 12);
  return Buffer.concat([head, payload]);
}
