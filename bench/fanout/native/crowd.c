#define _GNU_SOURCE
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

/** Members that are getting in at the same time: a crowd does not come in one instant. */
#define STRIDE 64
/** The same on link, where those that are in wait for acknowledgements while somebody's handshake is awaited. */
#define LINK_STRIDE 4
#define EVENTS 1024
/** Nobody got any further for so long: a server said something else than was awaited. */
#define PATIENCE_MS 20000
/** All is in, and nothing has come for so long. */
#define SILENCE_MS 300
#define READ_BYTES (1 << 18)
#define UDP_BUFFER_BYTES (1 << 21)
/** Datagrams read at once, and the largest of them. */
#define DATAGRAMS 64
#define DATAGRAM_BYTES 2048
/** Messages said in one write. */
#define BURST 256

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fail(const char *what) {
  fprintf(stderr, "generator: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void send_all(int fd, const uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written > 0) {
      data += written;
      length -= (size_t)written;
      continue;
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) fail("write");
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    poll(&writable, 1, 100);
  }
}

static void watch(struct crowd *crowd, int fd, uint32_t carried) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = carried};
  if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static void open_member(struct crowd *crowd, struct member *member) {
  uint32_t index = (uint32_t)(member - crowd->members);
  if (crowd->is_link) {
    const struct step *names = &member->steps[0];
    member->link = link_open(crowd->address, crowd->port, crowd->is_udp ? LINK_UDP : LINK_TCP, names->say, names->await);
    if (crowd->is_udp) watch(crowd, link_datagram_fd(member->link), index);
    watch(crowd, link_stream_fd(member->link), index | SECOND_SOCKET);
    return;
  }
  int fd = socket(AF_INET, crowd->is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);
  if (fd < 0) fail("socket (is the limit of open files high enough?)");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)crowd->port)};
  inet_pton(AF_INET, crowd->address, &to.sin_addr);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  if (crowd->is_udp) {
    int size = UDP_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  } else {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  member->fd = fd;
  watch(crowd, fd, index);
}

/** Says what comes next; a step that awaits nothing is over at once. Returns whether the member is in. */
static int go_on(struct member *member) {
  if (member->link != NULL) return 0;
  for (; member->step < member->step_count; member->step += 1) {
    struct step *step = &member->steps[member->step];
    if (step->say.length > 0) send_all(member->fd, step->say.data, step->say.length);
    if (step->await.length > 0) return 0;
  }
  return 1;
}

/** Looks for what is awaited, also across two reads. Returns whether it has come. */
static int has_come(struct member *member, uint8_t *data, size_t length) {
  struct bytes await = member->steps[member->step].await;
  uint8_t joint[2 * CARRY_BYTES];
  size_t head = length < CARRY_BYTES ? length : CARRY_BYTES;
  memcpy(joint, member->carry, (size_t)member->carried);
  memcpy(joint + member->carried, data, head);
  int found = memmem(joint, (size_t)member->carried + head, await.data, await.length) != NULL ||
              memmem(data, length, await.data, await.length) != NULL;
  if (length >= CARRY_BYTES) {
    memcpy(member->carry, data + length - CARRY_BYTES, CARRY_BYTES);
    member->carried = CARRY_BYTES;
  } else {
    size_t joined = (size_t)member->carried + length;
    size_t kept = joined < CARRY_BYTES ? joined : CARRY_BYTES;
    memcpy(member->carry, joint + joined - kept, kept);
    member->carried = (int)kept;
  }
  return found;
}

