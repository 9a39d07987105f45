/*
 * Load generator of `npm run bench -- fanout`: plays a crowd of chat members on one core and counts what they are told.
 * In C because one core of Node reads about as fast as one core of a good server writes, so that it would measure itself.
 * It parses nothing: each message holds one MARKER, and markers are counted in all that comes.
 *
 * Commands on standard input, one a line; bytes in hexadecimal, `-` for none:
 *
 *     server tcp|udp|link-tcp|link-udp IP PORT PID ECHO
 *                                                what is measured; ECHO 1: who says something is told it, too
 *     member ROOM BEFORE BEHIND [SAY AWAIT]…     somebody: around the text of a message, and the steps of getting in
 *     member ROOM - - USER NAME                  the same on link: the user's name and the room's
 *     connect                                    everybody gets in; answers {"connected":n}
 *     closed WINDOW WARM_UP_MS MS                keep WINDOW messages of each room on their way, said by its first member
 *     open RATE WARM_UP_MS MS                    say RATE messages a second, everybody in turn, whatever comes back
 *
 * Each run answers with one line of JSON; times in µs, CPU in seconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "histogram.h"
#include "link.h"

#define MS 1000000ull
#define READ_BYTES (1 << 18)
#define EVENTS 1024
/** Nothing has come for so long although something is missing: it is lost. */
#define LOSS_NS (500 * MS)
#define DRAIN_NS (5000 * MS)
/** Between commands: how often it is looked whether there is one. */
#define IDLE_NS (20 * MS)
// Messages that follow each other faster are said, and those of others heard, this often: waking up for each of them would
// take the machine more time than all else here. What a delivery waits for this is part of its latency.
#define TICK_NS (MS / 2)

static struct crowd crowd;
static pid_t server_pid;
static uint8_t buffer[CARRY_BYTES + READ_BYTES];
static int *touched;
static int touched_count;
static uint64_t delivered, reads, heard_ns;
/** Deliveries of something that had come already, and how many numbers a member can remember. */
static uint64_t repeated, seen_max;
static struct histogram latency, lateness;
/** Messages sent from here on are dated. */
static uint64_t measure_ns, end_ns;

static double cpu_seconds(pid_t pid) {
  clockid_t clock;
  struct timespec time;
  if (pid == 0) clock = CLOCK_PROCESS_CPUTIME_ID;
  else if (clock_getcpuclockid(pid, &clock) != 0) return 0;
  if (clock_gettime(clock, &time) != 0) return 0;
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t count_markers(const uint8_t *data, size_t length) {
  uint64_t count = 0;
  while (length > 0) {
    // In pieces of 255 at most per lane, a compiler counts bytes by vectors.
    size_t part = length < 4096 ? length : 4096;
    unsigned int piece = 0;
    for (size_t index = 0; index < part; index += 1) piece += data[index] == MARKER;
    count += piece;
    data += part;
    length -= part;
  }
  return count;
}

static uint64_t digits_at(const uint8_t *digits, int count) {
  uint64_t value = 0;
  for (int index = 0; index < count; index += 1) {
    value = value << 4 | (uint64_t)(digits[index] <= '9' ? digits[index] - '0' : digits[index] - 'a' + 10);
  }
  return value;
}

/** Whether the member has this message for the first time. */
static int is_news(struct member *member, uint64_t number) {
  if (member->seen == NULL || number >= seen_max) return 1;
  uint8_t *byte = &member->seen[number / 8], bit = (uint8_t)(1u << number % 8);
  if (*byte & bit) return 0;
  *byte |= bit;
  return 1;
}

/** As `count_markers`, and dates each of them, once. The end of the data is kept when a number may be cut. */
static uint64_t date_markers(struct member *member, const uint8_t *data, size_t length, uint64_t now) {
  uint64_t count = 0;
  const uint8_t *end = data + length;
  member->carried = 0;
  for (const uint8_t *at = data; (at = memchr(at, MARKER, (size_t)(end - at))) != NULL; at += 1) {
    if (end - at <= TIME_DIGITS + NUMBER_DIGITS) {
      member->carried = (int)(end - at);
      memcpy(member->carry, at, (size_t)member->carried);
      break;
    }
    if (!is_news(member, digits_at(at + 1 + TIME_DIGITS, NUMBER_DIGITS))) {
      repeated += 1;
      continue;
    }
    count += 1;
    uint64_t sent = digits_at(at + 1, TIME_DIGITS);
    if (sent >= measure_ns && sent < end_ns) record(&latency, (now - sent) / 1000);
  }
  return count;
}

static void hear(uint32_t event, uint64_t now) {
  struct member *member = member_of(&crowd, event);
  size_t length = read_member(&crowd, event, buffer + CARRY_BYTES, READ_BYTES);
  if (length == 0) return;
  uint8_t *data = buffer + CARRY_BYTES;
  uint64_t count;
  if (member->is_dated) {
    memcpy(data - member->carried, member->carry, (size_t)member->carried);
    count = date_markers(member, data - member->carried, length + (size_t)member->carried, now);
  } else {
    count = count_markers(data, length);
  }
  if (count == 0) return;
  member->got += count;
  delivered += count;
  reads += 1;
  heard_ns = now;
  struct room *room = &crowd.rooms[member->room];
  if (!room->is_touched) {
    room->is_touched = 1;
    touched[touched_count++] = member->room;
  }
}

/** Returns how many sockets had something. */
static int hear_all(uint64_t timeout_ns) {
  static struct epoll_event events[EVENTS];
  struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u), .tv_nsec = (long)(timeout_ns % 1000000000u)};
  int count = epoll_pwait2(crowd.epoll, events, EVENTS, &timeout, NULL);
  for (int index = 0; index < count; index += 1) hear(events[index].data.u32, now_ns());
  if (crowd.is_link) link_tick(now_ns());
  return count;
}

