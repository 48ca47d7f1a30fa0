/* Who led a term, who voted for whom, and what was acknowledged. */
#include <inttypes.h>

#include "cluster/checker_history.h"

void vlot__checker_on_term(vlot__checker *checker, vlot__checker_member *m,
                           const vlot_event *event) {
  uint64_t to = event->as.change.to;
  if (to <= m->term)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " goes from term %" PRIu64 " to term %" PRIu64, m->id, m->term,
                         to);
  m->term = to;
  m->verified = (vlot__checker_reach){
      .term = to, .index = m->verified_next.term >= to ? m->verified_next.index : 0};
  if (m->verified_next.term <= to) m->verified_next = (vlot__checker_reach){0};
}

/* I-4: what was committed in earlier terms. A leader of an old term, elected late, need not have
 * what later ones committed. */
static void check_completeness(vlot__checker *checker, const vlot__checker_member *m,
                               const vlot_event *event, uint64_t term) {
  const vlot__checker_mark *mark = NULL;
  for (size_t k = checker->marks.count; k > 0 && !mark; k--) {
    mark = vlot__ring_at(&checker->marks, k - 1);
    if (mark->term >= term) mark = NULL;
  }
  if (!mark) return;
  if (!vlot__checker_is_canonical(checker, m, mark->index))
    vlot__checker_report(checker, 4, m, event,
                         "n%" PRIu32 " leads term %" PRIu64 " without entry %" PRIu64
                         " of term %" PRIu64 " that was committed in term %" PRIu64,
                         m->id, term, mark->index, mark->entry_term, mark->term);
}

void vlot__checker_on_leader(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event) {
  uint64_t term = event->as.change.term;
  m->role = VLOT_ROLE_LEADER;
  uint64_t earlier = vlot__checker_settle(checker, &checker->leaders, term, m->id);
  if (earlier != m->id)
    vlot__checker_report(checker, 1, m, event,
                         "n%" PRIu32 " becomes leader of term %" PRIu64 ", which n%" PRIu64 " led",
                         m->id, term, earlier);
  check_completeness(checker, m, event, term);
}

/* --- messages --- */

/* I-8: one vote per member and term leaves, and not before it is durable. */
static void check_vote(vlot__checker *checker, vlot__checker_member *m, const vlot_event *event,
                       uint32_t candidate) {
  uint64_t term = event->as.message.term;
  uint64_t earlier = vlot__checker_settle(checker, &m->votes, term, candidate);
  if (earlier != candidate)
    vlot__checker_report(checker, 8, m, event,
                         "n%" PRIu32 " votes for n%" PRIu32 " in term %" PRIu64
                         " after it voted for n%" PRIu64,
                         m->id, candidate, term, earlier);
  bool is_durable =
      m->durable_term > term || (m->durable_term == term && m->durable_vote == candidate);
  if (!is_durable)
    vlot__checker_report(checker, 8, m, event,
                         "n%" PRIu32 "'s vote for n%" PRIu32 " in term %" PRIu64
                         " leaves while term %" PRIu64 " with a vote for n%" PRIu32 " is durable",
                         m->id, candidate, term, m->durable_term, m->durable_vote);
}

/* I-9: what is acknowledged is durable, and is what the leader has. An acknowledgement made before
 * the same step went on to a higher term speaks of what was durable then.
 */
static void check_acknowledgement(vlot__checker *checker, const vlot__checker_member *m,
                                  const vlot_event *event) {
  uint64_t term = event->as.message.term, match = event->as.message.index;
  bool is_of_past = term < m->term;
  uint64_t durable =
      is_of_past && m->durable_before > m->durable_index ? m->durable_before : m->durable_index;
  if (match > durable) {
    vlot__checker_report(checker, 9, m, event,
                         "n%" PRIu32 " acknowledges up to %" PRIu64 " in term %" PRIu64
                         ", but %" PRIu64 " is durable",
                         m->id, match, term, durable);
    return;
  }
  const vlot__checker_member *leader = vlot__checker_find(checker, event->peer);
  if (is_of_past || !leader || leader->role != VLOT_ROLE_LEADER || leader->term != term) return;
  /* with threads the leader may be about to tell that it stepped down and truncated */
  if (vlot__model_last(leader->model) != leader->last) return;
  vlot__span_entry mine, theirs;
  vlot__known is_mine = vlot__checker_look(checker, m, match, &mine);
  vlot__known is_theirs = vlot__checker_look(checker, leader, match, &theirs);
  if (is_mine == VLOT__FORGOTTEN || is_theirs == VLOT__FORGOTTEN) return;
  if (is_mine == VLOT__ABSENT || is_theirs == VLOT__ABSENT ||
      !vlot__checker_is_same(&mine, &theirs))
    vlot__checker_report(checker, 9, m, event,
                         "n%" PRIu32 " acknowledges entry %" PRIu64 " to n%" PRIu32
                         " in term %" PRIu64 ", whose log differs there",
                         m->id, match, leader->id, term);
}

void vlot__checker_on_sent(vlot__checker *checker, vlot__checker_member *m,
                           const vlot_event *event) {
  bool is_ok = (event->as.message.flags & VLOT_MESSAGE_OK) != 0;
  if (event->as.message.kind == VLOT_MESSAGE_VOTE)
    check_vote(checker, m, event, m->id);
  else if (event->as.message.kind == VLOT_MESSAGE_VOTE_REPLY && is_ok)
    check_vote(checker, m, event, event->peer);
  else if ((event->as.message.kind == VLOT_MESSAGE_APPEND_REPLY ||
            event->as.message.kind == VLOT_MESSAGE_INSTALL_REPLY) &&
           is_ok)
    check_acknowledgement(checker, m, event);
  vlot__checker_check_form(checker, m, event);
}

/* How far an append can have verified the log, were it accepted. Several may be received before the
 * step that takes them. */
void vlot__checker_on_received(vlot__checker_member *m, const vlot_event *event) {
  bool is_chunk = event->as.message.kind == VLOT_MESSAGE_INSTALL;
  if (!is_chunk && event->as.message.kind != VLOT_MESSAGE_APPEND) return;
  uint64_t term = event->as.message.term,
           index = event->as.message.index + (is_chunk ? 0 : event->as.message.entries);
  if (term < m->term) return;
  vlot__checker_reach *reached = term == m->term ? &m->verified : &m->verified_next;
  if (term > reached->term) reached->term = term;
  if (index > reached->index) reached->index = index;
}
