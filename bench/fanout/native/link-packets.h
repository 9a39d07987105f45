/*
 * Sealed packets of link at a client's end (docs/wires/link.md, "Packets"): keys, header protection, packet numbers. Without
 * key updates: no run of the benchmark is long enough for one.
 */
#ifndef LINK_PACKETS_H
#define LINK_PACKETS_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#define ID_BYTES 8
#define SECRET_BYTES 32
#define TAG_BYTES 16
/** Bytes of our packets before the sealed ones: flags, connection id, and a number that always takes four. */
#define HEAD_BYTES (1 + ID_BYTES + 4)
#define RANGES_MAX 32

/** The lower and upper end of numbers that came. */
struct range {
  int64_t first, last;
};

struct packets {
  EVP_CIPHER_CTX *seal, *open, *mask_out, *mask_in;
  uint8_t iv_out[12], iv_in[12];
  uint8_t id_out[ID_BYTES];
  int64_t next, largest;
  /** What came, the highest first. */
  struct range ranges[RANGES_MAX];
  int range_count;
};

/** @param secret of the TLS exporter, 32 bytes @param id of packets to the server */
void begin_packets(struct packets *packets, const uint8_t *secret, const uint8_t *id);
/** Seal `length` bytes of frames, at least 4, that stand at `packet + HEAD_BYTES`; returns the packet's bytes. */
size_t seal_packet(struct packets *packets, uint8_t *packet, size_t length);
/** Open a packet in place; those to a client have no connection id. Returns the frames and their length, NULL when it is a duplicate or not authentic. */
uint8_t *open_packet(struct packets *packets, uint8_t *packet, size_t length, size_t *frames_length);

#endif