void connect_crowd(struct crowd *crowd) {
  uint8_t *buffer = malloc(READ_BYTES);
  int opened = 0, in = 0;
  uint64_t last = now_ns();
  for (;;) {
    // One at a time: those that are in must answer meanwhile, or the server takes their datagrams for lost.
    int is_opening = opened < crowd->member_count && opened - in < (crowd->is_link ? LINK_STRIDE : STRIDE);
    if (is_opening) {
      struct member *member = &crowd->members[opened];
      open_member(crowd, member);
      opened += 1;
      in += go_on(member);
      last = now_ns();
    }
    struct epoll_event events[EVENTS];
    int count = epoll_wait(crowd->epoll, events, EVENTS, is_opening ? 0 : 50);
    for (int index = 0; index < count; index += 1) {
      struct member *member = member_of(crowd, events[index].data.u32);
      size_t length = read_member(crowd, events[index].data.u32, buffer, READ_BYTES);
      if (in == crowd->member_count && length > 0) last = now_ns();
      if (crowd->is_link && !member->is_in && link_is_in(member->link)) {
        member->is_in = 1;
        in += 1;
        last = now_ns();
      }
      if (crowd->is_link) continue;
      if (length == 0 || member->step >= member->step_count || !has_come(member, buffer, length)) continue;
      last = now_ns();
      member->carried = 0;
      member->step += 1;
      in += go_on(member);
    }
    if (crowd->is_link) link_tick(now_ns());
    uint64_t quiet_ms = (now_ns() - last) / 1000000;
    if (in == crowd->member_count && quiet_ms > SILENCE_MS) break;
    if (quiet_ms > PATIENCE_MS) {
      fprintf(stderr, "generator: %d of %d members got in; the others wait for an answer\n", in, crowd->member_count);
      exit(1);
    }
  }
  for (int index = 0; index < crowd->member_count; index += 1) crowd->members[index].carried = 0;
  free(buffer);
}

static size_t read_datagrams(int fd, uint8_t *buffer) {
  static struct mmsghdr messages[DATAGRAMS];
  static struct iovec parts[DATAGRAMS];
  // The buffer is the same each time, and the kernel writes lengths and flags only.
  for (int index = 0; index < DATAGRAMS && parts[index].iov_base != buffer + index * DATAGRAM_BYTES; index += 1) {
    parts[index] = (struct iovec){.iov_base = buffer + index * DATAGRAM_BYTES, .iov_len = DATAGRAM_BYTES};
    messages[index].msg_hdr = (struct msghdr){.msg_iov = &parts[index], .msg_iovlen = 1};
  }
  int count = recvmmsg(fd, messages, DATAGRAMS, MSG_DONTWAIT, NULL);
  if (count <= 0) return 0;
  size_t length = 0;
  for (int index = 0; index < count; index += 1) {
    memmove(buffer + length, parts[index].iov_base, messages[index].msg_len);
    length += messages[index].msg_len;
  }
  return length;
}

size_t read_member(struct crowd *crowd, uint32_t event, uint8_t *buffer, size_t size) {
  struct member *member = member_of(crowd, event);
  if (member->link != NULL) return link_read(member->link, (event & SECOND_SOCKET) != 0, buffer, size);
  if (crowd->is_udp) return read_datagrams(member->fd, buffer);
  ssize_t length = read(member->fd, buffer, size);
  if (length > 0) return (size_t)length;
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  fprintf(stderr, "generator: the server closed the connection of member %ld\n", (long)(member - crowd->members));
  exit(1);
}

static void put_digits(uint8_t *end, uint64_t value, int count) {
  static const char digits[] = "0123456789abcdef";
  for (int index = 1; index <= count; index += 1, value >>= 4) end[-index] = (uint8_t)digits[value & 15];
}

static size_t put_message(uint8_t *at, const struct member *member, uint64_t time, uint64_t number) {
  uint8_t *start = at;
  memcpy(at, member->before.data, member->before.length);
  at += member->before.length;
  memset(at, 'x', BODY_BYTES);
  at[0] = MARKER;
  put_digits(at + 1 + TIME_DIGITS, time, TIME_DIGITS);
  put_digits(at + 1 + TIME_DIGITS + NUMBER_DIGITS, number, NUMBER_DIGITS);
  at += BODY_BYTES;
  memcpy(at, member->behind.data, member->behind.length);
  at += member->behind.length;
  return (size_t)(at - start);
}

void say(struct crowd *crowd, struct member *member, uint64_t number, int count) {
  static uint8_t burst[BURST * 512];
  uint64_t time = now_ns();
  while (count > 0) {
    int part = crowd->is_udp && !crowd->is_link ? 1 : count < BURST ? count : BURST;
    size_t length = 0;
    for (int index = 0; index < part; index += 1) length += put_message(burst + length, member, time, number++);
    if (crowd->is_link) link_say(member->link, burst, length / (size_t)part, part);
    else send_all(member->fd, burst, length);
    count -= part;
  }
}
