/* The safety properties. Members are known by their ids and made when first met; what any log ever
 * held, and what is committed, stands in one dense history; who led a term and who voted for whom
 * in hash tables, all of them bounded. Who counts is what CONFIG events say. Every event costs a
 * few look-ups.
 *
 * A member's model may be ahead of its events by the rest of the step under way. So an event's own
 * fields go first, and the model is asked only about what cannot have changed since.
 *
 * Without memory the checker cannot know any more what is right: from then on it reports nothing,
 * and says so.
 */
#include "cluster/checker_history.h"

enum { DISK_WIPED = 2 }; /* vlot_restart */

vlot__checker *vlot__checker_open(const vlot_allocator *allocator, uint64_t window) {
  allocator = vlot__alloc_or_default(allocator);
  vlot__checker *checker = vlot__alloc_zero(allocator, 1, sizeof *checker);
  if (!checker) return NULL;
  checker->allocator = allocator;
  checker->window = window;
  vlot__span_init(&checker->history, allocator, 0, &(vlot__span_entry){0});
  vlot__ring_init(&checker->marks, allocator, sizeof(vlot__checker_mark));
  return checker;
}

static void free_table(vlot__checker *checker, vlot__checker_table *table) {
  vlot__alloc_free(checker->allocator, table->young.pairs);
  vlot__alloc_free(checker->allocator, table->old.pairs);
}

static void free_member(vlot__checker *checker, vlot__checker_member *m) {
  vlot__checker_free_configs(checker, &m->configs);
  free_table(checker, &m->votes);
  vlot__alloc_free(checker->allocator, m);
}

void vlot__checker_close(vlot__checker *checker) {
  if (!checker) return;
  const vlot_allocator *allocator = checker->allocator;
  for (size_t k = 0; k < checker->member_count; k++)
    free_member(checker, checker->members[k].member);
  vlot__checker_free_configs(checker, &checker->configs);
  vlot__span_deinit(&checker->history);
  vlot__ring_deinit(&checker->marks);
  free_table(checker, &checker->leaders);
  free_table(checker, &checker->hashes);
  vlot__alloc_free(allocator, checker->members);
  vlot__alloc_free(allocator, checker);
}

const vlot__violation *vlot__checker_first(const vlot__checker *checker) {
  return checker->has_first ? &checker->first : NULL;
}

bool vlot__checker_is_incomplete(const vlot__checker *checker) { return checker->is_incomplete; }

static void take_event(vlot__checker *checker, vlot__checker_member *m, const vlot_event *event) {
  switch (event->kind) {
  case VLOT_EVENT_STEP: vlot__checker_on_step(checker, m, event); break;
  case VLOT_EVENT_SENT: vlot__checker_on_sent(checker, m, event); break;
  case VLOT_EVENT_RECEIVED: vlot__checker_on_received(m, event); break;
  case VLOT_EVENT_TERM: vlot__checker_on_term(checker, m, event); break;
  case VLOT_EVENT_LEADER: vlot__checker_on_leader(checker, m, event); break;
  case VLOT_EVENT_STEP_DOWN:
  case VLOT_EVENT_ROLE: m->role = (uint32_t)event->as.change.to; break;
  case VLOT_EVENT_APPEND: vlot__checker_on_append(checker, m, event); break;
  case VLOT_EVENT_TRUNCATE: vlot__checker_on_truncate(checker, m, event); break;
  case VLOT_EVENT_DURABLE: vlot__checker_on_durable(checker, m, event); break;
  case VLOT_EVENT_COMMIT: vlot__checker_on_commit(checker, m, event); break;
  case VLOT_EVENT_APPLY: vlot__checker_on_apply(checker, m, event); break;
  case VLOT_EVENT_MATCH: vlot__checker_on_match(checker, m, event); break;
  case VLOT_EVENT_SNAPSHOT_TAKEN: vlot__checker_on_taken(checker, m, event); break;
  case VLOT_EVENT_COMPACTED: vlot__checker_on_compacted(checker, m, event); break;
  case VLOT_EVENT_SNAPSHOT_INSTALLED: vlot__checker_on_installed(checker, m, event); break;
  case VLOT_EVENT_FENCED: vlot__checker_on_fenced(checker, m, event); break;
  case VLOT_EVENT_START: vlot__checker_on_start(checker, m, event); break;
  case VLOT_EVENT_KILL: m->role = VLOT_ROLE_FOLLOWER; break;
  case VLOT_EVENT_RESTART:
    if (event->as.change.from == DISK_WIPED) vlot__checker_wipe(checker, m);
    break;
  default: break;
  }
}

/* The member that an event is of; NULL: it is of nobody who has a log. */
static vlot__checker_member *member_of(vlot__checker *checker, const vlot_event *event,
                                       const vlot__model *model) {
  vlot__checker_member *m = vlot__checker_find(checker, event->node);
  if (!m && model) m = vlot__checker_member_of(checker, event->node);
  if (m && !m->is_met && model) vlot__checker_meet(checker, m, model);
  return m && m->is_met ? m : NULL;
}

const vlot__violation *vlot__checker_feed(vlot__checker *checker, const vlot_event *event,
                                          const vlot__model *model) {
  checker->has_latest = false;
  if (checker->is_incomplete) return NULL;
  vlot__checker_member *m = member_of(checker, event, model);
  if (m && m->model->is_lost) checker->is_incomplete = true;
  if (checker->is_incomplete) return NULL;
  if (event->kind == VLOT_EVENT_CONFIG && (m || event->node == 0))
    vlot__checker_on_config(checker, m, event);
  else if (m)
    take_event(checker, m, event);
  return checker->has_latest ? &checker->latest : NULL;
}