static void update_level(struct room *room) {
  uint64_t level = room->sent;
  for (int index = 0; index < room->member_count; index += 1) {
    const struct member *member = &crowd.members[room->members[index]];
    uint64_t own = member->got + member->own;
    if (own < level) level = own;
  }
  room->level = level;
}

static void room_says(struct room *room, int sender, int count) {
  struct member *member = &crowd.members[room->members[sender]];
  say(&crowd, member, room->sent, count);
  room->sent += (uint64_t)count;
  if (!crowd.has_echo) member->own += (uint64_t)count;
}

struct meters {
  double server, generator;
  uint64_t time, delivered, reads;
};

static struct meters read_meters(void) {
  return (struct meters){
      .server = cpu_seconds(server_pid), .generator = cpu_seconds(0), .time = now_ns(), .delivered = delivered, .reads = reads};
}

/** @param numbers_max messages of a room whose repetition is noticed; 0: not looked for, and one member of each room dates */
static void begin(uint64_t warm_up_ms, uint64_t ms, uint64_t numbers_max) {
  seen_max = numbers_max;
  for (int index = 0; index < crowd.member_count; index += 1) {
    struct member *member = &crowd.members[index];
    member->got = member->own = 0;
    member->carried = 0;
    const struct room *room = &crowd.rooms[member->room];
    // Not its first one, who speaks and on some wires is not told so.
    free(member->seen);
    member->seen = numbers_max == 0 ? NULL : calloc(numbers_max / 8 + 1, 1);
    member->is_dated = numbers_max > 0 || room->members[room->member_count - 1] == index;
  }
  for (int index = 0; index < crowd.room_count; index += 1) {
    struct room *room = &crowd.rooms[index];
    room->sent = room->level = 0;
    room->is_touched = room->next_sender = 0;
  }
  touched_count = 0;
  delivered = repeated = 0;
  heard_ns = now_ns();
  clear(&latency);
  clear(&lateness);
  measure_ns = now_ns() + warm_up_ms * MS;
  end_ns = measure_ns + ms * MS;
}

/** Deliveries that are missing; in a closed loop less than 0 when some came twice. */
static int64_t missing(void) {
  int64_t count = 0;
  for (int index = 0; index < crowd.member_count; index += 1) {
    const struct member *member = &crowd.members[index];
    count += (int64_t)crowd.rooms[member->room].sent - (int64_t)(member->got + member->own);
  }
  return count;
}

