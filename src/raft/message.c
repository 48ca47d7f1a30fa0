/* What a message may say at all. Everything that comes from outside passes vlot_message_check()
 * before any state is touched, so that the handlers behind it need not think about overflow, gaps
 * or terms out of order.
 */
#include "raft/message.h"

#include "base/assert.h"
#include "raft/batch.h"
#include "raft/config.h"
#include "raft/snapshot.h"

const char *vlot_message_kind_name(vlot_message_kind kind) {
  switch (kind) {
#define VLOT_X(name, number, text, body, rules) \
  case VLOT_MESSAGE_##name: return text;
    VLOT_MESSAGES(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

static bool is_known_why(uint32_t why) {
  switch (why) {
#define VLOT_X(name, number, text) \
  case VLOT_WHY_##name: return true;
    VLOT_WHYS(VLOT_X)
#undef VLOT_X
  default: return false;
  }
}

static bool has_rule(const vlot_message *message, uint32_t rule) {
  return (vlot_message_rules_of(message->kind) & rule) != 0;
}

/* A position in a log: index 0 alone has term 0 (B036: an unknown term is never written as 0). */
static bool is_position(uint64_t index, uint64_t term, uint64_t term_max) {
  return index < VLOT_INDEX_MAX && term <= term_max && (index == 0) == (term == 0);
}

static bool flags_are_legal(const vlot_message *message) {
  uint32_t legal = 0;
  if (has_rule(message, VLOT_RULE_FORCED)) legal |= VLOT_MESSAGE_FORCED;
  if (has_rule(message, VLOT_RULE_REPLY)) legal |= VLOT_MESSAGE_OK;
  return (message->flags & ~legal) == 0;
}

/* A refusal says why; nothing else does. */
static bool why_is_legal(const vlot_message *message) {
  bool is_refusal = has_rule(message, VLOT_RULE_REPLY) && !(message->flags & VLOT_MESSAGE_OK);
  return is_refusal == (message->why != VLOT_WHY_NONE) && is_known_why(message->why);
}

static bool header_is_legal(const vlot_message *message) {
  if (message->from == 0 || message->to == 0 || message->from == message->to) return false;
  bool is_pre_vote = has_rule(message, VLOT_RULE_PRE_VOTE);
  if (!has_rule(message, VLOT_RULE_DEALING) && message->dealing != 0) return false;
  if (message->term >= VLOT_INDEX_MAX) return false;
  /* Only who never heard of a term can be in term 0, and all it can do is ask for pre-votes for
   * term 1. */
  if (message->term == 0 && !is_pre_vote) return false;
  /* A pre-vote is for the term after the sender's, which must exist. */
  bool is_for_next = is_pre_vote && !has_rule(message, VLOT_RULE_REPLY);
  if (is_for_next && message->term + 1 >= VLOT_INDEX_MAX) return false;
  return flags_are_legal(message) && why_is_legal(message);
}

static bool slices_are_legal(const vlot_message *message) {
  uint64_t index = message->as.append.prev_index;
  uint64_t term = message->as.append.prev_term;
  uint64_t room = VLOT__MESSAGE_ENTRIES_MAX;
  if (message->as.append.slice_count > room) return false;
  if (message->as.append.slice_count > 0 && !message->as.append.slices) return false;
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) {
    const vlot_slice *slice = &message->as.append.slices[k];
    if (!slice->batch || slice->count == 0 || slice->count > room) return false;
    if ((uint64_t)slice->first + slice->count > vlot_batch_count(slice->batch)) return false;
    if (slice->index != index + 1 || slice->term < term || slice->term == 0 ||
        slice->term > message->term)
      return false;
    if (!vlot__batch_is_legal(slice->batch)) return false;
    index += slice->count;
    term = slice->term;
    room -= slice->count;
  }
  return index < VLOT_INDEX_MAX &&
         message->as.append.entry_count == VLOT__MESSAGE_ENTRIES_MAX - room;
}

static bool append_is_legal(const vlot_message *message) {
  return is_position(message->as.append.prev_index, message->as.append.prev_term, message->term) &&
         message->as.append.commit < VLOT_INDEX_MAX && slices_are_legal(message);
}

/* What the reply does not use is 0, so that a message has one form. */
static bool append_reply_is_legal(const vlot_message *message) {
  if (message->as.reply.prev_index >= VLOT_INDEX_MAX) return false;
  if (message->flags & VLOT_MESSAGE_OK)
    return message->as.reply.match_index < VLOT_INDEX_MAX && message->as.reply.hint_index == 0 &&
           message->as.reply.hint_term == 0;
  return message->as.reply.match_index == 0 &&
         is_position(message->as.reply.hint_index, message->as.reply.hint_term, message->term);
}

/* Not what it is made of: who sees bytes for the first time asks vlot_snapshot_verify(). */
static bool install_is_legal(const vlot_message *message) {
  const vlot_snapshot *snapshot = message->as.install.snapshot;
  if (!snapshot) return false;
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  uint64_t length = message->as.install.length;
  return is_position(head->index, head->term, message->term) && head->index > 0 &&
         vlot__config_is_legal(head->configuration) && message->as.install.reserved == 0 &&
         length <= VLOT__MESSAGE_PAYLOAD_MAX && message->as.install.offset <= head->size &&
         length <= head->size - message->as.install.offset &&
         (length > 0 ? vlot__snapshot_has(snapshot, message->as.install.offset, length)
                     : message->as.install.offset == head->size);
}

static bool install_reply_is_legal(const vlot_message *message) {
  if (message->as.installed.index == 0 || message->as.installed.index >= VLOT_INDEX_MAX)
    return false;
  if (message->flags & VLOT_MESSAGE_OK)
    return message->as.installed.match_index == message->as.installed.index &&
           message->as.installed.offset == 0 && message->as.installed.limit == 0;
  return message->as.installed.match_index == 0 &&
         message->as.installed.offset <= message->as.installed.limit;
}

static bool body_is_legal(const vlot_message *message) {
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_UNKNOWN: return false;
  case VLOT_BODY_VOTE:
    return is_position(message->as.vote.last_index, message->as.vote.last_term, message->term);
  case VLOT_BODY_VOTE_REPLY: return true;
  case VLOT_BODY_APPEND: return append_is_legal(message);
  case VLOT_BODY_APPEND_REPLY: return append_reply_is_legal(message);
  case VLOT_BODY_INSTALL: return install_is_legal(message);
  case VLOT_BODY_INSTALL_REPLY: return install_reply_is_legal(message);
  case VLOT_BODY_TIMEOUT_NOW: return true;
  }
  return false;
}

vlot_why vlot_message_check(const vlot_message *message) {
  VLOT_GIVEN(message);
  if (!vlot__message_kind_is_known(message->kind)) return VLOT_WHY_VERSION;
  return header_is_legal(message) && body_is_legal(message) ? VLOT_WHY_NONE : VLOT_WHY_MALFORMED;
}
