/*
 * The members that the load generator plays: their sockets, what they say to get in, what they say then, and what each of
 * them has been told.
 */
#ifndef CROWD_H
#define CROWD_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of a message's text: `^`, the time it was sent (ns, 16 hexadecimal digits), its number in its room (8), filling. */
#define BODY_BYTES 64
/** Stands once in each message and nowhere else in what a server sends: deliveries are counted by it. */
#define MARKER '^'
#define TIME_DIGITS 16
#define NUMBER_DIGITS 8
/** Steps of getting in, at most. */
#define STEPS_MAX 4
/** Bytes of a stream kept from one read to the next: the end of an answer, or of a time, may be in the next one. */
#define CARRY_BYTES 256

struct bytes {
  uint8_t *data;
  size_t length;
};

/** Say this, and wait until that has come. */
struct step {
  struct bytes say, await;
};

struct link;

struct member {
  int fd;
  /** On link; then `steps` is one: the user's name and the room's. */
  struct link *link;
  int is_in;
  int room;
  int step_count, step;
  struct step steps[STEPS_MAX];
  /** What stands before and behind the text of a message. */
  struct bytes before, behind;
  /** Messages that came, and its own that it will not be told of. */
  uint64_t got, own;
  /** A bit for the number of each message that came; where each delivery is dated. */
  uint8_t *seen;
  /** Whether each of its deliveries is dated; otherwise they are only counted. */
  int is_dated;
  int carried;
  uint8_t carry[CARRY_BYTES];
};

struct room {
  int *members;
  int member_count;
  uint64_t sent;
  /** All of its members have had so many. */
  uint64_t level;
  int is_touched;
  int next_sender;
};

struct crowd {
  int is_udp, is_link, has_echo;
  const char *address;
  int port;
  struct member *members;
  int member_count;
  struct room *rooms;
  int room_count;
  int epoll;
};

uint64_t now_ns(void);
void fail(const char *what);
/** Connects everybody and goes through their steps, some at a time. */
void connect_crowd(struct crowd *crowd);
/** In what an event of `crowd.epoll` carries, beside the member's index: the second socket of one that has two. */
#define SECOND_SOCKET (1u << 31)
static inline struct member *member_of(struct crowd *crowd, uint32_t event) { return &crowd->members[event & ~SECOND_SOCKET]; }
/** Reads once from the socket that an event tells of into `buffer`; returns the bytes, or 0 when there was nothing. */
size_t read_member(struct crowd *crowd, uint32_t event, uint8_t *buffer, size_t size);
/** Says `count` messages in one write, numbered from `number` up. */
void say(struct crowd *crowd, struct member *member, uint64_t number, int count);

#endif