static void finish(struct meters before, struct meters after, int64_t lost) {
  uint64_t deadline = now_ns() + DRAIN_NS;
  while (missing() > 0 && now_ns() < deadline && now_ns() - heard_ns < 4 * LOSS_NS) hear_all(20 * MS);
  uint64_t sent = 0;
  for (int index = 0; index < crowd.room_count; index += 1) sent += crowd.rooms[index].sent;
  double seconds = (double)(after.time - before.time) / 1e9;
  printf("{\"seconds\":%.6f,\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"reads\":%" PRIu64 ",\"lost\":%" PRId64 ",\"repeated\":%" PRIu64
         ",\"serverCpu\":%.6f,\"generatorCpu\":%.6f,\"dated\":%" PRIu64
         ",\"p50\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64 ",\"max\":%" PRIu64 ",\"late99\":%" PRIu64 "}\n",
         seconds, sent, after.delivered - before.delivered, after.reads - before.reads, lost + missing(), repeated, after.server - before.server,
         after.generator - before.generator, latency.count, quantile(&latency, 0.5), quantile(&latency, 0.99),
         quantile(&latency, 0.999), latency.max, quantile(&lateness, 0.99));
  fflush(stdout);
}

static void run_closed(uint64_t window, uint64_t warm_up_ms, uint64_t ms) {
  begin(warm_up_ms, ms, 0);
  struct meters before = {0}, after;
  int64_t lost = 0;
  for (int index = 0; index < crowd.room_count; index += 1) room_says(&crowd.rooms[index], 0, (int)window);
  for (;;) {
    hear_all(MS);
    uint64_t now = now_ns();
    if (before.time == 0 && now >= measure_ns) before = read_meters();
    if (now >= end_ns) break;
    for (int index = 0; index < touched_count; index += 1) {
      struct room *room = &crowd.rooms[touched[index]];
      room->is_touched = 0;
      update_level(room);
      uint64_t free = window - (room->sent - room->level);
      if (free > 0) room_says(room, 0, (int)free);
    }
    touched_count = 0;
    if (now - heard_ns < LOSS_NS) continue;
    // Over UDP, what is lost would stop everything for ever: count it and go on.
    lost += missing();
    for (int index = 0; index < crowd.member_count; index += 1) {
      struct member *member = &crowd.members[index];
      member->got = crowd.rooms[member->room].sent - member->own;
    }
    for (int index = 0; index < crowd.room_count; index += 1) room_says(&crowd.rooms[index], 0, (int)window);
    heard_ns = now;
  }
  after = read_meters();
  finish(before, after, lost);
}

