/* Refusals that many calls have in common, in one place's words. Each returns its result. */
#ifndef VLOT_CLUSTER_REFUSE_H
#define VLOT_CLUSTER_REFUSE_H

#include "base/problem.h"

vlot_result vlot__refuse_closed(void);         /* CLOSED: the cluster */
vlot_result vlot__refuse_forked_child(void);   /* UNSUPPORTED */
vlot_result vlot__refuse_node_thread(void);    /* DEADLOCK */
vlot_result vlot__refuse_paused(void);         /* BUSY: by another thread */
vlot_result vlot__refuse_member(uint32_t id);  /* NOT_FOUND */
vlot_result vlot__refuse_pending(uint64_t id); /* NOT_FOUND: nothing pending has that id */
vlot_result vlot__refuse_down(uint32_t id);    /* CLOSED: a node */
vlot_result vlot__refuse_bytes(uint64_t size, uint64_t limit); /* TOO_LARGE: entry_bytes_max */
vlot_result vlot__refuse_post(vlot_result result); /* what a client sends, as its nodes took it */
vlot_result vlot__refuse_shell(bool is_closed);    /* CLOSED: a client, or else its cluster */

#endif
