/*
 * Frames of link: numbers, and the walk through a packet or a stretch of the TLS connection.
 */
#ifndef LINK_FRAMES_H
#define LINK_FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum link_frame {
  FRAME_PADDING = 0x00,
  FRAME_PING = 0x01,
  FRAME_RECORD = 0x02,
  FRAME_RECORD_LAST = 0x03,
  FRAME_SKIP = 0x06,
  FRAME_CURSOR = 0x07,
  FRAME_ACK = 0x08,
  FRAME_PATH_CHALLENGE = 0x09,
  FRAME_PATH_RESPONSE = 0x0a,
  FRAME_PATH = 0x0b,
  FRAME_PONG = 0x0d,
  FRAME_CLOSE = 0x0e,
  FRAME_CALM = 0x10,
  FRAME_CALM_LAST = 0x11,
  FRAME_HELLO = 0x20,
  FRAME_WELCOME = 0x21,
};

/** Bytes that are read from the front. */
struct span {
  const uint8_t *at, *end;
};

/** RFC 9000 §16. Past the end: 0, and the span is empty. */
static inline uint64_t take_number(struct span *span) {
  if (span->at >= span->end) return 0;
  int bytes = 1 << (*span->at >> 6);
  if (span->end - span->at < bytes) {
    span->at = span->end;
    return 0;
  }
  uint64_t value = *span->at++ & 0x3f;
  while (--bytes > 0) value = value << 8 | *span->at++;
  return value;
}

/** Returns where the next byte goes. */
static inline uint8_t *put_number(uint8_t *at, uint64_t value) {
  int bytes = value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x40000000 ? 4 : 8;
  for (int index = bytes - 1; index >= 0; index -= 1, value >>= 8) at[index] = (uint8_t)value;
  at[0] |= (uint8_t)((bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3) << 6);
  return at + bytes;
}

#endif
