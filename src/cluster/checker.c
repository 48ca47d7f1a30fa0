/* The safety properties. What every member promised stands in a dense array; what any log ever
 * held, and what is committed, in one dense history; who led a term and who voted for whom in hash
 * tables. Every event costs a few look-ups.
 *
 * A member's model may be ahead of its events by the rest of the step under way. So an event's own
 * fields go first, and the model is asked only about what cannot have changed since.
 *
 * Without memory the checker cannot know any more what is right: from then on it reports nothing,
 * and says so.
 */
#include "cluster/checker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/prng.h"

enum { REPLICA_HASH = 100, DISK_WIPED = 2 };

/* --- a small hash table: 64 bits to 64 bits, open addressing, nothing is ever removed --- */

typedef struct pair {
  uint64_t key; /* 0: empty */
  uint64_t value;
} pair;

typedef struct table {
  pair *pairs; /* [capacity], a power of two, or 0 */
  size_t capacity;
  size_t count;
} table;

static pair *slot_of(const table *in, uint64_t key) {
  size_t at = (size_t)vlot__prng_mix(key) & (in->capacity - 1);
  while (in->pairs[at].key != 0 && in->pairs[at].key != key) at = (at + 1) & (in->capacity - 1);
  return &in->pairs[at];
}

static bool make_room(table *in, const vlot_allocator *allocator) {
  if (in->count * 2 < in->capacity) return true;
  table grown = {.capacity = in->capacity > 0 ? in->capacity * 2 : 64, .count = in->count};
  grown.pairs = vlot__alloc_zero(allocator, grown.capacity, sizeof *grown.pairs);
  if (!grown.pairs) return false;
  for (size_t k = 0; k < in->capacity; k++)
    if (in->pairs[k].key != 0) *slot_of(&grown, in->pairs[k].key) = in->pairs[k];
  vlot__alloc_free(allocator, in->pairs);
  *in = grown;
  return true;
}

/* --- what is known of a member --- */

typedef struct reach {
  uint64_t term;
  uint64_t index;
} reach;

typedef struct member {
  const vlot__model *model;
  uint32_t id;
  uint32_t role; /* vlot_role */
  bool is_voter;
  bool is_wiped; /* and not started since */
  uint64_t term;
  uint64_t last;
  uint64_t commit;
  uint64_t applied;
  /* what appends of its term, and of the next, can have verified at most */
  reach verified;
  reach verified_next;
  /* what its disk holds for certain */
  uint64_t durable_term;
  uint64_t durable_index;
  uint64_t durable_chain;
  uint32_t durable_vote;
  uint64_t durable_before; /* the durable index before this step truncated */
  uint64_t wiped_index;    /* durable when its disk was wiped */
  /* across incarnations */
  uint64_t commit_ever;
  uint64_t commit_term; /* in which it learned that */
  uint64_t commit_kept; /* what a restart must not have undone */
} member;

struct vlot__checker {
  const vlot_allocator *allocator;
  member *members; /* [count] */
  uint32_t count;
  uint32_t quorum;
  /* [history_count] of indexes base + 1 …: committed ones up to `committed`; above, the entry with
   * the highest term that any log held there.
   */
  vlot__model_entry *history;
  size_t history_count;
  size_t history_capacity;
  uint64_t base;
  uint64_t committed;
  reach *marks; /* [mark_count] first commits: in term …, up to index …; both increase */
  size_t mark_count;
  size_t mark_capacity;
  table leaders; /* term: node */
  table votes;   /* (member, term): candidate */
  table hashes;  /* applied index: hash of the machine */
  bool is_incomplete;
  bool has_first;
  bool has_latest; /* this event caused one */
  vlot__violation first;
  vlot__violation latest;
};

