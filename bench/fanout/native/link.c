#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "link-frames.h"
#include "link-session.h"

#define DATAGRAMS 16
/** Our own packets are never larger: what every path carries. */
#define PACKET_BYTES 1200
/** What waits for something to go along with waits no longer (`cursorDelayMs`, `ackDelayMsMax`), ns. */
#define CURSOR_DELAY_NS 50000000ull
#define ACK_DELAY_NS 100000000ull
/** Records over TLS after which a CURSOR is said at once (`cursorRecords`). */
#define CURSOR_RECORDS 64
#define TLS_READ_BYTES 16384
#define FRAME_BYTES_MAX 65536

/** Flags of an event: a message of somebody else's, and what marks an own one. */
#define EVENT_MESSAGE 1
#define EVENT_OWN 0x10

static uint8_t packet[HEAD_BYTES + PACKET_BYTES + TAG_BYTES];

/** Sessions that owe something later, and since when: the first one has waited longest. */
struct waiting {
  struct link *link;
  uint64_t since;
};
static struct waiting *queue;
static size_t queue_first, queue_count, queue_size;

static void wait_turn(struct link *link) {
  if (link->is_waiting) return;
  link->is_waiting = 1;
  if (queue_count == queue_size) {
    struct waiting *larger = malloc((queue_size * 2 + 1024) * sizeof *queue);
    for (size_t index = 0; index < queue_count; index += 1) larger[index] = queue[(queue_first + index) % queue_size];
    free(queue);
    queue = larger;
    queue_first = 0;
    queue_size = queue_size * 2 + 1024;
  }
  queue[(queue_first + queue_count) % queue_size] = (struct waiting){.link = link, .since = now_ns()};
  queue_count += 1;
}

static void tls_write(struct link *link, const uint8_t *data, size_t length) {
  while (length > 0) {
    int written = SSL_write(link->tls, data, (int)(length < TLS_READ_BYTES ? length : TLS_READ_BYTES));
    if (written > 0) {
      data += written;
      length -= (size_t)written;
      continue;
    }
    int reason = SSL_get_error(link->tls, written);
    if (reason != SSL_ERROR_WANT_WRITE && reason != SSL_ERROR_WANT_READ) fail("TLS write");
    struct pollfd writable = {.fd = link->tls_fd, .events = POLLOUT};
    poll(&writable, 1, 100);
  }
}

/** Send what stands in `packet` behind its head, up to `end`. */
static void send_frames(struct link *link, uint8_t *end) {
  while (end < packet + HEAD_BYTES + 4) *end++ = 0;
  size_t length = seal_packet(&link->packets, packet, (size_t)(end - packet - HEAD_BYTES));
  if (send(link->udp_fd, packet, length, 0) < 0 && errno != ECONNREFUSED) fail("send");
}

static uint8_t *put_ack(struct link *link, uint8_t *at) {
  const struct packets *packets = &link->packets;
  const struct range *ranges = packets->ranges;
  uint8_t body[16 * RANGES_MAX], *end = body;
  end = put_number(end, (uint64_t)ranges[0].last);
  end = put_number(end, 0);
  end = put_number(end, (uint64_t)(ranges[0].last - ranges[0].first));
  for (int index = 1; index < packets->range_count; index += 1) {
    end = put_number(end, (uint64_t)(ranges[index - 1].first - ranges[index].last - 2));
    end = put_number(end, (uint64_t)(ranges[index].last - ranges[index].first));
  }
  *at++ = FRAME_ACK;
  at = put_number(at, (uint64_t)(end - body));
  memcpy(at, body, (size_t)(end - body));
  link->hurry = LINK_NEVER;
  return at + (end - body);
}

static uint8_t *put_cursor(uint8_t *at, uint64_t channel, uint64_t next) {
  uint8_t body[16], *end = put_number(put_number(body, channel), next);
  *at++ = FRAME_CURSOR;
  at = put_number(at, (uint64_t)(end - body));
  memcpy(at, body, (size_t)(end - body));
  return at + (end - body);
}

/** What is owed goes out. */
static void settle(struct link *link) {
  if (link->unsaid > 0) {
    uint8_t bytes[64], *end = put_cursor(bytes, 0, link->control_next);
    if (link->is_joined) end = put_cursor(end, 1, link->next);
    tls_write(link, bytes, (size_t)(end - bytes));
    link->unsaid = 0;
  }
  if (link->hurry != LINK_NEVER && link->packets.range_count > 0) send_frames(link, put_ack(link, packet + HEAD_BYTES));
}

void link_tick(uint64_t now) {
  while (queue_count > 0) {
    struct link *link = queue[queue_first].link;
    if (now - queue[queue_first].since < (link->path == LINK_TCP ? CURSOR_DELAY_NS : ACK_DELAY_NS)) return;
    queue_first = (queue_first + 1) % queue_size;
    queue_count -= 1;
    link->is_waiting = 0;
    settle(link);
  }
}

