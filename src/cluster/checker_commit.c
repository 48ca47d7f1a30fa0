/* What is committed, once for all members, and what was applied. */
#include <inttypes.h>

#include "cluster/checker_history.h"

static void mark_commit(vlot__checker *checker, uint64_t term, uint64_t index,
                        uint64_t entry_term) {
  vlot__ring *marks = &checker->marks;
  vlot__checker_mark *newest = marks->count > 0 ? vlot__ring_at(marks, marks->count - 1) : NULL;
  if (!newest || term > newest->term) {
    if (marks->count == checker->window) vlot__ring_pop_front(marks);
    newest = vlot__ring_push(marks);
    if (newest) newest->term = term;
  }
  if (newest) {
    newest->index = index;
    newest->entry_term = entry_term;
  } else {
    checker->is_incomplete = true;
  }
}

/* The committed sequence grows by what this member's log holds. */
static void extend_committed(vlot__checker *checker, const vlot__checker_member *m, uint64_t last,
                             const vlot__span_entry *newest) {
  if (!vlot__checker_grow_history(checker, last)) return;
  for (uint64_t index = checker->committed + 1; index < last; index++) {
    vlot__span_entry entry;
    if (vlot__checker_look(checker, m, index, &entry) == VLOT__KNOWN)
      *vlot__span_at(&checker->history, index) = entry;
  }
  *vlot__span_at(&checker->history, last) = *newest;
  vlot__checker_move_committed(checker, last);
  mark_commit(checker, m->term, last, newest->term);
}

static void check_commit_place(vlot__checker *checker, const vlot__checker_member *m,
                               const vlot_event *event, uint64_t last) {
  bool is_leader = m->role == VLOT_ROLE_LEADER;
  if (event->as.slice.first != m->commit + 1 || last <= m->commit)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " commits %" PRIu64 " to %" PRIu64 " after %" PRIu64, m->id,
                         event->as.slice.first, last, m->commit);
  if (last > m->last)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " commits up to %" PRIu64 ", but its log ends at %" PRIu64,
                         m->id, last, m->last);
  if (!is_leader && (last > m->verified.index || m->verified.term != m->term))
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " commits up to %" PRIu64 ", but the leader of term %" PRIu64
                         " verified its log up to %" PRIu64 " at most",
                         m->id, last, m->term, m->verified.term == m->term ? m->verified.index : 0);
  if (is_leader && event->as.slice.term != m->term)
    vlot__checker_report(checker, 11, m, event,
                         "n%" PRIu32 ", leader of term %" PRIu64
                         ", commits by counting entry %" PRIu64 " of term %" PRIu64,
                         m->id, m->term, last, event->as.slice.term);
}

void vlot__checker_on_commit(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event) {
  uint64_t last = vlot__checker_last_of(event);
  vlot__span_entry newest = {.term = event->as.slice.term, .chain = event->as.slice.chain};
  check_commit_place(checker, m, event, last);
  /* entries of a step that ended fenced: no storage was given them, so nobody knows which they
   * are */
  if (newest.chain == 0) {
    m->commit = last;
    return;
  }
  bool is_first = last > checker->committed;
  bool agrees = is_first ? vlot__checker_is_canonical(checker, m, checker->committed)
                         : vlot__checker_may_be(checker, m, last, &newest);
  if (!agrees)
    vlot__checker_report(checker, last <= m->commit_ever ? 6 : 5, m, event,
                         "n%" PRIu32 " commits up to %" PRIu64 " of term %" PRIu64
                         ", but other entries are committed up to %" PRIu64,
                         m->id, last, newest.term, checker->committed);
  if (is_first && agrees && last <= m->last && m->model->origin == checker->origin) {
    vlot__checker_check_quorum(checker, m, event, last, &newest);
    extend_committed(checker, m, last, &newest);
  }
  m->commit = last;
  if (last > m->commit_ever) {
    m->commit_ever = last;
    m->commit_term = m->term;
  }
}

void vlot__checker_on_apply(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event) {
  uint64_t first = event->as.slice.first, last = vlot__checker_last_of(event);
  if (last > m->commit)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " applies up to %" PRIu64 ", but knows %" PRIu64
                         " as committed",
                         m->id, last, m->commit);
  if (first != m->applied + 1)
    vlot__checker_report(checker, 16, m, event,
                         "n%" PRIu32 " applies entries %" PRIu64 " to %" PRIu64 " after %" PRIu64,
                         m->id, first, last, m->applied);
  vlot__span_entry entry = {.term = event->as.slice.term, .chain = event->as.slice.chain};
  if (last <= checker->committed && !vlot__checker_may_be(checker, m, last, &entry))
    vlot__checker_report(checker, 5, m, event,
                         "n%" PRIu32 " applies up to %" PRIu64 " of term %" PRIu64
                         " other entries than were committed",
                         m->id, last, event->as.slice.term);
  m->applied = last;
  if (event->as.slice.hash == 0) return;
  uint64_t hash = vlot__checker_settle(checker, &checker->hashes, last, event->as.slice.hash);
  if (hash != event->as.slice.hash)
    vlot__checker_report(checker, VLOT_REPLICA_HASH, m, event,
                         "n%" PRIu32 "'s machine hashes to %016" PRIx64 " after entry %" PRIu64
                         ", another's to %016" PRIx64,
                         m->id, event->as.slice.hash, last, hash);
}
