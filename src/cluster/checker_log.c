/* What any log ever held, in one history; and what of it is durable. */
#include <inttypes.h>
#include <stdio.h>

#include "cluster/checker_history.h"

/* --- I-3: same index and term, same entry and same prefix --- */

static void mismatch(vlot__checker *checker, const vlot__checker_member *m, const vlot_event *event,
                     uint64_t index, uint64_t term, const char *whose) {
  vlot__checker_report(checker, 3, m, event,
                       "n%" PRIu32 " holds at index %" PRIu64 " of term %" PRIu64
                       " another entry or another prefix than %s",
                       m->id, index, term, whose);
}

/* The history does not know what stood here in this term: somebody's log may. One holder is enough,
 * as every two were compared when the later of them got it. True: it is the same there.
 */
static bool compare_with_logs(vlot__checker *checker, const vlot__checker_member *m,
                              const vlot_event *event, uint64_t index,
                              const vlot__span_entry *mine) {
  for (size_t k = 0; k < checker->member_count; k++) {
    const vlot__checker_member *other = checker->members[k].member;
    vlot__span_entry theirs;
    if (other == m || vlot__checker_look(checker, other, index, &theirs) != VLOT__KNOWN ||
        theirs.term != mine->term)
      continue;
    if (theirs.chain == mine->chain) return true;
    char whose[16];
    snprintf(whose, sizeof whose, "n%" PRIu32, other->id);
    mismatch(checker, m, event, index, mine->term, whose);
    return false;
  }
  return false;
}

static void witness_one(vlot__checker *checker, const vlot__checker_member *m,
                        const vlot_event *event, uint64_t index, const vlot__span_entry *mine) {
  vlot__span_entry known;
  vlot__known is_known = vlot__span_look(&checker->history, index, &known);
  if (is_known == VLOT__KNOWN && known.term == mine->term) {
    if (known.chain != mine->chain)
      mismatch(checker, m, event, index, mine->term, "was seen there before");
  } else if (is_known == VLOT__KNOWN && known.term < mine->term && index > checker->committed) {
    *vlot__span_at(&checker->history, index) = *mine;
  } else {
    (void)compare_with_logs(checker, m, event, index, mine);
  }
}

/* Is the newest known to be the same, with all below it? Nothing is reported. */
static bool is_known_already(vlot__checker *checker, uint64_t last,
                             const vlot__span_entry *newest) {
  vlot__span_entry known;
  return vlot__span_look(&checker->history, last, &known) == VLOT__KNOWN &&
         vlot__checker_is_same(&known, newest);
}

/* A run of entries stands in a member's log now; newest: the last one of them. */
void vlot__checker_witness(vlot__checker *checker, const vlot__checker_member *m,
                           const vlot_event *event, uint64_t first, uint64_t last,
                           const vlot__span_entry *newest) {
  vlot__span_entry mine;
  if (m->model->origin != checker->origin || !vlot__checker_grow_history(checker, last)) return;
  if (is_known_already(checker, last, newest)) return;
  bool is_below = last < checker->history.base_index;
  if (is_below && compare_with_logs(checker, m, event, last, newest)) return;
  for (uint64_t index = first; index < last; index++) {
    /* the model may be ahead: what it holds here must be at least of a term that fits */
    bool fits = vlot__checker_look(checker, m, index, &mine) == VLOT__KNOWN &&
                index > vlot__model_base(m->model) && mine.term <= newest->term;
    if (fits) witness_one(checker, m, event, index, &mine);
  }
  if (!is_below) witness_one(checker, m, event, last, newest);
}

/* --- what logs say of themselves --- */

void vlot__checker_on_append(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event) {
  uint64_t first = event->as.slice.first, last = vlot__checker_last_of(event);
  if (first != m->last + 1)
    vlot__checker_report(checker, m->role == VLOT_ROLE_LEADER ? 2 : 3, m, event,
                         "n%" PRIu32 " appends entries %" PRIu64 " to %" PRIu64
                         " to a log that ends at %" PRIu64,
                         m->id, first, last, m->last);
  bool is_sound = first == m->last + 1 && last >= first;
  m->last = last;
  if (!is_sound) return;
  /* what the same step removed again nobody ever saw, and its chain is not known any more */
  vlot__span_entry newest;
  if (vlot__checker_look(checker, m, last, &newest) == VLOT__KNOWN &&
      newest.term == event->as.slice.term)
    vlot__checker_witness(checker, m, event, first, last, &newest);
}

void vlot__checker_on_truncate(vlot__checker *checker, vlot__checker_member *m,
                               const vlot_event *event) {
  uint64_t from = event->as.slice.first;
  uint64_t committed = m->commit > m->commit_kept ? m->commit : m->commit_kept;
  if (m->role == VLOT_ROLE_LEADER)
    vlot__checker_report(checker, 2, m, event,
                         "n%" PRIu32 ", leader of term %" PRIu64
                         ", removes its entries from %" PRIu64 " on",
                         m->id, m->term, from);
  if (from <= committed)
    vlot__checker_report(checker, 6, m, event,
                         "n%" PRIu32 " removes its entries from %" PRIu64
                         " on although it knew %" PRIu64 " as committed",
                         m->id, from, committed);
  m->last = from - 1;
  vlot__checker_forget_configs(checker, m, from);
  if (m->durable_index < from) return;
  if (m->durable_index > m->durable_before) m->durable_before = m->durable_index;
  m->durable_index = from - 1;
  m->durable_chain = event->as.slice.chain;
}

void vlot__checker_on_durable(vlot__checker *checker, vlot__checker_member *m,
                              const vlot_event *event) {
  uint64_t term = event->as.change.term, to = event->as.change.to;
  vlot__span_entry entry;
  if (term < m->durable_term)
    vlot__checker_report(checker, 7, m, event,
                         "n%" PRIu32 " has term %" PRIu64 " durable after term %" PRIu64, m->id,
                         term, m->durable_term);
  if (term == m->durable_term && m->durable_vote != 0 && event->peer != m->durable_vote)
    vlot__checker_report(checker, 8, m, event,
                         "n%" PRIu32 " has a vote for n%" PRIu32 " durable in term %" PRIu64
                         " after one for n%" PRIu32,
                         m->id, event->peer, term, m->durable_vote);
  if (to > m->last)
    vlot__checker_report(checker, 9, m, event,
                         "n%" PRIu32 " calls its log durable up to %" PRIu64
                         ", but it ends at %" PRIu64,
                         m->id, to, m->last);
  m->durable_term = term;
  m->durable_vote = event->peer;
  m->durable_index = to;
  vlot__checker_keep_snapshot(m, to);
  /* where the model is ahead, a TRUNCATE follows and puts it right */
  (void)vlot__checker_look(checker, m, to, &entry);
  m->durable_chain = entry.chain;
}