/** Challenge the server's address, answer its challenge, or offer the path: whatever `type` says. */
static void send_proof(struct link *link, uint8_t type, const uint8_t *data) {
  uint8_t *at = packet + HEAD_BYTES;
  *at++ = type;
  *at++ = 8;
  memcpy(at, data, 8);
  at += 8;
  if (type == FRAME_PATH_CHALLENGE) {
    // As large as a full packet, so that it proves one's way.
    size_t padding = PACKET_BYTES - HEAD_BYTES - TAG_BYTES - 10 - 3;
    *at++ = FRAME_PADDING;
    at = put_number(at, padding);
    memset(at, 0, padding);
    at += padding;
  }
  send_frames(link, at);
}

void link_challenge(struct link *link) {
  if (getrandom(link->challenge, sizeof link->challenge, 0) != sizeof link->challenge) fail("getrandom");
  send_proof(link, FRAME_PATH_CHALLENGE, link->challenge);
}

static void offer_datagrams(struct link *link) {
  if (!link->is_proved || !link->has_answered || link->path == LINK_UDP) return;
  memcpy(packet + HEAD_BYTES, (uint8_t[]){FRAME_PATH, 3, 1, 1, 0}, 5);
  send_frames(link, packet + HEAD_BYTES + 5);
}

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
static size_t take_record(struct link *link, struct span body, int is_tls, uint8_t *out, size_t room) {
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
  // Nobody waits for the acknowledgement of an own event.
  if (!is_tls) hurry(link, (flags & EVENT_OWN) != 0 ? LINK_LAZY : LINK_NOW);
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
    uint64_t length = type == FRAME_RECORD_LAST ? (uint64_t)(span.end - span.at) : take_number(&span);
    if (length > (uint64_t)(span.end - span.at)) return start;
    struct span body = {.at = span.at, .end = span.at + length};
    span.at = body.end;
    switch (type) {
      case FRAME_RECORD:
      case FRAME_RECORD_LAST:
        *filled += take_record(link, body, is_tls, out + *filled, size - *filled);
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
          tls_write(link, pong, 2 + length);
        } else {
          hurry(link, LINK_NOW);
        }
        break;
      case FRAME_PATH_CHALLENGE:
        send_proof(link, FRAME_PATH_RESPONSE, body.at);
        link->has_answered = 1;
        offer_datagrams(link);
        break;
      case FRAME_PATH_RESPONSE:
        link->is_proved |= memcmp(body.at, link->challenge, 8) == 0;
        offer_datagrams(link);
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
  if (link->unsaid >= CURSOR_RECORDS) settle(link);
  else if (link->unsaid > 0) wait_turn(link);
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
  if (link->hurry == LINK_NOW) settle(link);
  else if (link->hurry == LINK_LAZY) wait_turn(link);
  return filled;
}

size_t link_read(struct link *link, int is_tls, uint8_t *out, size_t size) {
  return is_tls ? read_tls(link, out, size) : read_packets(link, out, size);
}

int link_stream_fd(const struct link *link) { return link->tls_fd; }
int link_datagram_fd(const struct link *link) { return link->udp_fd; }
int link_is_in(const struct link *link) { return link->is_joined && link->path == link->wanted; }

static uint8_t *put_post(uint8_t *at, uint64_t number, const uint8_t *message, size_t length) {
  uint8_t head[24], *end = put_number(head, 1);
  end = put_number(end, number);
  // The post: kind 1, a message; its number in the outbox.
  *end++ = 1;
  end = put_number(end, number);
  *at++ = FRAME_RECORD;
  at = put_number(at, (uint64_t)(end - head) + length);
  memcpy(at, head, (size_t)(end - head));
  at += end - head;
  memcpy(at, message, length);
  return at + length;
}

void link_say(struct link *link, const uint8_t *messages, size_t length, int count) {
  static uint8_t burst[1 << 18];
  uint8_t *start = link->path == LINK_UDP ? packet + HEAD_BYTES : burst;
  uint8_t *end = start + (link->path == LINK_UDP ? PACKET_BYTES - HEAD_BYTES - TAG_BYTES : (int)sizeof burst) - 32 - length;
  uint8_t *at = start;
  for (int index = 0; index < count; index += 1) {
    if (at == start && link->path == LINK_UDP && link->hurry != LINK_NEVER) at = put_ack(link, at);
    at = put_post(at, ++link->posts, messages + (size_t)index * length, length);
    if (at < end && index + 1 < count) continue;
    if (link->path == LINK_UDP) send_frames(link, at);
    else tls_write(link, burst, (size_t)(at - burst));
    at = start;
  }
}
