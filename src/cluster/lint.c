/* Lints: settings when the cluster opens, and a look at the nodes every LOOK_TICKS while it
 * runs. */
#include "vlot/lint.h"

#include <stdio.h>
#include <string.h>

#include "cluster/internal.h"
#include "cluster/writer.h"

enum {
  LOOK_TICKS = 64,
  RISES = 3,        /* what is higher at so many looks in a row grows */
  MAILS_MIN = 1024, /* less is a burst */
  ENTRIES_MIN = 1024,
  SHORT_US = 10000, /* a thread can wait so long for a core where others compute */
};

/* --- texts --- */

static const struct {
  uint32_t number;
  const char *word, *sentence, *advice;
} rows[] = {
#define VLOT_X(name, number, word, sentence, advice) {number, word, sentence, advice},
    VLOT_LINTS(VLOT_X)
#undef VLOT_X
};

enum { ROWS = sizeof rows / sizeof *rows };

const char *vlot_lint_name(uint32_t number) {
  for (size_t k = 0; k < ROWS; k++)
    if (rows[k].number == number) return rows[k].word;
  return "?";
}

/* What the advice recommends. */
static uint64_t right_of(const vlot_lint *lint) {
  switch (lint->number) {
  case VLOT_LINT_NARROW_TIMEOUTS: return 2 * lint->value;
  case VLOT_LINT_SLOW_HEARTBEAT: return lint->other > 3 ? (lint->other - 1) / 2 : 1;
  case VLOT_LINT_EVEN_VOTERS: return lint->value - 1;
  case VLOT_LINT_SHORT_TIMEOUTS:
    return lint->other ? (lint->value * SHORT_US + lint->other - 1) / lint->other : 0;
  default: return 0;
  }
}

/* Behind a 1 these are said without their s. */
static const char *skip_plural(vlot__writer *w, const char *text) {
  static const char *const units[] = {" tick", " microsecond"};
  for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
    size_t size = strlen(units[k]);
    if (strncmp(text, units[k], size) != 0 || text[size] != 's') continue;
    vlot__write(w, text, size);
    return text + size + 1;
  }
  return text;
}

/* Was it a 1? */
static bool put_value(vlot__writer *w, const vlot_lint *lint, const char *name, size_t size) {
  const struct {
    const char *name;
    uint64_t value;
  } values[] = {{"value", lint->value},
                {"other", lint->other},
                {"right", right_of(lint)},
                {"node", lint->node}};
  for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
    if (strlen(values[k].name) != size || memcmp(values[k].name, name, size) != 0) continue;
    vlot__write_number(w, values[k].value);
    return values[k].value == 1;
  }
  return false;
}

static void put_filled(vlot__writer *w, const vlot_lint *lint, const char *text) {
  for (const char *brace; (brace = strchr(text, '{')) != NULL;) {
    const char *end = strchr(brace, '}');
    vlot__write(w, text, (size_t)(brace - text));
    bool is_one = put_value(w, lint, brace + 1, (size_t)(end - brace - 1));
    text = is_one ? skip_plural(w, end + 1) : end + 1;
  }
  vlot__write(w, text, strlen(text));
}

size_t vlot_lint_text(const vlot_lint *lint, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  size_t k = 0;
  while (k < ROWS && rows[k].number != lint->number) k++;
  if (k < ROWS) {
    put_filled(&w, lint, rows[k].sentence);
    vlot__write(&w, "; ", 2);
    put_filled(&w, lint, rows[k].advice);
  } else {
    put_filled(&w, &(vlot_lint){.value = lint->number}, "lint {value} is unknown");
  }
  if (capacity > 0) out[w.length < capacity ? w.length : capacity - 1] = '\0';
  return w.length;
}

/* --- settings --- */

typedef struct list {
  vlot_lint *lints; /* [capacity] */
  size_t capacity;
  size_t count; /* wanted so far */
} list;

