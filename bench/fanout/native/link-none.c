/*
 * In place of the other link files where there is no OpenSSL to build it with: other wires can be measured all the same.
 */
#include "link.h"

struct link *link_open(const char *address, int port, enum link_path path, struct bytes user, struct bytes room) {
  (void)address, (void)port, (void)path, (void)user, (void)room;
  fail("this generator was built without link");
  return NULL;
}

int link_stream_fd(const struct link *link) { return (void)link, -1; }
int link_datagram_fd(const struct link *link) { return (void)link, -1; }
int link_is_in(const struct link *link) { return (void)link, 0; }
void link_tick(uint64_t now) { (void)now; }

size_t link_read(struct link *link, int is_tls, uint8_t *out, size_t size) {
  (void)link, (void)is_tls, (void)out, (void)size;
  return 0;
}

void link_say(struct link *link, const uint8_t *messages, size_t length, int count) {
  (void)link, (void)messages, (void)length, (void)count;
}
