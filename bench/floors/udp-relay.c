/*
 * The floor of a chat over UDP: what one core can do that does nothing but relay. One thread; each datagram goes to all
 * members of its sender's room by sendmmsg, one datagram each.
 *
 * `JOIN name` puts an address into a room, answered by `IN`. Usage: udp-relay PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MEMBERS_MAX 65536
#define ROOMS_MAX 20000
#define NAME_BYTES 64
#define DATAGRAMS 64
#define DATAGRAM_BYTES 2048
/** Datagrams handed to the system at once, at most: UIO_MAXIOV. */
#define BURST 1024
#define BUFFER_BYTES (1 << 22)

struct room {
  char name[NAME_BYTES];
  struct sockaddr_in *members;
  int member_count;
};

static struct room *rooms[ROOMS_MAX];
static int room_count;
/** Room of each port of this machine plus 1; 0: none. All load comes from one address. */
static int room_of_port[MEMBERS_MAX];

static void join(int fd, const char *name, const struct sockaddr_in *from) {
  int at = 0;
  while (at < room_count && strcmp(rooms[at]->name, name) != 0) at += 1;
  if (at == room_count) {
    rooms[at] = calloc(1, sizeof(struct room));
    snprintf(rooms[at]->name, NAME_BYTES, "%s", name);
    room_count += 1;
  }
  struct room *room = rooms[at];
  room->members = realloc(room->members, (size_t)(room->member_count + 1) * sizeof *from);
  room->members[room->member_count++] = *from;
  room_of_port[ntohs(from->sin_port)] = at + 1;
  sendto(fd, "IN", 2, 0, (const struct sockaddr *)from, sizeof *from);
}

static void relay(int fd, const struct room *room, char *data, size_t length) {
  static struct mmsghdr out[BURST];
  struct iovec part = {.iov_base = data, .iov_len = length};
  for (int start = 0; start < room->member_count; start += BURST) {
    int count = room->member_count - start < BURST ? room->member_count - start : BURST;
    for (int index = 0; index < count; index += 1) {
      out[index].msg_hdr = (struct msghdr){
          .msg_name = &room->members[start + index], .msg_namelen = sizeof(struct sockaddr_in), .msg_iov = &part, .msg_iovlen = 1};
    }
    for (int sent = 0; sent < count;) {
      int more = sendmmsg(fd, out + sent, (unsigned int)(count - sent), 0);
      sent += more > 0 ? more : 1;
    }
  }
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int size = BUFFER_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  struct sockaddr_in here = {
      .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
    perror("udp-relay");
    return 1;
  }
  static char data[DATAGRAMS][DATAGRAM_BYTES + 1];
  static struct sockaddr_in from[DATAGRAMS];
  static struct iovec parts[DATAGRAMS];
  static struct mmsghdr in[DATAGRAMS];
  for (;;) {
    for (int index = 0; index < DATAGRAMS; index += 1) {
      parts[index] = (struct iovec){.iov_base = data[index], .iov_len = DATAGRAM_BYTES};
      in[index].msg_hdr = (struct msghdr){
          .msg_name = &from[index], .msg_namelen = sizeof(struct sockaddr_in), .msg_iov = &parts[index], .msg_iovlen = 1};
    }
    int ready = recvmmsg(fd, in, DATAGRAMS, MSG_WAITFORONE, NULL);
    for (int index = 0; index < ready; index += 1) {
      size_t length = in[index].msg_len;
      data[index][length] = '\0';
      int room = room_of_port[ntohs(from[index].sin_port)];
      if (room > 0) relay(fd, rooms[room - 1], data[index], length);
      else if (length > 5 && memcmp(data[index], "JOIN ", 5) == 0) join(fd, data[index] + 5, &from[index]);
    }
  }
}
