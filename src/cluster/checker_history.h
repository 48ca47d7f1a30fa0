/* What the checker's files share: members by id, the common history, tables, reports. What runs for
 * every event stands here to be inlined.
 */
#ifndef VLOT_CLUSTER_CHECKER_HISTORY_H
#define VLOT_CLUSTER_CHECKER_HISTORY_H

#include "cluster/checker_inside.h"

/* The value of a key, which becomes `value` when there was none. */
uint64_t vlot__checker_settle(vlot__checker *checker, vlot__checker_table *in, uint64_t key,
                              uint64_t value);

/* The member with this id, made when there is none; NULL without memory. */
vlot__checker_member *vlot__checker_member_of(vlot__checker *checker, uint32_t id);
/* NULL: it is not known. */
static inline vlot__checker_member *vlot__checker_find(const vlot__checker *checker, uint32_t id) {
  size_t guess = (size_t)id - 1;
  if (guess < checker->member_count && checker->members[guess].id == id)
    return checker->members[guess].member;
  size_t place =
      vlot__by_id_find(checker->members, checker->member_count, sizeof *checker->members, id);
  return place == SIZE_MAX ? NULL : checker->members[place].member;
}
/* Its first event: from now on its log is looked at in this model. */
void vlot__checker_meet(vlot__checker *checker, vlot__checker_member *m, const vlot__model *model);

/* The first of an event stays. */
void vlot__checker_report(vlot__checker *checker, uint32_t invariant, const vlot__checker_member *m,
                          const vlot_event *event, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Term and chain of a member's entry, as its model knows it; FORGOTTEN too where its chain cannot
 * be compared with the history. */
static inline vlot__known vlot__checker_look(vlot__checker *checker, const vlot__checker_member *m,
                                             uint64_t index, vlot__span_entry *entry) {
  const vlot__model *model = m->model;
  if (model->is_lost) checker->is_incomplete = true;
  vlot__known known = vlot__span_look(&model->span, index, entry);
  bool says_nothing = model->is_lost || model->origin != checker->origin;
  return known == VLOT__KNOWN && says_nothing ? VLOT__FORGOTTEN : known;
}

/* The history reaches up to an index. False: there is no memory for it. */
bool vlot__checker_grow_history(vlot__checker *checker, uint64_t last);
/* Everything up to an index is committed: of what is far below, nothing is kept. */
void vlot__checker_move_committed(vlot__checker *checker, uint64_t index);
/* Could the member's entry be the committed one? index <= committed. False only where it is known
 * to be another one, or to be missing. */
bool vlot__checker_is_canonical(vlot__checker *checker, const vlot__checker_member *m,
                                uint64_t index);
static inline bool vlot__checker_is_same(const vlot__span_entry *one,
                                         const vlot__span_entry *other) {
  return one->term == other->term && one->chain == other->chain;
}

/* Below the history: do others who committed it know it as another one? */
bool vlot__checker_may_be_unknown(vlot__checker *checker, const vlot__checker_member *m,
                                  uint64_t index, const vlot__span_entry *entry);
/* Could an entry that somebody tells be the committed one? */
static inline bool vlot__checker_may_be(vlot__checker *checker, const vlot__checker_member *m,
                                        uint64_t index, const vlot__span_entry *entry) {
  vlot__span_entry committed;
  if (m->model->origin != checker->origin) return true;
  vlot__known known = vlot__span_look(&checker->history, index, &committed);
  if (known == VLOT__KNOWN) return vlot__checker_is_same(&committed, entry);
  return known == VLOT__ABSENT || vlot__checker_may_be_unknown(checker, m, index, entry);
}

#endif