vlot__checker *vlot__checker_open(const vlot_allocator *allocator, const vlot_member *members,
                                  uint32_t count, const vlot__model *const *models) {
  allocator = vlot__alloc_or_default(allocator);
  vlot__checker *checker = vlot__alloc_zero(allocator, 1, sizeof *checker);
  if (!checker) return NULL;
  checker->allocator = allocator;
  checker->members = vlot__alloc_zero(allocator, count, sizeof *checker->members);
  if (!checker->members) {
    vlot__checker_close(checker);
    return NULL;
  }
  uint32_t voters = 0;
  uint64_t base = count > 0 ? models[0]->base_index : 0;
  for (uint32_t k = 0; k < count; k++) {
    member *m = &checker->members[k];
    *m = (member){.model = models[k], .id = members[k].id, .is_voter = !members[k].is_learner};
    m->last = m->commit = m->applied = m->durable_index = models[k]->base_index;
    if (models[k]->base_index < base) base = models[k]->base_index;
    voters += m->is_voter;
  }
  checker->count = count;
  checker->quorum = voters / 2 + 1;
  checker->base = checker->committed = base;
  return checker;
}

void vlot__checker_close(vlot__checker *checker) {
  if (!checker) return;
  const vlot_allocator *allocator = checker->allocator;
  void *owned[] = {checker->members,       checker->history,     checker->marks,
                   checker->leaders.pairs, checker->votes.pairs, checker->hashes.pairs};
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) vlot__alloc_free(allocator, owned[k]);
  vlot__alloc_free(allocator, checker);
}

const vlot__violation *vlot__checker_first(const vlot__checker *checker) {
  return checker->has_first ? &checker->first : NULL;
}

bool vlot__checker_is_incomplete(const vlot__checker *checker) { return checker->is_incomplete; }

/* --- reports --- */

static void __attribute__((format(printf, 5, 6)))
report(vlot__checker *checker, uint32_t invariant, const member *m, const vlot_event *event,
       const char *format, ...) {
  if (checker->has_latest || checker->is_incomplete) return;
  checker->latest =
      (vlot__violation){.invariant = invariant, .node = m->id, .action = event->action};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(checker->latest.text, sizeof checker->latest.text, format, arguments);
  va_end(arguments);
  checker->has_latest = true;
  if (!checker->has_first) checker->first = checker->latest;
  checker->has_first = true;
}

/* --- look-ups --- */

static member *find(vlot__checker *checker, uint32_t id) {
  /* members are mostly numbered 1 … n */
  if (id - 1 < checker->count && checker->members[id - 1].id == id)
    return &checker->members[id - 1];
  for (uint32_t k = 0; k < checker->count; k++)
    if (checker->members[k].id == id) return &checker->members[k];
  return NULL;
}

/* Term and chain of a member's entry; false when it has none there. */
static bool look(vlot__checker *checker, const member *m, uint64_t index,
                 vlot__model_entry *entry) {
  if (m->model->is_lost) checker->is_incomplete = true;
  return vlot__model_at(m->model, index, &entry->term, &entry->chain);
}

static vlot__model_entry *history_at(const vlot__checker *checker, uint64_t index) {
  return &checker->history[index - checker->base - 1];
}

static bool is_same(const vlot__model_entry *one, const vlot__model_entry *other) {
  return one->term == other->term && one->chain == other->chain;
}

/* Is the member's entry the committed one? index <= committed. */
static bool is_canonical(vlot__checker *checker, const member *m, uint64_t index) {
  vlot__model_entry mine;
  if (index <= checker->base || index <= m->model->base_index) return true;
  return look(checker, m, index, &mine) && is_same(&mine, history_at(checker, index));
}

static bool grow_history(vlot__checker *checker, uint64_t last) {
  size_t wanted = (size_t)(last - checker->base);
  if (wanted <= checker->history_count) return true;
  void *history = checker->history;
  if (!vlot__alloc_grow(checker->allocator, &history, &checker->history_capacity, wanted,
                        sizeof *checker->history)) {
    checker->is_incomplete = true;
    return false;
  }
  checker->history = history;
  memset(checker->history + checker->history_count, 0,
         (wanted - checker->history_count) * sizeof *checker->history);
  checker->history_count = wanted;
  return true;
}