static void add(list *all, uint32_t number, uint32_t node, uint64_t value, uint64_t other) {
  if (all->count < all->capacity)
    all->lints[all->count] =
        (vlot_lint){.number = number, .node = node, .value = value, .other = other};
  all->count++;
}

static void add_timeouts(list *all, const vlot_cluster_options *options) {
  uint32_t min = options->raft.election_ticks_min, max = options->raft.election_ticks_max;
  uint32_t heartbeat = options->raft.heartbeat_ticks;
  uint64_t us = min * options->tick_ns / 1000;
  if (!(options->raft.switches & VLOT_SWITCH_RANDOM_TIMEOUT))
    add(all, VLOT_LINT_FIXED_TIMEOUTS, 0, min, 0);
  /* max is never drawn */
  else if (max - min == 1 || 2 * (max - min) < min)
    add(all, VLOT_LINT_NARROW_TIMEOUTS, 0, min, max);
  if (2 * heartbeat >= min) add(all, VLOT_LINT_SLOW_HEARTBEAT, 0, heartbeat, min);
  if (options->driver == VLOT_DRIVER_THREADS && us < SHORT_US)
    add(all, VLOT_LINT_SHORT_TIMEOUTS, 0, min, us);
}

static void add_switches(list *all, const vlot_cluster_options *options) {
  uint32_t switches = options->raft.switches;
  bool checks_quorum = switches & VLOT_SWITCH_CHECK_QUORUM;
  if (checks_quorum && !(switches & VLOT_SWITCH_PRE_VOTE))
    add(all, VLOT_LINT_NO_PRE_VOTE, 0, switches, 0);
  if (!checks_quorum && (switches & VLOT_SWITCH_STICKINESS))
    add(all, VLOT_LINT_NO_CHECK_QUORUM, 0, switches, 0);
}

static void add_settings(list *all, const vlot_cluster_options *options) {
  uint32_t voters = options->nodes - options->learners;
  if (voters == 1) { /* no elections, no quorums: the rest does not matter */
    add(all, VLOT_LINT_SINGLE_VOTER, 0, options->nodes, 0);
    return;
  }
  if (voters % 2 == 0) add(all, VLOT_LINT_EVEN_VOTERS, 0, voters, voters / 2 + 1);
  add_timeouts(all, options);
  add_switches(all, options);
}

size_t vlot_cluster_options_lint(const vlot_cluster_options *options, vlot_lint *lints,
                                 size_t capacity) {
  vlot_cluster_options defaults;
  vlot_cluster_options_init(&defaults);
  if (!options) options = &defaults;
  list all = {.lints = lints, .capacity = capacity};
  if (options->size == sizeof *options && options->learners < options->nodes)
    add_settings(&all, options);
  return all.count;
}

/* --- saying --- */

static void say(vlot_cluster *cluster, const vlot_lint *lint) {
  char text[512];
  vlot__emit_change(cluster, NULL, VLOT_EVENT_LINT, VLOT_WHY_NONE, lint->node, lint->number,
                    lint->value, lint->other);
  vlot_lint_text(lint, text, sizeof text);
  vlot__log(cluster, "%s", text);
}

void vlot__lint_open(vlot_cluster *cluster) {
  vlot_lint lints[ROWS];
  if (!cluster->options.has_lints) return;
  size_t count = vlot_cluster_options_lint(&cluster->options, lints, ROWS);
  vlot__control_begin(cluster);
  for (size_t k = 0; k < count; k++) say(cluster, &lints[k]);
  vlot__control_end(cluster);
  atomic_store(&cluster->next_look, LOOK_TICKS);
}

/* --- while it runs --- */

static vlot__lint_trend *watch_of(vlot__slot *slot, uint32_t number) {
  return &slot->trends[number - VLOT_LINT_RUNNING];
}

