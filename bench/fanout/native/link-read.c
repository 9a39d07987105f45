#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "link-frames.h"
#include "link-session.h"

#define DATAGRAMS 16
#define TLS_READ_BYTES 16384
#define FRAME_BYTES_MAX 65536
/** Records over TLS after which a CURSOR is said at once (`cursorRecords`). */
#define CURSOR_RECORDS 64

/** Flags of an event: a message of somebody else's, and what marks an own one. */
#define EVENT_MESSAGE 1
#define EVENT_OWN 0x10

static void joined(struct link *link, struct span body) {
  uint64_t type = take_number(&body);
  if (type != 2) {
    fprintf(stderr, "generator: the server answered JOIN by message %d\n", (int)type);
    exit(1);
  }
  take_number(&body);
  take_number(&body);
  body.at += 1;
  for (int text = 0; text < 3; text += 1) body.at += take_number(&body);
  take_number(&body);
  take_number(&body);
  link->next = take_number(&body);
  link->is_joined = 1;
}

/** Whether this event is new: each counts once. */
static int is_new(struct link *link, uint64_t number) {
  if (number < link->next || number >= link->next + LINK_AHEAD) return 0;
  if (link->ahead[number % LINK_AHEAD]) return 0;
  link->ahead[number % LINK_AHEAD] = 1;
  while (link->ahead[link->next % LINK_AHEAD]) {
    link->ahead[link->next % LINK_AHEAD] = 0;
    link->next += 1;
  }
  return 1;
}

static void hurry(struct link *link, enum link_hurry hurry) {
  if (hurry > link->hurry) link->hurry = hurry;
}

/** The text of a new message goes to `out`; returns its bytes. */
static size_t take_record(struct link *link, struct span body, int is_tls, int is_calm, uint8_t *out, size_t room) {
  uint64_t channel = take_number(&body), number = take_number(&body);
  if (is_tls) link->unsaid += 1;
  if (channel == 0) {
    if (!is_tls) hurry(link, LINK_NOW);
    if (number != link->control_next) return 0;
    link->control_next += 1;
    if (!link->is_joined) joined(link, body);
    return 0;
  }
  if (!link->is_joined || !is_new(link, number) || body.at >= body.end) {
    if (!is_tls) hurry(link, LINK_LAZY);
    return 0;
  }
  uint8_t flags = *body.at++;
  // Nobody waits for the acknowledgement of an own event, nor of what is copied.
  if (!is_tls) hurry(link, (flags & EVENT_OWN) != 0 || is_calm ? LINK_LAZY : LINK_NOW);
  if (flags != EVENT_MESSAGE) return 0;
  // Only the text: a marker may stand in the numbers before it.
  take_number(&body);
  body.at += take_number(&body);
  size_t length = (size_t)(body.end - body.at);
  if (length > room) fail("more events at once than there is room for");
  memcpy(out, body.at, length);
  return length;
}

static void take_skip(struct link *link, struct span body) {
  uint64_t channel = take_number(&body), first = take_number(&body), last = take_number(&body);
  if (channel != 1) return;
  for (uint64_t number = first; number <= last; number += 1) is_new(link, number);
}

static void went_back(int reason) {
  static const char *reasons[] = {"proved", "nothing acknowledged", "nothing received", "asked for", "the socket failed"};
  fprintf(stderr, "generator: the server went back to TCP: %s\n", reason < 5 ? reasons[reason] : "?");
  exit(1);
}