/* The value of a key, which becomes `value` when there was none. */
static uint64_t settle(vlot__checker *checker, table *in, uint64_t key, uint64_t value) {
  if (!make_room(in, checker->allocator)) {
    checker->is_incomplete = true;
    return value;
  }
  pair *slot = slot_of(in, key);
  if (slot->key == 0) {
    *slot = (pair){.key = key, .value = value};
    in->count++;
  }
  return slot->value;
}

/* --- I-3: same index and term, same entry and same prefix --- */

static void mismatch(vlot__checker *checker, const member *m, const vlot_event *event,
                     uint64_t index, uint64_t term, const char *whose) {
  report(checker, 3, m, event,
         "n%" PRIu32 " holds at index %" PRIu64 " of term %" PRIu64
         " another entry or another prefix than %s",
         m->id, index, term, whose);
}

/* The history forgot what stood here in this term: somebody's log may remember. One holder is
 * enough, as every two were compared when the later of them got it.
 */
static void compare_with_logs(vlot__checker *checker, const member *m, const vlot_event *event,
                              uint64_t index, const vlot__model_entry *mine) {
  for (uint32_t k = 0; k < checker->count; k++) {
    const member *other = &checker->members[k];
    vlot__model_entry theirs;
    if (other == m || !look(checker, other, index, &theirs) || theirs.term != mine->term) continue;
    if (index > other->model->base_index && theirs.chain != mine->chain) {
      char whose[16];
      snprintf(whose, sizeof whose, "n%" PRIu32, other->id);
      mismatch(checker, m, event, index, mine->term, whose);
    }
    return;
  }
}

static void witness_one(vlot__checker *checker, const member *m, const vlot_event *event,
                        uint64_t index, const vlot__model_entry *mine) {
  vlot__model_entry *known = history_at(checker, index);
  if (known->term == mine->term) {
    if (known->chain != mine->chain)
      mismatch(checker, m, event, index, mine->term, "was seen there before");
  } else if (known->term < mine->term && index > checker->committed) {
    *known = *mine;
  } else {
    compare_with_logs(checker, m, event, index, mine);
  }
}

/* A run of entries stands in a member's log now; newest: the last one of them. */
static void witness(vlot__checker *checker, const member *m, const vlot_event *event,
                    uint64_t first, uint64_t last, const vlot__model_entry *newest) {
  vlot__model_entry mine;
  if (last <= checker->base || !grow_history(checker, last)) return;
  if (is_same(history_at(checker, last), newest)) return; /* so is all below it */
  if (first <= checker->base) first = checker->base + 1;
  for (uint64_t index = first; index < last; index++) {
    /* the model may be ahead: what it holds here must be at least of a term that fits */
    bool fits =
        look(checker, m, index, &mine) && index > m->model->base_index && mine.term <= newest->term;
    if (fits) witness_one(checker, m, event, index, &mine);
  }
  witness_one(checker, m, event, last, newest);
}

/* --- roles and terms --- */

static void on_term(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t to = event->as.change.to;
  if (to <= m->term)
    report(checker, 7, m, event, "n%" PRIu32 " goes from term %" PRIu64 " to term %" PRIu64, m->id,
           m->term, to);
  m->term = to;
  m->verified =
      (reach){.term = to, .index = m->verified_next.term >= to ? m->verified_next.index : 0};
  if (m->verified_next.term <= to) m->verified_next = (reach){0};
}

/* I-4: what was committed in earlier terms. A leader of an old term, elected late, need not have
 * what later ones committed. */
