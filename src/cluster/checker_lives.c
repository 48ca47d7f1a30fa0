/* From one step to the next, and from one life to the next. */
#include <inttypes.h>

#include "cluster/checker_history.h"

static void check_recovered(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event) {
  const vlot_brief *found = &event->as.step.after;
  vlot__span_entry entry;
  if (found->term < m->durable_term)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " recovers term %" PRIu64 ", but term %" PRIu64 " was durable",
                         m->id, found->term, m->durable_term);
  if (found->term == m->durable_term && m->durable_vote != 0 && found->vote != m->durable_vote)
    vlot__checker_report(checker, 8, m, event,
                         "n%" PRIu32 " recovers a vote for n%" PRIu32 " in term %" PRIu64
                         ", but one for n%" PRIu32 " was durable",
                         m->id, found->vote, found->term, m->durable_vote);
  if (m->durable_index <= vlot__model_base(m->model)) return;
  uint64_t committed = m->commit_ever < m->durable_index ? m->commit_ever : m->durable_index;
  if (!vlot__checker_is_canonical(checker, m, committed))
    vlot__checker_report(checker, 6, m, event,
                         "n%" PRIu32 " recovers a log without entry %" PRIu64
                         " that it knew as committed and had durable",
                         m->id, committed);
  vlot__known known = vlot__checker_look(checker, m, m->durable_index, &entry);
  bool is_other = known == VLOT__KNOWN && m->durable_chain != 0 && entry.chain != m->durable_chain;
  if (known == VLOT__ABSENT || is_other)
    vlot__checker_report(checker, 9, m, event,
                         "n%" PRIu32 " recovers a log up to %" PRIu64
                         " without what was durable up to %" PRIu64,
                         m->id, found->last_index, m->durable_index);
}

void vlot__checker_on_start(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event) {
  const vlot_brief *found = &event->as.step.after;
  vlot__span_entry newest = {0};
  if (!m->is_wiped) check_recovered(checker, m, event);
  vlot__checker_recover_snapshot(checker, m, event);
  /* what it knew as committed stays if it had, durably, both the entries and the term in which it
   * learned it */
  uint64_t committed = m->commit_ever < m->durable_index ? m->commit_ever : m->durable_index;
  m->commit_kept = !m->is_wiped && m->durable_term >= m->commit_term ? committed : 0;
  m->commit_ever = m->commit_kept;
  m->is_wiped = false;
  m->role = VLOT_ROLE_FOLLOWER;
  m->term = found->term;
  m->last = m->durable_index = found->last_index;
  vlot__checker_forget_configs(checker, m, m->last + 1);
  m->commit = m->applied = found->commit_index;
  m->verified = (vlot__checker_reach){.term = found->term};
  m->verified_next = (vlot__checker_reach){0};
  m->durable_term = found->term;
  m->durable_vote = found->vote;
  m->durable_before = 0;
  vlot__known known = vlot__checker_look(checker, m, m->last, &newest);
  m->durable_chain = newest.chain;
  uint64_t first = vlot__model_base(m->model) + 1;
  if (known == VLOT__KNOWN && m->last >= first)
    vlot__checker_witness(checker, m, event, first, m->last, &newest);
}

void vlot__checker_on_step(vlot__checker *checker, vlot__checker_member *m,
                           const vlot_event *event) {
  const vlot_brief *before = &event->as.step.before, *after = &event->as.step.after;
  m->durable_before = 0;
  if (after->term < before->term || after->commit_index < before->commit_index)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " goes from term %" PRIu64 ", commit %" PRIu64
                         " back to term %" PRIu64 ", commit %" PRIu64,
                         m->id, before->term, before->commit_index, after->term,
                         after->commit_index);
  if (after->commit_index > after->last_index)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " has a commit index of %" PRIu64
                         " beyond its last index, %" PRIu64,
                         m->id, after->commit_index, after->last_index);
}

/* The core found out itself. */
void vlot__checker_on_fenced(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event) {
  if (event->why == VLOT_WHY_TWO_LEADERS)
    vlot__checker_report(checker, 1, m, event,
                         "n%" PRIu32 " heard from n%" PRIu32 " as a second leader of term %" PRIu64,
                         m->id, event->peer, event->as.change.term);
  if (event->why == VLOT_WHY_COMMITTED_CONFLICT)
    vlot__checker_report(checker, 6, m, event,
                         "n%" PRIu32 " is to overwrite its committed entry %" PRIu64 " by n%" PRIu32
                         " of term %" PRIu64,
                         m->id, event->as.change.from, event->peer, event->as.change.term);
}
