/*
 * What a session of link is, for the files that play it.
 */
#ifndef LINK_SESSION_H
#define LINK_SESSION_H

#include <openssl/ssl.h>

#include "link-packets.h"
#include "link.h"

/** Largest datagram this end says it takes. */
#define LINK_DATAGRAM_BYTES 16384
/** Events beyond a gap that are told apart. */
#define LINK_AHEAD 1024
/** Receive buffer of a member's UDP socket. */
#define LINK_BUFFER_BYTES (1 << 21)

/** How soon something is to be said. */
enum link_hurry { LINK_NEVER, LINK_LAZY, LINK_NOW };

struct link {
  SSL *tls;
  int tls_fd, udp_fd;
  /** Which path it is to use, and which one it uses; whether the room is joined. */
  enum link_path wanted, path;
  int is_joined;
  /** A frame of which the end has not come over TLS yet. */
  uint8_t *rest;
  size_t rest_length, rest_size;
  /** The next event; those beyond it that came, by their number modulo LINK_AHEAD; the next record of channel 0. */
  uint64_t next, control_next;
  uint8_t ahead[LINK_AHEAD];
  uint64_t posts;
  struct packets packets;
  /** Numbers of a path's proof: RFC 9000 §8.2. */
  uint8_t challenge[8];
  int is_proved, has_answered;
  /** Of the packets that were read: when they are to be acknowledged. Of records over TLS: a CURSOR. */
  enum link_hurry hurry;
  uint64_t unsaid;
  /** In the queue of those that owe an acknowledgement later. */
  int is_waiting;
};

/** Write to the TLS connection, all of it. */
void link_write(struct link *link, const uint8_t *data, size_t length);
/** Say what is owed: now, or when something else goes or it has waited long enough. */
void link_settle(struct link *link);
void link_owe(struct link *link);
/** A packet with one frame of 8 bytes: a challenge or the answer to one. */
void link_prove(struct link *link, uint8_t type, const uint8_t *data);
/** Say that records may take the way by UDP, once both ends have proved it. */
void link_offer(struct link *link);
/** Ask the server's UDP port whether it is there. */
void link_challenge(struct link *link);

#endif