static void sleep_until(uint64_t time_ns) {
  struct timespec time = {.tv_sec = (time_t)(time_ns / 1000000000u), .tv_nsec = (long)(time_ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR);
}

static void run_open(double rate, uint64_t warm_up_ms, uint64_t ms) {
  // Rooms have their turns, so none is ahead of the others by more than one message.
  begin(warm_up_ms, ms, (uint64_t)(rate * (double)(warm_up_ms + ms) / 1000 / crowd.room_count) + 2);
  struct meters before = {0}, after;
  double interval = 1e9 / rate;
  double due = (double)now_ns();
  uint64_t tick = now_ns();
  int next_room = 0;
  for (;;) {
    uint64_t now = now_ns();
    if (before.time == 0 && now >= measure_ns) before = read_meters();
    if (now >= end_ns) break;
    while (due <= (double)now) {
      struct room *room = &crowd.rooms[next_room];
      next_room = (next_room + 1) % crowd.room_count;
      if (now >= measure_ns) record(&lateness, (now_ns() - (uint64_t)due) / 1000);
      room_says(room, room->next_sender, 1);
      room->next_sender = (room->next_sender + 1) % room->member_count;
      due += interval;
    }
    if (interval < TICK_NS) {
      tick += TICK_NS;
      sleep_until(tick);
      while (hear_all(0) == EVENTS);
    } else {
      uint64_t rest = now_ns();
      hear_all(due > (double)rest ? (uint64_t)due - rest : 0);
    }
    for (int index = 0; index < touched_count; index += 1) crowd.rooms[touched[index]].is_touched = 0;
    touched_count = 0;
  }
  after = read_meters();
  finish(before, after, 0);
}

static struct bytes parse_hex(const char *hex) {
  if (hex == NULL || strcmp(hex, "-") == 0) return (struct bytes){NULL, 0};
  size_t length = strlen(hex) / 2;
  uint8_t *data = malloc(length);
  for (size_t index = 0; index < length; index += 1) {
    unsigned int byte = 0;
    sscanf(hex + 2 * index, "%2x", &byte);
    data[index] = (uint8_t)byte;
  }
  return (struct bytes){data, length};
}

static void add_member(void) {
  int room = atoi(strtok(NULL, " "));
  crowd.members = realloc(crowd.members, (size_t)(crowd.member_count + 1) * sizeof *crowd.members);
  struct member *member = &crowd.members[crowd.member_count];
  memset(member, 0, sizeof *member);
  member->room = room;
  member->before = parse_hex(strtok(NULL, " "));
  member->behind = parse_hex(strtok(NULL, " "));
  for (char *hex; (hex = strtok(NULL, " ")) != NULL && member->step_count < STEPS_MAX; member->step_count += 1) {
    struct step *step = &member->steps[member->step_count];
    step->say = parse_hex(hex);
    step->await = parse_hex(strtok(NULL, " "));
    if (step->await.length > CARRY_BYTES) fail("an answer that is awaited is too long");
  }
  while (crowd.room_count <= room) {
    crowd.rooms = realloc(crowd.rooms, (size_t)(crowd.room_count + 1) * sizeof *crowd.rooms);
    memset(&crowd.rooms[crowd.room_count], 0, sizeof *crowd.rooms);
    crowd.room_count += 1;
  }
  struct room *place = &crowd.rooms[room];
  place->members = realloc(place->members, (size_t)(place->member_count + 1) * sizeof(int));
  place->members[place->member_count++] = crowd.member_count;
  crowd.member_count += 1;
}

/** Until there is one, sessions of link answer what keeps them alive. */
static void await_command(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  while (crowd.is_link && touched != NULL && poll(&input, 1, 0) == 0) {
    hear_all(IDLE_NS);
    touched_count = 0;
    for (int index = 0; index < crowd.room_count; index += 1) crowd.rooms[index].is_touched = 0;
  }
}

int main(void) {
  // What the machine does besides is not to be mistaken for the server; where this is not permitted, lateness is told.
  setpriority(PRIO_PROCESS, 0, 0);
  // To be woken when a message is due, and not up to 50 µs later.
  prctl(PR_SET_TIMERSLACK, 1);
  char *line = NULL;
  size_t size = 0;
  crowd.epoll = epoll_create1(0);
  // Once all are in, commands come one by one: nothing of the next one is in a buffer.
  while (await_command(), getline(&line, &size, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char *command = strtok(line, " ");
    if (command == NULL) continue;
    if (strcmp(command, "server") == 0) {
      const char *protocol = strtok(NULL, " ");
      crowd.is_udp = strstr(protocol, "udp") != NULL;
      crowd.is_link = strncmp(protocol, "link-", 5) == 0;
      crowd.address = strdup(strtok(NULL, " "));
      crowd.port = atoi(strtok(NULL, " "));
      server_pid = atoi(strtok(NULL, " "));
      crowd.has_echo = atoi(strtok(NULL, " "));
    } else if (strcmp(command, "member") == 0) {
      add_member();
    } else if (strcmp(command, "connect") == 0) {
      connect_crowd(&crowd);
      touched = calloc((size_t)crowd.room_count, sizeof *touched);
      printf("{\"connected\":%d}\n", crowd.member_count);
      fflush(stdout);
    } else if (strcmp(command, "closed") == 0 || strcmp(command, "open") == 0) {
      double load = atof(strtok(NULL, " "));
      uint64_t warm_up_ms = (uint64_t)atoll(strtok(NULL, " "));
      uint64_t ms = (uint64_t)atoll(strtok(NULL, " "));
      if (command[0] == 'c') run_closed((uint64_t)load, warm_up_ms, ms);
      else run_open(load, warm_up_ms, ms);
    }
  }
  return 0;
}
