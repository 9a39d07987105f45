#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "link-frames.h"
#include "link-session.h"

/** Our own packets are never larger: what every path carries. */
#define PACKET_BYTES 1200
/** What waits for something to go along with waits no longer (`cursorDelayMs`, `ackDelayMsMax`), ns. */
#define CURSOR_DELAY_NS 50000000ull
#define ACK_DELAY_NS 100000000ull
#define TLS_WRITE_BYTES 16384

static uint8_t packet[HEAD_BYTES + PACKET_BYTES + TAG_BYTES];

/** Sessions that owe something later, and since when: the first one has waited longest. */
struct waiting {
  struct link *link;
  uint64_t since;
};
static struct waiting *queue;
static size_t queue_first, queue_count, queue_size;

void link_owe(struct link *link) {
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

void link_write(struct link *link, const uint8_t *data, size_t length) {
  while (length > 0) {
    int written = SSL_write(link->tls, data, (int)(length < TLS_WRITE_BYTES ? length : TLS_WRITE_BYTES));
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
void link_settle(struct link *link) {
  if (link->unsaid > 0) {
    uint8_t bytes[64], *end = put_cursor(bytes, 0, link->control_next);
    if (link->is_joined) end = put_cursor(end, 1, link->next);
    link_write(link, bytes, (size_t)(end - bytes));
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
    link_settle(link);
  }
}

/** Challenge the server's address, answer its challenge, or offer the path: whatever `type` says. */
void link_prove(struct link *link, uint8_t type, const uint8_t *data) {
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
  link_prove(link, FRAME_PATH_CHALLENGE, link->challenge);
}

void link_offer(struct link *link) {
  if (!link->is_proved || !link->has_answered || link->path == LINK_UDP) return;
  memcpy(packet + HEAD_BYTES, (uint8_t[]){FRAME_PATH, 3, 1, 1, 0}, 5);
  send_frames(link, packet + HEAD_BYTES + 5);
}

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
    else link_write(link, burst, (size_t)(at - burst));
    at = start;
  }
}
