/*
 * A member of a room on link (docs/wires/link.md), over TLS or over sealed datagrams, as far as a load generator needs it: it
 * gets in, posts, counts each event once, and acknowledges what it gets as Confab's own client does. It sends nothing a
 * second time: what is lost of its posts stays lost, and is counted.
 */
#ifndef LINK_H
#define LINK_H

#include "crowd.h"

enum link_path { LINK_TCP, LINK_UDP };

struct link;

/** Connect, begin a session, ask to join a room. Blocks until WELCOME; from then on its sockets do not block. */
struct link *link_open(const char *address, int port, enum link_path path, struct bytes user, struct bytes room);
int link_stream_fd(const struct link *link);
int link_datagram_fd(const struct link *link);
/** In the room, on the path that is wanted. */
int link_is_in(const struct link *link);
/** Read once; put the bodies of new events into `out`. Returns their bytes. */
size_t link_read(struct link *link, int is_tls, uint8_t *out, size_t size);
/** Post `count` messages of `length` bytes each, which stand one after the other. */
void link_say(struct link *link, const uint8_t *messages, size_t length, int count);
/** Say what has been owed long enough, of all sessions. */
void link_tick(uint64_t now);

#endif