static void check_completeness(vlot__checker *checker, const member *m, const vlot_event *event,
                               uint64_t term) {
  size_t k = checker->mark_count;
  while (k > 0 && checker->marks[k - 1].term >= term) k--;
  if (k == 0) return;
  const reach *mark = &checker->marks[k - 1];
  if (!is_canonical(checker, m, mark->index))
    report(checker, 4, m, event,
           "n%" PRIu32 " leads term %" PRIu64 " without entry %" PRIu64 " of term %" PRIu64
           " that was committed in term %" PRIu64,
           m->id, term, mark->index, history_at(checker, mark->index)->term, mark->term);
}

static void on_leader(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t term = event->as.change.term;
  m->role = VLOT_ROLE_LEADER;
  uint64_t earlier = settle(checker, &checker->leaders, term, m->id);
  if (earlier != m->id)
    report(checker, 1, m, event,
           "n%" PRIu32 " becomes leader of term %" PRIu64 ", which n%" PRIu64 " led", m->id, term,
           earlier);
  check_completeness(checker, m, event, term);
}

/* --- the log --- */

static uint64_t last_of(const vlot_event *event) {
  return event->as.slice.first + event->as.slice.count - 1;
}

static void on_append(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t first = event->as.slice.first, last = last_of(event);
  if (first != m->last + 1)
    report(checker, m->role == VLOT_ROLE_LEADER ? 2 : 3, m, event,
           "n%" PRIu32 " appends entries %" PRIu64 " to %" PRIu64 " to a log that ends at %" PRIu64,
           m->id, first, last, m->last);
  bool is_sound = first == m->last + 1 && last >= first;
  m->last = last;
  if (!is_sound) return;
  /* what the same step removed again nobody ever saw, and its chain is not known any more */
  vlot__model_entry newest;
  if (look(checker, m, last, &newest) && newest.term == event->as.slice.term)
    witness(checker, m, event, first, last, &newest);
}

static void on_truncate(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t from = event->as.slice.first;
  uint64_t committed = m->commit > m->commit_kept ? m->commit : m->commit_kept;
  if (m->role == VLOT_ROLE_LEADER)
    report(checker, 2, m, event,
           "n%" PRIu32 ", leader of term %" PRIu64 ", removes its entries from %" PRIu64 " on",
           m->id, m->term, from);
  if (from <= committed)
    report(checker, 6, m, event,
           "n%" PRIu32 " removes its entries from %" PRIu64 " on although it knew %" PRIu64
           " as committed",
           m->id, from, committed);
  m->last = from - 1;
  if (m->durable_index < from) return;
  if (m->durable_index > m->durable_before) m->durable_before = m->durable_index;
  m->durable_index = from - 1;
  m->durable_chain = event->as.slice.chain;
}

static void on_durable(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t term = event->as.change.term, to = event->as.change.to;
  vlot__model_entry entry = {0};
  if (term < m->durable_term)
    report(checker, 7, m, event, "n%" PRIu32 " has term %" PRIu64 " durable after term %" PRIu64,
           m->id, term, m->durable_term);
  if (term == m->durable_term && m->durable_vote != 0 && event->peer != m->durable_vote)
    report(checker, 8, m, event,
           "n%" PRIu32 " has a vote for n%" PRIu32 " durable in term %" PRIu64
           " after one for n%" PRIu32,
           m->id, event->peer, term, m->durable_vote);
  if (to > m->last)
    report(checker, 9, m, event,
           "n%" PRIu32 " calls its log durable up to %" PRIu64 ", but it ends at %" PRIu64, m->id,
           to, m->last);
  m->durable_term = term;
  m->durable_vote = event->peer;
  m->durable_index = to;
  /* where the model is ahead, a TRUNCATE follows and puts it right */
  look(checker, m, to, &entry);
  m->durable_chain = entry.chain;
}

/* --- commit and apply --- */

static bool holds(vlot__checker *checker, const member *m, uint64_t index,
                  const vlot__model_entry *entry) {
  vlot__model_entry mine;
  if (index <= m->wiped_index) return true;
  return index <= m->durable_index && look(checker, m, index, &mine) && is_same(&mine, entry);
}

