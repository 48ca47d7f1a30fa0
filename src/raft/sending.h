/* A snapshot on its way to a peer. */
#ifndef VLOT_RAFT_SENDING_H
#define VLOT_RAFT_SENDING_H

#include "raft/core.h"

/* What a leader knows of it. next: of the first byte never sent; those from acked on are in
 * flight. */
typedef struct vlot__sending {
  vlot_snapshot *snapshot;
  uint64_t acked; /* the peer has all below in one piece */
  uint64_t next;
  /* what is known to be lost of it, to be sent again */
  uint64_t hole_from;
  uint64_t hole_to;
  uint64_t since;        /* requests from this number on belong to this attempt */
  uint64_t gap_request;  /* requests from this number on were sent knowing the newest hole */
  uint64_t answered;     /* the newest request that was answered */
  uint64_t last_request; /* the newest one of all */
  vlot__source opened;   /* which made more chunks possible, or is to be asked with */
  bool wants_ask;        /* send a chunk without bytes: how far is it? */
  bool is_refused;       /* the peer does not want it */
} vlot__sending;

/* Begin, or begin anew, with the core's snapshot. False without memory. */
bool vlot__sending_begin(vlot_raft *raft, vlot__peer *peer);
void vlot__sending_drop(vlot_raft *raft, vlot__peer *peer);

/* Is it no use any more: would its receiver need another one at once? */
bool vlot__sending_is_outdated(const vlot_raft *raft, const vlot__peer *peer);

/* How far the peer says it is. False: it says nothing about this attempt. */
bool vlot__sending_on_reply(vlot_raft *raft, vlot__peer *peer, const vlot_message *message);

/* Has it something to answer? */
bool vlot__sending_is_awaited(const vlot__peer *peer);

/* Are there chunks that wait for the next tick? */
bool vlot__sending_is_throttled(const vlot_raft *raft, const vlot__peer *peer);

void vlot__sending_ask(vlot_raft *raft, vlot__peer *peer);
void vlot__sending_tick(vlot_raft *raft, uint32_t elapsed); /* more bytes may leave */
void vlot__sending_send(vlot_raft *raft, vlot__peer *peer);

#endif
