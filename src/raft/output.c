/* What a step leaves behind. Room is reserved before an input is taken, so that taking it cannot
 * fail. */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hook.h"
#include "raft/core.h"

/* Inside the code that did it, so that a debugger stops there with the real stack. */
static void call_change_hook(const vlot_raft *raft, vlot_change_kind kind, vlot_why why,
                             uint32_t peer, uint64_t from, uint64_t to, uint64_t term) {
  switch (kind) {
  case VLOT_CHANGE_TERM: VLOT_HOOK(term_change, (raft->id, from, to, why)); return;
  case VLOT_CHANGE_ROLE:
    VLOT_HOOK(role_change, (raft->id, (uint32_t)from, (uint32_t)to, why));
    return;
  case VLOT_CHANGE_CAMPAIGN: VLOT_HOOK(election, (raft->id, (uint32_t)from, term, why)); return;
  case VLOT_CHANGE_VOTE: VLOT_HOOK(vote, (raft->id, peer, term, (uint32_t)to, why)); return;
  case VLOT_CHANGE_APPEND: VLOT_HOOK(append, (raft->id, from, to - from + 1, term)); return;
  case VLOT_CHANGE_TRUNCATE: VLOT_HOOK(truncate, (raft->id, from, to - from + 1)); return;
  case VLOT_CHANGE_COMMIT: VLOT_HOOK(commit, (raft->id, to, term)); return;
  case VLOT_CHANGE_FENCED: VLOT_HOOK(fenced, (raft->id, why)); return;
  case VLOT_CHANGE_LEADER:
  case VLOT_CHANGE_TALLY:
  case VLOT_CHANGE_MATCH:
  case VLOT_CHANGE_PROGRESS:
  case VLOT_CHANGE_MISMATCH:
  case VLOT_CHANGE_DURABLE:
  case VLOT_CHANGE_IGNORED:
  case VLOT_CHANGE_SNAPSHOT_TAKEN:
  case VLOT_CHANGE_SNAPSHOT_SENT:
  case VLOT_CHANGE_SNAPSHOT_INSTALLED:
  case VLOT_CHANGE_COMPACTED:
  case VLOT_CHANGE_CONFIG:
  case VLOT_CHANGE_ROUND:
  case VLOT_CHANGE_TRANSFER: return;
  }
}

void vlot__out_change(vlot_raft *raft, vlot_change_kind kind, vlot_why why, uint32_t peer,
                      uint64_t from, uint64_t to, uint64_t term) {
  vlot_change *change = vlot__out_push(&raft->out_changes, sizeof *change);
  *change = (vlot_change){.kind = (uint16_t)kind,
                          .why = (uint16_t)why,
                          .peer = peer,
                          .from = from,
                          .to = to,
                          .term = term,
                          .cause = raft->source.cause};
  call_change_hook(raft, kind, why, peer, from, to, term);
}

/* It leaves in this step; room was reserved. */
void vlot__out_message(vlot_raft *raft, const vlot_message *message, uint64_t cause) {
  *(vlot_message *)vlot__out_push(&raft->out_messages, sizeof *message) = *message;
  *(uint64_t *)vlot__out_push(&raft->out_causes, sizeof cause) = cause;
}

/* Few messages have one: they are beside the others. */
bool vlot__out_reserve_why(vlot_raft *raft) {
  raft->out_whys.count = raft->output.why_count;
  return vlot__out_reserve(raft, &raft->out_whys, 1, sizeof(vlot_sent_why));
}

void vlot__out_why(vlot_raft *raft, vlot_why why) {
  vlot_sent_why *said = vlot__out_push(&raft->out_whys, sizeof *said);
  *said = (vlot_sent_why){.message = (uint32_t)raft->out_messages.count, .why = why};
  raft->output.whys = raft->out_whys.items;
  raft->output.why_count++;
}

/* The one way for a message to leave: at once when the write with this token is durable, else held
 * until it is. A driver cannot release it early because it does not have it.
 */
void vlot__out_when_stored(vlot_raft *raft, const vlot_message *message, uint64_t token) {
  VLOT_ASSERT(message->term == raft->hard.term);
  if (token <= raft->stored_token) {
    VLOT_ASSERT(message->term == raft->durable_term);
    vlot__out_message(raft, message, raft->source.cause);
  } else {
    VLOT_ASSERT(message->kind != VLOT_MESSAGE_APPEND && message->kind != VLOT_MESSAGE_INSTALL);
    VLOT_ASSERT(token <= raft->last_token + 1);
    vlot__held *held = vlot__ring_push(&raft->held);
    *held = (vlot__held){.token = token, .cause = raft->kept_cause, .message = *message};
  }
}

/* Field by field: clearing the whole struct at once costs more than the rest of it. */
vlot_message vlot__out_request(vlot_raft *raft, vlot_message_kind kind, uint32_t to) {
  vlot_message message;
  VLOT_ASSERT(to != raft->id);
  message.kind = (uint16_t)kind;
  message.flags = 0;
  message.why = VLOT_WHY_NONE;
  message.from = raft->id;
  message.to = to;
  message.disk_id = raft->hard.disk_id;
  message.term = raft->hard.term;
  message.request_id = 0;
  message.dealing = 0;
  memset(&message.as, 0, sizeof message.as);
  return message;
}

vlot_message vlot__out_reply(vlot_raft *raft, vlot_message_kind kind, const vlot_message *to) {
  vlot_message reply = vlot__out_request(raft, kind, to->from);
  reply.request_id = to->request_id;
  reply.dealing = to->dealing;
  return reply;
}
