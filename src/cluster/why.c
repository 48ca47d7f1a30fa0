/* Why it is so: a question is looked at, the cluster at one moment, and an answer made of both. */
#include <stddef.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/problem.h"
#include "cluster/door.h"
#include "cluster/refuse.h"
#include "cluster/seats.h"
#include "cluster/why_inside.h"

void vlot_question_init(vlot_question *question) {
  VLOT_GIVEN(question);
  *question = (vlot_question){.size = sizeof *question};
}

static vlot_result check_question(const vlot_cluster *cluster, const vlot_question *question) {
  if (question->size != sizeof *question)
    return vlot__refuse_value(VLOT_INVALID,
                              "a question of size {0}, not {1}: vlot_question_init() sets it",
                              question->size, sizeof *question);
  if ((uint32_t)question->ask >= VLOT_ASK_COUNT)
    return vlot__refuse_value(VLOT_INVALID, "ask {0}: VLOT_ASK_*, at most {1}", question->ask,
                              VLOT_ASK_COUNT - 1);
  if (question->ask == VLOT_ASK_ENTRY && question->index == 0)
    return vlot__refuse(VLOT_INVALID, "index 0: the first entry of a log has index 1");
  bool is_clients = question->ask == VLOT_ASK_COMMAND ||
                    (question->ask == VLOT_ASK_READ && question->client != 0);
  if (is_clients && (question->client == 0 || question->sequence == 0))
    return vlot__refuse_value(VLOT_INVALID,
                              "client {0}, sequence {1}: both count from 1 (vlot_client_number(), "
                              "and what submit or read gave)",
                              question->client, question->sequence);
  if (question->node != 0 && !vlot__seat_of(cluster, question->node))
    return vlot__refuse_member(question->node);
  return VLOT_OK;
}

/* Who is meant where nobody is named: the leader; else, of those that run, who has the longest
 * log. */
static uint32_t longest(const why *at) {
  uint32_t found = vlot__why_next(at, 0);
  uint64_t last = 0;
  if (at->moment->leader) return at->moment->leader;
  for (uint32_t id = found; id; id = vlot__why_next(at, id)) {
    vlot_node_status status = vlot__why_status(at, id);
    if (!why_is_up(&status) || status.raft.last_index <= last) continue;
    found = id;
    last = status.raft.last_index;
  }
  return found;
}

static void add_stuck(why *at) {
  for (size_t k = 0; k < at->moment->member_count; k++) {
    const vlot__why_member *member = &at->moment->members[k];
    if (!member->is_stuck) continue;
    at->out->told.is_moment = 0;
    vlot__why_begin(at, VLOT_REASON_FINDING, member->id);
    vlot__why_wait(at, vlot__why_wait_of(VLOT_WAIT_NODE, member->id));
    vlot__why_say(at,
                  "n%u is inside a turn that has not ended within stop_ns: its user code takes too "
                  "long, and what is said of it here is older.",
                  member->id);
  }
}

static void answer(why *at, const vlot_question *question) {
  uint32_t node = question->node ? question->node : at->moment->leader;
  switch (question->ask) {
  case VLOT_ASK_ENTRY:
    vlot__why_add_entry(at, question->node ? question->node : longest(at), question->index);
    break;
  case VLOT_ASK_COMMAND: vlot__why_add_command(at, question->client, question->sequence); break;
  case VLOT_ASK_READ:
    vlot__why_add_asked_read(at, node, question->client, question->sequence);
    break;
  default:
    if (node)
      vlot__why_add_node(at, node, question->ask);
    else
      vlot__why_add_no_leader(at);
  }
  add_stuck(at);
}

vlot_result vlot_cluster_why(vlot_cluster *cluster, const vlot_question *question,
                             vlot_explanation **out) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(out);
  *out = NULL;
  VLOT__VISIT_RESULT(cluster);
  const vlot_question anything = {.size = sizeof anything};
  if (!question) question = &anything;
  vlot_result result = check_question(cluster, question);
  if (result != VLOT_OK) return result;
  vlot__moment moment;
  uint64_t index = question->ask == VLOT_ASK_ENTRY ? question->index : 0;
  result = vlot__moment_take(&moment, cluster, index, question->past == NULL);
  if (result != VLOT_OK) return result;
  vlot__explaining *explaining = vlot__alloc_zero(cluster->allocator, 1, sizeof *explaining);
  if (explaining) {
    explaining->allocator = cluster->allocator;
    explaining->told.tick = moment.now;
    explaining->told.is_moment = 1;
    why at = {.moment = &moment,
              .past = question->past ? question->past : moment.past,
              .out = explaining};
    answer(&at, question);
  }
  vlot__moment_deinit(&moment);
  if (explaining && !explaining->is_short) {
    *out = &explaining->told;
    return VLOT_OK;
  }
  vlot_explanation_release(explaining ? &explaining->told : NULL);
  return vlot__refuse(VLOT_NOMEM, "no memory for the answer");
}