/* It is so, or is not any more: said when it begins. */
static void set(vlot__slot *slot, uint32_t number, bool is_on, uint64_t value, uint64_t other) {
  vlot__lint_trend *trend = watch_of(slot, number);
  pthread_mutex_lock(&slot->status_lock); /* vlot_cluster_lint() reads these */
  bool is_new = is_on && !trend->is_on;
  trend->is_on = is_on;
  trend->lint = (vlot_lint){.number = number, .node = slot->id, .value = value, .other = other};
  pthread_mutex_unlock(&slot->status_lock);
  if (is_new) say(slot->cluster, &trend->lint);
}

/* Is it above floor, and has it grown for a while? Once it is said it stays until it is below
 * again. */
static bool grows(vlot__lint_trend *trend, uint64_t value, uint64_t floor) {
  bool is_high = value >= floor;
  trend->rises = is_high && value > trend->value ? trend->rises + 1 : 0;
  trend->value = value;
  return is_high && (trend->is_on || trend->rises >= RISES);
}

static vlot_node_status read_status(vlot__slot *slot) {
  vlot_node_status status = {0};
  if (!vlot__drives(slot->cluster)) {
    (void)vlot_cluster_get_status(slot->cluster, slot->id, &status);
    return status;
  }
  status.state = atomic_load(&slot->state);
  if (slot->node) vlot__node_get_status(slot->node, &status);
  status.mailbox = slot->parked_mail.count;
  return status;
}

static void look_at(vlot__slot *slot, const vlot_node_status *status, uint64_t commit,
                    uint64_t recent) {
  bool is_up = status->state == VLOT_NODE_UP;
  uint64_t mails = is_up || status->state == VLOT_NODE_SUSPENDED ? status->mailbox : 0;
  uint64_t lag = is_up && commit > status->applied_index ? commit - status->applied_index : 0;
  /* what was committed since the last look is under way */
  uint64_t floor = recent > ENTRIES_MIN ? recent : ENTRIES_MIN;
  vlot__lint_trend *mailbox = watch_of(slot, VLOT_LINT_MAILBOX_GROWS),
                   *behind = watch_of(slot, VLOT_LINT_FALLS_BEHIND);
  uint64_t before = mailbox->value;
  set(slot, VLOT_LINT_MAILBOX_GROWS, grows(mailbox, mails, MAILS_MIN), mails, before);
  set(slot, VLOT_LINT_FALLS_BEHIND, grows(behind, lag, floor), lag, status->applied_index);
  set(slot, VLOT_LINT_NO_QUORUM_CONTACT, is_up && status->raft.lacks_quorum, status->raft.term,
      slot->cluster->options.raft.election_ticks_min);
}

static void look(vlot_cluster *cluster) {
  uint64_t commit = 0;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot_node_status status = read_status(&cluster->slots[k]);
    if (status.raft.commit_index > commit) commit = status.raft.commit_index;
  }
  uint64_t recent = commit > cluster->seen_commit ? commit - cluster->seen_commit : 0;
  cluster->seen_commit = commit;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot_node_status status = read_status(&cluster->slots[k]);
    look_at(&cluster->slots[k], &status, commit, recent);
  }
}

void vlot__lint_look(vlot_cluster *cluster) {
  bool is_alone = vlot__drives(cluster);
  if (!is_alone && !vlot__control_try(cluster)) return; /* at the next tick, then */
  atomic_store_explicit(&cluster->next_look, vlot__now(cluster) + LOOK_TICKS, memory_order_relaxed);
  look(cluster);
  if (!is_alone) vlot__control_end(cluster);
}

size_t vlot_cluster_lint(vlot_cluster *cluster, vlot_lint *lints, size_t capacity) {
  list all = {.lints = lints, .capacity = capacity};
  if (!cluster->options.has_lints) return 0;
  add_settings(&all, &cluster->options);
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    pthread_mutex_lock(&slot->status_lock);
    for (size_t w = 0; w < VLOT__LINT_TRENDS; w++) {
      const vlot__lint_trend *trend = &slot->trends[w];
      if (trend->is_on)
        add(&all, trend->lint.number, slot->id, trend->lint.value, trend->lint.other);
    }
    pthread_mutex_unlock(&slot->status_lock);
  }
  return all.count;
}
