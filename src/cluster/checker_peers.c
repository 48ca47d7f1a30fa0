/* What leaders know of others, and the form of what is sent: I-12 and I-13. */
#include <inttypes.h>

#include "cluster/checker_history.h"

/* --- I-12: a match index is what the peer holds durably --- */

/* Within a leadership it goes on from where it was; a peer that has lost its disk is dealt with
 * afresh, from 0 on. */
static void check_match_order(vlot__checker *checker, const vlot__checker_member *m,
                              const vlot_event *event, const vlot__checker_member *peer) {
  uint64_t from = event->as.change.from, to = event->as.change.to;
  bool is_same = peer->matched_by == m->id && peer->matched.term == event->as.change.term;
  uint64_t known = is_same ? peer->matched.index : from;
  if (to == 0 || (to > from && from == known)) return;
  vlot__checker_report(checker, 12, m, event,
                       "n%" PRIu32 ", leader of term %" PRIu64 ", goes from match %" PRIu64
                       " of n%" PRIu32 " to %" PRIu64 " after %" PRIu64,
                       m->id, event->as.change.term, from, peer->id, to, known);
}

/* A peer of a later term may have given up what it held in this one. */
static bool may_be_held(vlot__checker *checker, const vlot__checker_member *m,
                        const vlot__checker_member *peer, uint64_t index) {
  vlot__span_entry entry;
  if (!peer->is_met || peer->term > m->term) return true;
  /* with threads a model may be ahead of what was told */
  if (vlot__model_last(peer->model) != peer->last) return true;
  return vlot__checker_look(checker, m, index, &entry) != VLOT__KNOWN ||
         vlot__checker_holds(checker, peer, 0, index, &entry);
}

void vlot__checker_on_match(vlot__checker *checker, const vlot__checker_member *m,
                            const vlot_event *event) {
  vlot__checker_member *peer = vlot__checker_find(checker, event->peer);
  uint64_t to = event->as.change.to;
  if (!peer) return;
  check_match_order(checker, m, event, peer);
  if (to > 0 && !may_be_held(checker, m, peer, to))
    vlot__checker_report(checker, 12, m, event,
                         "n%" PRIu32 ", leader of term %" PRIu64 ", takes n%" PRIu32
                         " to hold its log up to %" PRIu64 ", but %" PRIu64 " is durable there",
                         m->id, m->term, peer->id, to, peer->durable_index);
  peer->matched = (vlot__checker_reach){.term = event->as.change.term, .index = to};
  peer->matched_by = m->id;
}

/* --- I-13: messages are well formed --- */

/* Where an entry is named by index and term. */
static const char *place_problem(const vlot_event *event) {
  if ((event->as.message.index > 0) != (event->as.message.log_term > 0))
    return "names an index without its term, or a term without its index";
  return event->as.message.log_term > event->as.message.term ? "names an entry of a later term"
                                                             : NULL;
}

/* Only whoever leads the message's term sends these. */
static const char *leadership_problem(const vlot__checker_member *m, const vlot_event *event) {
  bool leads = m->role == VLOT_ROLE_LEADER && m->term == event->as.message.term;
  return leads ? NULL : "is sent by one that does not lead that term";
}

static const char *append_problem(vlot__checker *checker, const vlot__checker_member *m,
                                  const vlot_event *event) {
  vlot__span_entry entry;
  uint64_t prev = event->as.message.index;
  const char *problem = leadership_problem(m, event);
  if (!problem) problem = place_problem(event);
  if (problem) return problem;
  if (prev > m->last || event->as.message.entries > m->last - prev)
    return "has entries that its sender has not";
  bool is_known = vlot__checker_look(checker, m, prev, &entry) == VLOT__KNOWN;
  return is_known && entry.term != event->as.message.log_term
             ? "names another term before its entries than its sender has there"
             : NULL;
}

static const char *install_problem(const vlot__checker_member *m, const vlot_event *event) {
  const char *problem = leadership_problem(m, event);
  if (!problem) problem = place_problem(event);
  if (problem) return problem;
  uint64_t index = event->as.message.index;
  return index == 0 || index > m->snapshot ? "is part of a snapshot that its sender has not" : NULL;
}

static const char *form_problem(vlot__checker *checker, const vlot__checker_member *m,
                                const vlot_event *event) {
  if (event->as.message.from != m->id) return "leaves in another's name";
  if (event->as.message.term > m->durable_term) return "leaves before its term is durable";
  switch (event->as.message.kind) {
  case VLOT_MESSAGE_APPEND: return append_problem(checker, m, event);
  case VLOT_MESSAGE_INSTALL: return install_problem(m, event);
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE: return place_problem(event);
  default: return NULL;
  }
}

void vlot__checker_check_form(vlot__checker *checker, const vlot__checker_member *m,
                              const vlot_event *event) {
  const char *problem = form_problem(checker, m, event);
  if (!problem) return;
  vlot__checker_report(checker, 13, m, event,
                       "n%" PRIu32 "'s %s to n%" PRIu32 " in term %" PRIu64 " (index %" PRIu64
                       " of term %" PRIu64 ", %" PRIu32 ") %s",
                       m->id, vlot_message_kind_name((vlot_message_kind)event->as.message.kind),
                       event->peer, event->as.message.term, event->as.message.index,
                       event->as.message.log_term, event->as.message.entries, problem);
}
