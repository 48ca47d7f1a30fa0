/* Snapshots stand for what is committed, and no log forgets what none of them holds: I-14.
 *
 * What a snapshot holds is known by the chain of its last entry, which came with it: its receiver's
 * model begins there. What the machine holds is R-1's.
 */
#include <inttypes.h>

#include "cluster/checker_history.h"

/* A snapshot's pointer never goes back. */
static void check_newer(vlot__checker *checker, const vlot__checker_member *m,
                        const vlot_event *event) {
  if (event->as.change.to <= m->snapshot)
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 " has a snapshot at %" PRIu64 " after one at %" PRIu64, m->id,
                         event->as.change.to, m->snapshot);
}

static void check_prefix(vlot__checker *checker, const vlot__checker_member *m,
                         const vlot_event *event) {
  uint64_t index = event->as.change.to, term = event->as.change.term;
  vlot__span_entry entry;
  if (index > m->applied || index > m->durable_index)
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 " has taken a snapshot at %" PRIu64
                         ", but has applied %" PRIu64 " and has %" PRIu64 " durable",
                         m->id, index, m->applied, m->durable_index);
  if (vlot__checker_look(checker, m, index, &entry) == VLOT__KNOWN && entry.term != term)
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 " has taken a snapshot at %" PRIu64 " of term %" PRIu64
                         ", but that entry is of term %" PRIu64,
                         m->id, index, term, entry.term);
}

/* It is told when it is durable. */
void vlot__checker_on_taken(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event) {
  check_newer(checker, m, event);
  check_prefix(checker, m, event);
  m->snapshot = m->snapshot_durable = event->as.change.to;
}

/* The commit index of before is what stays durable until the write is. */
void vlot__checker_on_installed(vlot__checker *checker, vlot__checker_member *m,
                                const vlot_event *event) {
  uint64_t index = event->as.change.to;
  if (m->role == VLOT_ROLE_LEADER || index <= m->commit)
    vlot__checker_report(checker, 6, m, event,
                         "n%" PRIu32 " begins at a snapshot at %" PRIu64
                         ", although it leads or has committed %" PRIu64,
                         m->id, index, m->commit);
  bool is_known = m->model->origin == checker->origin;
  if (is_known && (index > checker->committed || !vlot__checker_is_canonical(checker, m, index)))
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 " begins at a snapshot at %" PRIu64 " of term %" PRIu64
                         ", but other entries are committed up to %" PRIu64,
                         m->id, index, event->as.change.term, checker->committed);
  check_newer(checker, m, event);
  vlot__checker_forget_configs(checker, m, 0);
  if (m->durable_index > m->commit) {
    m->durable_kept = m->durable_index;
    m->durable_index = m->commit;
    m->durable_chain = 0;
  }
  m->last = m->commit = m->applied = m->snapshot = m->base = index;
  if (index > m->commit_ever) {
    m->commit_ever = index;
    m->commit_term = m->term;
  }
}

void vlot__checker_on_compacted(vlot__checker *checker, vlot__checker_member *m,
                                const vlot_event *event) {
  uint64_t from = event->as.change.from, to = event->as.change.to;
  if (to > m->snapshot_durable)
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 " forgets its log up to %" PRIu64
                         ", but its durable snapshot is at %" PRIu64,
                         m->id, to, m->snapshot_durable);
  if (to <= from || from < m->base)
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 "'s log begins at %" PRIu64 " after %" PRIu64, m->id, to,
                         from < m->base ? m->base : from);
  m->base = to;
}

/* Nothing is applied at a start but what is in the snapshot. */
void vlot__checker_recover_snapshot(vlot__checker *checker, vlot__checker_member *m,
                                    const vlot_event *event) {
  uint64_t found = event->as.step.after.commit_index;
  if (found < m->snapshot_durable)
    vlot__checker_report(checker, 14, m, event,
                         "n%" PRIu32 " begins at %" PRIu64
                         ", but had a durable snapshot at %" PRIu64,
                         m->id, found, m->snapshot_durable);
  m->snapshot = m->snapshot_durable = found;
  m->base = 0;
  m->durable_kept = 0;
}

void vlot__checker_keep_snapshot(vlot__checker_member *m, uint64_t durable) {
  if (durable < m->snapshot) return;
  m->snapshot_durable = m->snapshot;
  m->durable_kept = 0;
}
