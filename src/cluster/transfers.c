/* Leadership is handed over because somebody asks for it: an order to whoever leads. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/problem.h"
#include "cluster/asked.h"
#include "cluster/gate.h"
#include "cluster/look.h"
#include "cluster/refuse.h"
#include "cluster/seats.h"

/* "node 1 does not hand over to node 3: …"; to 0: to whom it suited best. */
static vlot_result result_of(uint32_t leader, uint32_t to, const vlot__asked *asked) {
  char words[200], target[32] = "the best";
  if (asked->result == VLOT_OK) return VLOT_OK;
  bool was_stopped = asked->why == VLOT_WHY_KILLED;
  vlot_result result = was_stopped ? VLOT_UNKNOWN : asked->result;
  if (to != 0) snprintf(target, sizeof target, "node %" PRIu32, to);
  const char *why = was_stopped                   ? "it was stopped meanwhile"
                    : asked->why != VLOT_WHY_NONE ? vlot_why_text(asked->why)
                    : result == VLOT_NOT_LEADER   ? "it does not lead any more"
                                                  : vlot_result_text(result);
  snprintf(words, sizeof words, "node %" PRIu32 " %s to %s: %s", leader,
           result == VLOT_UNKNOWN ? "may have handed over" : "does not hand over", target, why);
  return vlot__refuse_words(result, words);
}

vlot_result vlot_cluster_transfer(vlot_cluster *cluster, uint32_t to, uint64_t timeout_ticks,
                                  uint32_t *leader) {
  VLOT_GIVEN(cluster);
  if (leader) *leader = 0;
  VLOT__VISIT_RESULT(cluster);
  vlot__asked asked = {.kind = VLOT_INPUT_TRANSFER};
  if (to != 0 && !vlot__seat_of(cluster, to)) return vlot__refuse_member(to);
  vlot_result result = vlot__check_change(cluster);
  if (result != VLOT_OK) return result;
  uint32_t from = vlot__leader(cluster);
  if (from == 0)
    return vlot__refuse(VLOT_NOT_LEADER,
                        "nobody leads who could hand over: vlot_await_leader() waits for one");
  vlot__seat *seat = vlot__seat_of(cluster, from);
  result = vlot__asked_check(seat);
  if (result == VLOT_OK) result = vlot__asked_wait(seat, &asked, to, timeout_ticks);
  if (result != VLOT_OK || timeout_ticks == 0) return result;
  result = result_of(from, to, &asked);
  if (leader && result == VLOT_OK) *leader = (uint32_t)asked.index;
  return result;
}
