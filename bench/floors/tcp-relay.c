/*
 * The floor of a chat over TCP: what one core can do that does nothing but relay. One thread, epoll; all that a turn has
 * read for a room goes to each of its members in one write. No rules, no history, no names.
 *
 * `JOIN name` LF puts a connection into a room, answered by `IN` LF; every line after it goes to all who are in.
 * Usage: tcp-relay PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000
#define ROOMS_MAX 20000
#define NAME_BYTES 64
#define LINE_BYTES 4096
#define READ_BYTES (1 << 18)
#define EVENTS 1024

struct buffer {
  char *data;
  size_t length, size;
};

struct room {
  char name[NAME_BYTES];
  int *members;
  int member_count;
  struct buffer news;
  int is_touched;
};

struct connection {
  int room;
  char line[LINE_BYTES];
  size_t held;
  struct buffer unsent;
};

static struct room *rooms[ROOMS_MAX];
static int room_count;
static struct connection *connections[CONNECTIONS_MAX];
static int touched[ROOMS_MAX];
static int touched_count;
static int epoll_fd;

static void append(struct buffer *buffer, const char *data, size_t length) {
  if (buffer->length + length > buffer->size) {
    buffer->size = 2 * (buffer->length + length);
    buffer->data = realloc(buffer->data, buffer->size);
  }
  memcpy(buffer->data + buffer->length, data, length);
  buffer->length += length;
}

static void await(int fd, uint32_t what, int operation) {
  struct epoll_event event = {.events = what, .data.fd = fd};
  epoll_ctl(epoll_fd, operation, fd, &event);
}

static void drop(int fd) {
  struct connection *connection = connections[fd];
  if (connection == NULL) return;
  if (connection->room >= 0) {
    struct room *room = rooms[connection->room];
    for (int index = 0; index < room->member_count; index += 1)
      if (room->members[index] == fd) room->members[index] = room->members[--room->member_count];
  }
  free(connection->unsent.data);
  free(connection);
  connections[fd] = NULL;
  close(fd);
}

static void tell(int fd, const char *data, size_t length) {
  struct connection *connection = connections[fd];
  if (connection->unsent.length == 0) {
    ssize_t written = send(fd, data, length, MSG_NOSIGNAL);
    if (written < 0) written = 0;
    if ((size_t)written == length) return;
    data += written;
    length -= (size_t)written;
    await(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  append(&connection->unsent, data, length);
}

static void tell_rest(int fd) {
  struct buffer *unsent = &connections[fd]->unsent;
  ssize_t written = send(fd, unsent->data, unsent->length, MSG_NOSIGNAL);
  if (written <= 0) return;
  memmove(unsent->data, unsent->data + written, unsent->length - (size_t)written);
  unsent->length -= (size_t)written;
  if (unsent->length == 0) await(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static int room_named(const char *name) {
  for (int index = 0; index < room_count; index += 1)
    if (strcmp(rooms[index]->name, name) == 0) return index;
  rooms[room_count] = calloc(1, sizeof(struct room));
  snprintf(rooms[room_count]->name, NAME_BYTES, "%s", name);
  return room_count++;
}

static void join(int fd, const char *line, size_t length) {
  char name[NAME_BYTES];
  snprintf(name, sizeof name, "%.*s", (int)(length - 6), line + 5);
  struct connection *connection = connections[fd];
  connection->room = room_named(name);
  struct room *room = rooms[connection->room];
  room->members = realloc(room->members, (size_t)(room->member_count + 1) * sizeof(int));
  room->members[room->member_count++] = fd;
  tell(fd, "IN\n", 3);
}

/** Whole lines. */
static void take(int fd, const char *data, size_t length) {
  struct connection *connection = connections[fd];
  if (connection->room < 0) {
    const char *end = memchr(data, '\n', length);
    size_t first = (size_t)(end - data) + 1;
    if (first > 6) join(fd, data, first);
    data += first;
    length -= first;
    if (length == 0 || connection->room < 0) return;
  }
  struct room *room = rooms[connection->room];
  append(&room->news, data, length);
  if (room->is_touched) return;
  room->is_touched = 1;
  touched[touched_count++] = connection->room;
}

static void hear(int fd) {
  static char buffer[LINE_BYTES + READ_BYTES];
  struct connection *connection = connections[fd];
  memcpy(buffer, connection->line, connection->held);
  ssize_t length = read(fd, buffer + connection->held, READ_BYTES);
  if (length <= 0) {
    if (length == 0 || (errno != EAGAIN && errno != EINTR)) drop(fd);
    return;
  }
  size_t whole = connection->held + (size_t)length;
  const char *last = memrchr(buffer, '\n', whole);
  size_t lines = last == NULL ? 0 : (size_t)(last - buffer) + 1;
  if (whole - lines > LINE_BYTES) {
    drop(fd);
    return;
  }
  connection->held = whole - lines;
  memcpy(connection->line, buffer + lines, connection->held);
  if (lines > 0) take(fd, buffer, lines);
}

static void welcome(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  if (fd >= CONNECTIONS_MAX) {
    close(fd);
    return;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections[fd] = calloc(1, sizeof(struct connection));
  connections[fd]->room = -1;
  await(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static void tell_rooms(void) {
  for (int index = 0; index < touched_count; index += 1) {
    struct room *room = rooms[touched[index]];
    for (int at = 0; at < room->member_count; at += 1) tell(room->members[at], room->news.data, room->news.length);
    room->news.length = 0;
    room->is_touched = 0;
  }
  touched_count = 0;
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  struct rlimit files = {CONNECTIONS_MAX, CONNECTIONS_MAX};
  setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in here = {
      .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 1024) < 0) {
    perror("tcp-relay");
    return 1;
  }
  epoll_fd = epoll_create1(0);
  await(listener, EPOLLIN, EPOLL_CTL_ADD);
  for (;;) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(epoll_fd, events, EVENTS, -1);
    for (int index = 0; index < ready; index += 1) {
      int fd = events[index].data.fd;
      if (fd == listener) {
        welcome(listener);
        continue;
      }
      if (events[index].events & EPOLLOUT) tell_rest(fd);
      if (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(fd);
    }
    tell_rooms();
  }
}