/* I-10: a quorum holds what is committed for the first time. */
static void check_quorum(vlot__checker *checker, const member *m, const vlot_event *event,
                         uint64_t index, const vlot__model_entry *entry) {
  uint32_t holders = 0;
  for (uint32_t k = 0; k < checker->count && holders < checker->quorum; k++)
    if (checker->members[k].is_voter && holds(checker, &checker->members[k], index, entry))
      holders++;
  if (holders < checker->quorum)
    report(checker, 10, m, event,
           "n%" PRIu32 " commits entry %" PRIu64 " of term %" PRIu64 " which %" PRIu32
           " voters have durable; a quorum is %" PRIu32,
           m->id, index, entry->term, holders, checker->quorum);
}

static void mark_commit(vlot__checker *checker, uint64_t term, uint64_t index) {
  reach *newest = checker->mark_count > 0 ? &checker->marks[checker->mark_count - 1] : NULL;
  if (newest && term <= newest->term) {
    newest->index = index;
    return;
  }
  void *marks = checker->marks;
  if (!vlot__alloc_grow(checker->allocator, &marks, &checker->mark_capacity,
                        checker->mark_count + 1, sizeof *newest)) {
    checker->is_incomplete = true;
    return;
  }
  checker->marks = marks;
  checker->marks[checker->mark_count++] = (reach){.term = term, .index = index};
}

/* The committed sequence grows by what this member's log holds. */
static void extend_committed(vlot__checker *checker, const member *m, uint64_t last,
                             const vlot__model_entry *newest) {
  if (!grow_history(checker, last)) return;
  for (uint64_t index = checker->committed + 1; index < last; index++) {
    vlot__model_entry entry;
    if (look(checker, m, index, &entry)) *history_at(checker, index) = entry;
  }
  *history_at(checker, last) = *newest;
  checker->committed = last;
  mark_commit(checker, m->term, last);
}

static void check_commit_place(vlot__checker *checker, const member *m, const vlot_event *event,
                               uint64_t last) {
  bool is_leader = m->role == VLOT_ROLE_LEADER;
  if (event->as.slice.first != m->commit + 1 || last <= m->commit)
    report(checker, 7, m, event, "n%" PRIu32 " commits %" PRIu64 " to %" PRIu64 " after %" PRIu64,
           m->id, event->as.slice.first, last, m->commit);
  if (last > m->last)
    report(checker, 7, m, event,
           "n%" PRIu32 " commits up to %" PRIu64 ", but its log ends at %" PRIu64, m->id, last,
           m->last);
  if (!is_leader && (last > m->verified.index || m->verified.term != m->term))
    report(checker, 7, m, event,
           "n%" PRIu32 " commits up to %" PRIu64 ", but the leader of term %" PRIu64
           " verified its log up to %" PRIu64 " at most",
           m->id, last, m->term, m->verified.term == m->term ? m->verified.index : 0);
  if (is_leader && event->as.slice.term != m->term)
    report(checker, 11, m, event,
           "n%" PRIu32 ", leader of term %" PRIu64 ", commits by counting entry %" PRIu64
           " of term %" PRIu64,
           m->id, m->term, last, event->as.slice.term);
}

static void on_commit(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t last = last_of(event);
  vlot__model_entry newest = {.term = event->as.slice.term, .chain = event->as.slice.chain};
  check_commit_place(checker, m, event, last);
  if (newest.chain ==
      /* entries of a step that ended fenced: no storage was given them, so nobody knows which they
       * are */
      0) {
    m->commit = last;
    return;
  }
  bool is_first = last > checker->committed;
  bool agrees = is_first ? is_canonical(checker, m, checker->committed)
                         : last <= checker->base || is_same(history_at(checker, last), &newest);
  if (!agrees)
    report(checker, last <= m->commit_ever ? 6 : 5, m, event,
           "n%" PRIu32 " commits up to %" PRIu64 " of term %" PRIu64
           ", but other entries are committed up to %" PRIu64,
           m->id, last, newest.term, checker->committed);
  if (is_first && agrees && last <= m->last) {
    check_quorum(checker, m, event, last, &newest);
    extend_committed(checker, m, last, &newest);
  }
  m->commit = last;
  if (last > m->commit_ever) {
    m->commit_ever = last;
    m->commit_term = m->term;
  }
}