/** Goes through whole frames. Returns where the first one begins that is not whole; a packet's always are. */
static const uint8_t *take_frames(struct link *link, struct span span, int is_tls, uint8_t *out, size_t size, size_t *filled) {
  while (span.at < span.end) {
    const uint8_t *start = span.at;
    // A stream may end within the two numbers: ask for both before they are read.
    if (is_tls && span.end - span.at < 10 && (span.end - span.at < 2 || span.end - span.at < 1 + (1 << (span.at[1] >> 6)))) return start;
    uint64_t type = take_number(&span);
    int is_last = type == FRAME_RECORD_LAST || type == FRAME_CALM_LAST;
    uint64_t length = is_last ? (uint64_t)(span.end - span.at) : take_number(&span);
    if (length > (uint64_t)(span.end - span.at)) return start;
    struct span body = {.at = span.at, .end = span.at + length};
    span.at = body.end;
    switch (type) {
      case FRAME_RECORD:
      case FRAME_RECORD_LAST:
        *filled += take_record(link, body, is_tls, 0, out + *filled, size - *filled);
        break;
      case FRAME_CALM:
      case FRAME_CALM_LAST:
        *filled += take_record(link, body, is_tls, 1, out + *filled, size - *filled);
        break;
      case FRAME_SKIP:
        if (!is_tls) hurry(link, LINK_NOW);
        take_skip(link, body);
        break;
      case FRAME_PADDING:
        if (!is_tls) hurry(link, LINK_LAZY);
        break;
      case FRAME_PING:
        if (is_tls) {
          uint8_t pong[2 + 8] = {FRAME_PONG, (uint8_t)length};
          memcpy(pong + 2, body.at, length < 8 ? length : 8);
          link_write(link, pong, 2 + length);
        } else {
          hurry(link, LINK_NOW);
        }
        break;
      case FRAME_PATH_CHALLENGE:
        link_prove(link, FRAME_PATH_RESPONSE, body.at);
        link->has_answered = 1;
        link_offer(link);
        break;
      case FRAME_PATH_RESPONSE:
        link->is_proved |= memcmp(body.at, link->challenge, 8) == 0;
        link_offer(link);
        break;
      case FRAME_PATH:
        if (link->wanted == LINK_UDP && body.at[0] == 0) went_back(body.at[length - 1]);
        if (body.at[0] == 1) link->path = LINK_UDP;
        break;
      case FRAME_CLOSE:
        fail("the server closed the session");
        break;
      default:
        break;
    }
  }
  return span.at;
}

static size_t read_tls(struct link *link, uint8_t *out, size_t size) {
  size_t filled = 0;
  while (size - filled > 2 * TLS_READ_BYTES) {
    if (link->rest_size < link->rest_length + TLS_READ_BYTES) {
      link->rest_size = link->rest_length + TLS_READ_BYTES;
      link->rest = realloc(link->rest, link->rest_size);
    }
    int length = SSL_read(link->tls, link->rest + link->rest_length, TLS_READ_BYTES);
    if (length <= 0) {
      int reason = SSL_get_error(link->tls, length);
      if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) break;
      fail("the server closed a connection");
    }
    struct span span = {.at = link->rest, .end = link->rest + link->rest_length + length};
    const uint8_t *rest = take_frames(link, span, 1, out, size, &filled);
    link->rest_length = (size_t)(span.end - rest);
    if (link->rest_length > FRAME_BYTES_MAX) fail("a frame is too long");
    memmove(link->rest, rest, link->rest_length);
  }
  if (link->rest_length == 0) {
    free(link->rest);
    link->rest = NULL;
    link->rest_size = 0;
  }
  if (link->unsaid >= CURSOR_RECORDS) link_settle(link);
  else if (link->unsaid > 0) link_owe(link);
  return filled;
}

static size_t read_packets(struct link *link, uint8_t *out, size_t size) {
  static uint8_t datagrams[DATAGRAMS][LINK_DATAGRAM_BYTES];
  static struct mmsghdr messages[DATAGRAMS];
  static struct iovec parts[DATAGRAMS];
  for (int index = 0; index < DATAGRAMS; index += 1) {
    parts[index] = (struct iovec){.iov_base = datagrams[index], .iov_len = LINK_DATAGRAM_BYTES};
    messages[index].msg_hdr = (struct msghdr){.msg_iov = &parts[index], .msg_iovlen = 1};
  }
  size_t filled = 0;
  int count = recvmmsg(link->udp_fd, messages, DATAGRAMS, MSG_DONTWAIT, NULL);
  for (int index = 0; index < count; index += 1) {
    size_t length;
    const uint8_t *frames = open_packet(&link->packets, datagrams[index], messages[index].msg_len, &length);
    if (frames == NULL) continue;
    take_frames(link, (struct span){.at = frames, .end = frames + length}, 0, out, size, &filled);
  }
  if (link->hurry == LINK_NOW) link_settle(link);
  else if (link->hurry == LINK_LAZY) link_owe(link);
  return filled;
}

size_t link_read(struct link *link, int is_tls, uint8_t *out, size_t size) {
  return is_tls ? read_tls(link, out, size) : read_packets(link, out, size);
}

int link_stream_fd(const struct link *link) { return link->tls_fd; }
int link_datagram_fd(const struct link *link) { return link->udp_fd; }
int link_is_in(const struct link *link) { return link->is_joined && link->path == link->wanted; }
