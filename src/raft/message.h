/* Limits of a message that do not depend on anybody's options. */
#ifndef VLOT_RAFT_MESSAGE_H
#define VLOT_RAFT_MESSAGE_H

#include "vlot/raft.h"

#define VLOT__MESSAGE_ENTRIES_MAX 65536u
#define VLOT__MESSAGE_PAYLOAD_MAX ((uint64_t)64 << 20) /* bytes of all entries of a message */

/* What a reply promises to be durable at its sender; 0: nothing. */
static inline uint64_t vlot__message_match(const vlot_message *message) {
  if (message->kind == VLOT_MESSAGE_APPEND_REPLY) return message->as.reply.match_index;
  return message->kind == VLOT_MESSAGE_INSTALL_REPLY ? message->as.installed.match_index : 0;
}

static inline bool vlot__message_kind_is_known(uint32_t kind) {
  return vlot_message_body_of(kind) != VLOT_BODY_UNKNOWN;
}

#endif