static void on_apply(vlot__checker *checker, member *m, const vlot_event *event) {
  uint64_t first = event->as.slice.first, last = last_of(event);
  if (last > m->commit)
    report(checker, 7, m, event,
           "n%" PRIu32 " applies up to %" PRIu64 ", but knows %" PRIu64 " as committed", m->id,
           last, m->commit);
  if (first != m->applied + 1)
    report(checker, 5, m, event,
           "n%" PRIu32 " applies entries %" PRIu64 " to %" PRIu64 " after %" PRIu64, m->id, first,
           last, m->applied);
  if (last > checker->base && last <= checker->committed &&
      history_at(checker, last)->chain != event->as.slice.chain)
    report(checker, 5, m, event,
           "n%" PRIu32 " applies up to %" PRIu64 " of term %" PRIu64
           " other entries than were committed",
           m->id, last, event->as.slice.term);
  m->applied = last;
  if (event->as.slice.hash == 0) return;
  uint64_t hash = settle(checker, &checker->hashes, last, event->as.slice.hash);
  if (hash != event->as.slice.hash)
    report(checker, REPLICA_HASH, m, event,
           "n%" PRIu32 "'s machine hashes to %016" PRIx64 " after entry %" PRIu64
           ", another's to %016" PRIx64,
           m->id, event->as.slice.hash, last, hash);
}

/* --- messages --- */

/* I-8: one vote per member and term leaves, and not before it is durable. */
static void check_vote(vlot__checker *checker, const member *m, const vlot_event *event,
                       uint32_t candidate) {
  uint64_t term = event->as.message.term;
  uint64_t key = term * checker->count +
                 (uint64_t)(m - checker->members); /* terms of one run are near each other */
  uint64_t earlier = settle(checker, &checker->votes, key, candidate);
  if (earlier != candidate)
    report(checker, 8, m, event,
           "n%" PRIu32 " votes for n%" PRIu32 " in term %" PRIu64 " after it voted for n%" PRIu64,
           m->id, candidate, term, earlier);
  bool is_durable =
      m->durable_term > term || (m->durable_term == term && m->durable_vote == candidate);
  if (!is_durable)
    report(checker, 8, m, event,
           "n%" PRIu32 "'s vote for n%" PRIu32 " in term %" PRIu64 " leaves while term %" PRIu64
           " with a vote for n%" PRIu32 " is durable",
           m->id, candidate, term, m->durable_term, m->durable_vote);
}

/* I-9: what is acknowledged is durable, and is what the leader has. An acknowledgement made before
 * the same step went on to a higher term speaks of what was durable then.
 */
static void check_acknowledgement(vlot__checker *checker, const member *m,
                                  const vlot_event *event) {
  uint64_t term = event->as.message.term, match = event->as.message.index;
  bool is_of_past = term < m->term;
  uint64_t durable =
      is_of_past && m->durable_before > m->durable_index ? m->durable_before : m->durable_index;
  if (match > durable) {
    report(checker, 9, m, event,
           "n%" PRIu32 " acknowledges up to %" PRIu64 " in term %" PRIu64 ", but %" PRIu64
           " is durable",
           m->id, match, term, durable);
    return;
  }
  const member *leader = find(checker, event->peer);
  if (is_of_past || !leader || leader->role != VLOT_ROLE_LEADER || leader->term != term) return;
  /* with threads the leader may be about to tell that it stepped down and truncated */
  if (vlot__model_last(leader->model) != leader->last) return;
  vlot__model_entry mine, theirs;
  if (match <= m->model->base_index || match <= leader->model->base_index) return;
  if (!look(checker, m, match, &mine) || !look(checker, leader, match, &theirs) ||
      !is_same(&mine, &theirs))
    report(checker, 9, m, event,
           "n%" PRIu32 " acknowledges entry %" PRIu64 " to n%" PRIu32 " in term %" PRIu64
           ", whose log differs there",
           m->id, match, leader->id, term);
}

