#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "link-frames.h"
#include "link-session.h"

#define HANDSHAKE_BYTES 1024

static SSL_CTX *context(void) {
  static SSL_CTX *made;
  if (made != NULL) return made;
  made = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
  // Whose key it is does not matter here: it is our own server, on this machine.
  SSL_CTX_set_verify(made, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_alpn_protos(made, (const uint8_t *)"\x08" "confab/1", 9);
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return made;
}

static int connected(int type, const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  int fd = socket(AF_INET, type, 0);
  if (fd < 0) fail("socket (is the limit of open files high enough?)");
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  return fd;
}

static uint8_t *put_text(uint8_t *at, const void *text, size_t length) {
  at = put_number(at, length);
  memcpy(at, text, length);
  return at + length;
}

static void write_frame(struct link *link, uint8_t type, const uint8_t *body, size_t length) {
  uint8_t frame[HANDSHAKE_BYTES], *at = frame;
  *at++ = type;
  at = put_text(at, body, length);
  if (SSL_write(link->tls, frame, (int)(at - frame)) != at - frame) fail("TLS write");
}

/** Reads WELCOME. @returns the port for datagrams @param id 8 bytes: the connection id */
static int read_welcome(struct link *link, uint8_t *id) {
  uint8_t bytes[HANDSHAKE_BYTES];
  size_t have = 0;
  for (;;) {
    int more = SSL_read(link->tls, bytes + have, (int)(sizeof bytes - have));
    if (more <= 0) fail("no WELCOME");
    have += (size_t)more;
    struct span span = {.at = bytes, .end = bytes + have};
    uint64_t type = take_number(&span), length = take_number(&span);
    if (length == 0 || (uint64_t)(span.end - span.at) < length) continue;
    if (type != FRAME_WELCOME) fail("the server refuses");
    take_number(&span);
    span.at += 1 + 8;
    span.at += 1 + *span.at;
    int port = span.at[0] << 8 | span.at[1];
    memcpy(id, span.at + 2, ID_BYTES);
    return port;
  }
}

static void say_hello(struct link *link, struct bytes user) {
  static const char agent[] = "confab-bench";
  uint8_t body[HANDSHAKE_BYTES / 2], *at = body;
  at = put_number(at, 1);
  *at++ = link->wanted == LINK_UDP ? 1 : 0;
  at = put_text(at, user.data, user.length);
  at = put_text(at, agent, strlen(agent));
  at = put_number(at, LINK_DATAGRAM_BYTES);
  write_frame(link, FRAME_HELLO, body, (size_t)(at - body));
}

static void ask_to_join(struct link *link, struct bytes room) {
  // Channel 0, record 1: JOIN, request 1, channel 1, join or make open.
  uint8_t body[HANDSHAKE_BYTES / 2] = {0, 1, 1, 1, 1, 0}, *at = put_text(body + 6, room.data, room.length);
  *at++ = 0;
  *at++ = 0;
  if (getrandom(at, 16, 0) != 16) fail("getrandom");
  at += 16;
  write_frame(link, FRAME_RECORD, body, (size_t)(at - body));
}

struct link *link_open(const char *address, int port, enum link_path path, struct bytes user, struct bytes room) {
  struct link *link = calloc(1, sizeof *link);
  uint8_t id[ID_BYTES], secret[SECRET_BYTES];
  int on = 1, buffer_bytes = LINK_BUFFER_BYTES;
  link->wanted = path;
  link->control_next = 1;
  link->tls_fd = connected(SOCK_STREAM, address, port);
  setsockopt(link->tls_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  link->tls = SSL_new(context());
  SSL_set_fd(link->tls, link->tls_fd);
  if (SSL_connect(link->tls) != 1) fail("TLS handshake");
  say_hello(link, user);
  int udp_port = read_welcome(link, id);
  if (path == LINK_UDP) {
    static const char label[] = "EXPORTER-confab/1 datagrams";
    SSL_export_keying_material(link->tls, secret, sizeof secret, label, strlen(label), NULL, 0, 1);
    begin_packets(&link->packets, secret, id);
    link->udp_fd = connected(SOCK_DGRAM, address, udp_port);
    if (setsockopt(link->udp_fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0)
      setsockopt(link->udp_fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    link_challenge(link);
  }
  ask_to_join(link, room);
  fcntl(link->tls_fd, F_SETFL, O_NONBLOCK);
  return link;
}