static void on_sent(vlot__checker *checker, const member *m, const vlot_event *event) {
  bool is_ok = (event->as.message.flags & VLOT_MESSAGE_OK) != 0;
  if (event->as.message.kind == VLOT_MESSAGE_VOTE)
    check_vote(checker, m, event, m->id);
  else if (event->as.message.kind == VLOT_MESSAGE_VOTE_REPLY && is_ok)
    check_vote(checker, m, event, event->peer);
  else if (event->as.message.kind == VLOT_MESSAGE_APPEND_REPLY && is_ok)
    check_acknowledgement(checker, m, event);
}

/* How far an append can have verified the log, were it accepted. Several may be received before the
 * step that takes them. */
static void on_received(member *m, const vlot_event *event) {
  if (event->as.message.kind != VLOT_MESSAGE_APPEND) return;
  uint64_t term = event->as.message.term,
           index = event->as.message.index + event->as.message.entries;
  if (term < m->term) return;
  reach *reached = term == m->term ? &m->verified : &m->verified_next;
  if (term > reached->term) reached->term = term;
  if (index > reached->index) reached->index = index;
}

/* --- lives --- */

static void check_recovered(vlot__checker *checker, member *m, const vlot_event *event) {
  const vlot_brief *found = &event->as.step.after;
  vlot__model_entry entry;
  if (found->term < m->durable_term)
    report(checker, 7, m, event,
           "n%" PRIu32 " recovers term %" PRIu64 ", but term %" PRIu64 " was durable", m->id,
           found->term, m->durable_term);
  if (found->term == m->durable_term && m->durable_vote != 0 && found->vote != m->durable_vote)
    report(checker, 8, m, event,
           "n%" PRIu32 " recovers a vote for n%" PRIu32 " in term %" PRIu64
           ", but one for n%" PRIu32 " was durable",
           m->id, found->vote, found->term, m->durable_vote);
  if (m->durable_index <= m->model->base_index) return;
  uint64_t committed = m->commit_ever < m->durable_index ? m->commit_ever : m->durable_index;
  if (committed > checker->base && !is_canonical(checker, m, committed))
    report(checker, 6, m, event,
           "n%" PRIu32 " recovers a log without entry %" PRIu64
           " that it knew as committed and had durable",
           m->id, committed);
  if (!look(checker, m, m->durable_index, &entry) || entry.chain != m->durable_chain)
    report(checker, 9, m, event,
           "n%" PRIu32 " recovers a log up to %" PRIu64 " without what was durable up to %" PRIu64,
           m->id, found->last_index, m->durable_index);
}

static void on_start(vlot__checker *checker, member *m, const vlot_event *event) {
  const vlot_brief *found = &event->as.step.after;
  vlot__model_entry newest = {0};
  if (!m->is_wiped) check_recovered(checker, m, event);
  /* what it knew as committed stays if it had, durably, both the entries and the term in which it
   * learned it */
  uint64_t committed = m->commit_ever < m->durable_index ? m->commit_ever : m->durable_index;
  m->commit_kept = !m->is_wiped && m->durable_term >= m->commit_term ? committed : 0;
  m->commit_ever = m->commit_kept;
  m->is_wiped = false;
  m->role = VLOT_ROLE_FOLLOWER;
  m->term = found->term;
  m->last = m->durable_index = found->last_index;
  m->commit = m->applied = found->commit_index;
  m->verified = (reach){.term = found->term};
  m->verified_next = (reach){0};
  m->durable_term = found->term;
  m->durable_vote = found->vote;
  m->durable_before = 0;
  if (!look(checker, m, m->last, &newest)) return;
  m->durable_chain = newest.chain;
  if (m->last > m->model->base_index)
    witness(checker, m, event, m->model->base_index + 1, m->last, &newest);
}

static void wipe(member *m) {
  if (m->is_wiped) return;
  if (m->durable_index > m->wiped_index) m->wiped_index = m->durable_index;
  m->is_wiped = true;
  m->durable_term = m->durable_index = m->durable_chain = 0;
  m->durable_vote = 0;
  m->commit_ever = m->commit_term = m->commit_kept = 0;
}

void vlot__checker_disk_wiped(vlot__checker *checker, uint32_t node) {
  member *m = find(checker, node);
  if (m) wipe(m);
}

static void on_step(vlot__checker *checker, member *m, const vlot_event *event) {
  const vlot_brief *before = &event->as.step.before, *after = &event->as.step.after;
  m->durable_before = 0;
  if (after->term < before->term || after->commit_index < before->commit_index)
    report(checker, 7, m, event,
           "n%" PRIu32 " goes from term %" PRIu64 ", commit %" PRIu64 " back to term %" PRIu64
           ", commit %" PRIu64,
           m->id, before->term, before->commit_index, after->term, after->commit_index);
  if (after->commit_index > after->last_index)
    report(checker, 7, m, event,
           "n%" PRIu32 " has a commit index of %" PRIu64 " beyond its last index, %" PRIu64, m->id,
           after->commit_index, after->last_index);
}

/* The core found out itself. */
static void on_fenced(vlot__checker *checker, const member *m, const vlot_event *event) {
  if (event->why == VLOT_WHY_TWO_LEADERS)
    report(checker, 1, m, event,
           "n%" PRIu32 " heard from n%" PRIu32 " as a second leader of term %" PRIu64, m->id,
           event->peer, event->as.change.term);
  if (event->why == VLOT_WHY_COMMITTED_CONFLICT)
    report(checker, 6, m, event,
           "n%" PRIu32 " is to overwrite its committed entry %" PRIu64 " by n%" PRIu32
           " of term %" PRIu64,
           m->id, event->as.change.from, event->peer, event->as.change.term);
}

const vlot__violation *vlot__checker_feed(vlot__checker *checker, const vlot_event *event) {
  checker->has_latest = false;
  member *m = find(checker, event->node);
  if (!m || checker->is_incomplete) return NULL;
  if (m->model->is_lost) {
    checker->is_incomplete = true;
    return NULL;
  }
  switch (event->kind) {
  case VLOT_EVENT_STEP: on_step(checker, m, event); break;
  case VLOT_EVENT_SENT: on_sent(checker, m, event); break;
  case VLOT_EVENT_RECEIVED: on_received(m, event); break;
  case VLOT_EVENT_TERM: on_term(checker, m, event); break;
  case VLOT_EVENT_LEADER: on_leader(checker, m, event); break;
  case VLOT_EVENT_STEP_DOWN:
  case VLOT_EVENT_ROLE: m->role = (uint32_t)event->as.change.to; break;
  case VLOT_EVENT_APPEND: on_append(checker, m, event); break;
  case VLOT_EVENT_TRUNCATE: on_truncate(checker, m, event); break;
  case VLOT_EVENT_DURABLE: on_durable(checker, m, event); break;
  case VLOT_EVENT_COMMIT: on_commit(checker, m, event); break;
  case VLOT_EVENT_APPLY: on_apply(checker, m, event); break;
  case VLOT_EVENT_FENCED: on_fenced(checker, m, event); break;
  case VLOT_EVENT_START: on_start(checker, m, event); break;
  case VLOT_EVENT_KILL: m->role = VLOT_ROLE_FOLLOWER; break;
  case VLOT_EVENT_RESTART:
    if (event->as.change.from == DISK_WIPED) wipe(m);
    break;
  default: break;
  }
  return checker->has_latest ? &checker->latest : NULL;
}
