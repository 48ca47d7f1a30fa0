/* Lints of a cluster: its settings when it opens, and a look at the nodes every LOOK_TICKS while it
 * runs. */
#include "cluster/lints.h"

#include "base/assert.h"
#include "base/lock.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/host.h"
#include "cluster/lint_settings.h"
#include "cluster/look.h"
#include "cluster/observe.h"
#include "cluster/slow.h"

enum {
  LOOK_TICKS = 64,
  SLOW_LOOKS = 16,  /* so many looks in a row without a slow call: the next one is told again */
  RISES = 3,        /* what is higher at so many looks in a row grows */
  MAILS_MIN = 1024, /* less is a burst */
  ENTRIES_MIN = 1024,
  LOG_MIB = 64, /* a log that is kept whole is told of when it has so many, and when it doubles */
  LEADERLESS_TIMES = 10, /* so many of the longest election timeouts without a leader are long */
  STALLED_LOOKS = 3,     /* at so many looks in a row a disk has done nothing */
};

/* --- saying --- */

static void say(vlot_cluster *cluster, const vlot_lint *lint) {
  char text[512];
  vlot__emit_change(cluster, NULL, VLOT_EVENT_LINT, VLOT_WHY_NONE, lint->node, lint->number,
                    lint->value, lint->other);
  vlot_lint_text(lint, text, sizeof text);
  vlot__log(cluster, VLOT_LOG_WARNING, "%s", text);
}

/* --- while it runs --- */

static vlot__lint_trend *watch_of(vlot__seat *seat, uint32_t number) {
  return &seat->trends[number - VLOT_LINT_RUNNING];
}

/* It is so, or is not any more: said when it begins. */
static void set(vlot__seat *seat, uint32_t number, bool is_on, uint64_t value, uint64_t other) {
  vlot__lint_trend *trend = watch_of(seat, number);
  vlot__lock(&seat->status_lock); /* vlot_cluster_lint() reads these */
  bool is_new = is_on && !trend->is_on;
  trend->is_on = is_on;
  trend->lint = (vlot_lint){.number = number, .node = seat->id, .value = value, .other = other};
  vlot__unlock(&seat->status_lock);
  if (is_new) say(seat->cluster, &trend->lint);
}

/* Is it above floor, and has it grown for a while? Once it is said it stays until it is below
 * again. */
static bool grows(vlot__lint_trend *trend, uint64_t value, uint64_t floor) {
  bool is_high = value >= floor;
  trend->rises = is_high && value > trend->value ? trend->rises + 1 : 0;
  trend->value = value;
  return is_high && (trend->is_on || trend->rises >= RISES);
}

/* Before any node runs, too: then status says what was found on the disks. */
static void look_at_disks(vlot_cluster *cluster) {
  uint32_t lost, voters;
  bool is_majority = vlot__has_lost_disks(cluster, &lost, &voters);
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__lock(&seat->status_lock);
    bool is_lost = seat->status.raft.is_voter && seat->status.raft.has_foreign_disk;
    vlot__unlock(&seat->status_lock);
    set(seat, VLOT_LINT_BLANK_DISK, !is_majority && is_lost, lost, voters);
    set(seat, VLOT_LINT_DISKS_LOST, is_majority && is_lost, lost, voters);
  }
}

/* Said of the first seat, because it is nobody's. */
static void look_for_leader(vlot_cluster *cluster, vlot__seat *seat) {
  uint64_t longest = cluster->options.raft.election_ticks_max;
  vlot__lock(&cluster->stats_lock);
  bool has_leader = cluster->leaders > 0;
  uint64_t since = cluster->leaderless_since;
  vlot__unlock(&cluster->stats_lock);
  uint64_t ticks = has_leader ? 0 : vlot__now(cluster) - since;
  set(seat, VLOT_LINT_NO_LEADER, ticks >= LEADERLESS_TIMES * longest, ticks, longest);
}

static void look_for_suspended(vlot_cluster *cluster) {
  uint32_t suspended = 0, voters = 0;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__lock(&seat->status_lock);
    bool is_voter = seat->status.raft.is_voter;
    vlot__unlock(&seat->status_lock);
    voters += is_voter;
    suspended += is_voter && atomic_load(&seat->state) == VLOT_NODE_SUSPENDED;
  }
  bool is_majority = suspended > 0 && voters - suspended < voters / 2 + 1;
  VLOT__FOR_EACH_SEAT (seat, cluster)
    set(seat, VLOT_LINT_SUSPENDED, is_majority && atomic_load(&seat->state) == VLOT_NODE_SUSPENDED,
        suspended, voters);
}

/* Something is to be durable, and at look after look no more of it is. */
static void look_at_disk(vlot__seat *seat, const vlot_node_status *status) {
  vlot__lint_trend *trend = watch_of(seat, VLOT_LINT_DISK_STALLED);
  uint64_t durable = status->raft.durable_index;
  bool is_running = status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
  bool waits = is_running &&
               (durable < status->raft.last_index || status->raft.durable_term < status->raft.term);
  trend->rises = waits && durable == trend->value ? trend->rises + 1 : 0;
  trend->value = durable;
  set(seat, VLOT_LINT_DISK_STALLED, trend->rises >= STALLED_LOOKS,
      (uint64_t)trend->rises * LOOK_TICKS, durable);
  bool has_failed =
      status->state == VLOT_NODE_FENCED && status->raft.fenced_why == VLOT_WHY_WRITE_FAILED;
  set(seat, VLOT_LINT_DISK_FAILED, has_failed, status->fenced_tick, 0);
}

static uint32_t count_without_memory(vlot_cluster *cluster) {
  uint32_t count = 0;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__lock(&seat->status_lock);
    count += atomic_load(&seat->state) == VLOT_NODE_FENCED &&
             seat->status.raft.fenced_why == VLOT_WHY_NO_MEMORY;
    vlot__unlock(&seat->status_lock);
  }
  return count;
}

/* One call or a thousand, it is told when it begins; and again when there was none for a while. A
 * debugger that stands in such a call makes it slow: that is not told. */
static void look_at_calls(vlot__seat *seat, uint32_t number, vlot__slow_calls *slow) {
  vlot__lock(&seat->status_lock);
  uint64_t ns = slow->ns;
  slow->ns = 0;
  vlot__unlock(&seat->status_lock);
  if (ns > 0 && vlot__traced_is(&seat->cluster->host->traced)) ns = 0;
  const vlot__lint_trend *trend = watch_of(seat, number);
  slow->quiet = ns > 0 ? 0 : slow->quiet + 1;
  if (ns > 0 && (!trend->is_on || ns / 1000000 > trend->lint.value))
    set(seat, number, true, ns / 1000000, vlot__slow_limit_ns(seat->cluster) / 1000000);
  else if (trend->is_on && slow->quiet >= SLOW_LOOKS)
    set(seat, number, false, 0, 0);
}

static void look_at_log(vlot__seat *seat, const vlot_node_status *status) {
  vlot__lint_trend *trend = watch_of(seat, VLOT_LINT_LONG_LOG);
  uint64_t mib = status->raft.log_bytes >> 20;
  bool is_kept = seat->cluster->options.snapshot_bytes == 0 && status->state == VLOT_NODE_UP;
  bool is_long = is_kept && mib >= LOG_MIB;
  bool is_again = is_long && mib >= 2 * trend->value;
  if (is_again) set(seat, VLOT_LINT_LONG_LOG, false, 0, 0);
  if (is_again || !is_long) trend->value = is_long ? mib : 0;
  set(seat, VLOT_LINT_LONG_LOG, is_long, mib, status->raft.last_index);
}

static vlot_node_status read_status(vlot__seat *seat) {
  vlot_node_status status = {0};
  if (!vlot__may_step(seat->cluster)) return vlot__seat_status(seat);
  status.state = atomic_load(&seat->state);
  if (seat->node) vlot__node_get_status(seat->node, &status);
  status.mailbox = seat->parked_mail.count;
  return status;
}

static void look_at(vlot__seat *seat, const vlot_node_status *status, uint64_t commit,
                    uint64_t recent) {
  bool is_up = status->state == VLOT_NODE_UP;
  uint64_t mails = is_up || status->state == VLOT_NODE_SUSPENDED ? status->mailbox : 0;
  uint64_t lag = is_up && commit > status->applied_index ? commit - status->applied_index : 0;
  /* what was committed since the last look is under way */
  uint64_t floor = recent > ENTRIES_MIN ? recent : ENTRIES_MIN;
  vlot__lint_trend *mailbox = watch_of(seat, VLOT_LINT_MAILBOX_GROWS),
                   *behind = watch_of(seat, VLOT_LINT_FALLS_BEHIND);
  uint64_t before = mailbox->value;
  set(seat, VLOT_LINT_MAILBOX_GROWS, grows(mailbox, mails, MAILS_MIN), mails, before);
  set(seat, VLOT_LINT_FALLS_BEHIND, grows(behind, lag, floor), lag, status->applied_index);
  look_at_log(seat, status);
  set(seat, VLOT_LINT_NO_QUORUM_CONTACT, is_up && status->raft.lacks_quorum, status->raft.term,
      seat->cluster->options.raft.election_ticks_min);
  bool lacks_memory =
      status->state == VLOT_NODE_FENCED && status->raft.fenced_why == VLOT_WHY_NO_MEMORY;
  set(seat, VLOT_LINT_OUT_OF_MEMORY, lacks_memory, status->fenced_tick,
      lacks_memory ? count_without_memory(seat->cluster) : 0);
  if (vlot__driver_of(seat->cluster) != &vlot__driver_threads) return;
  look_at_calls(seat, VLOT_LINT_SLOW_APPLY, &seat->slow_calls[VLOT__SLOW_APPLY]);
  look_at_calls(seat, VLOT_LINT_SLOW_QUERY, &seat->slow_calls[VLOT__SLOW_QUERY]);
  look_at_calls(seat, VLOT_LINT_SLOW_SNAPSHOT, &seat->slow_calls[VLOT__SLOW_SNAPSHOT]);
}

static void look(vlot_cluster *cluster) {
  uint64_t commit = 0;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_status status = read_status(seat);
    if (status.raft.commit_index > commit) commit = status.raft.commit_index;
  }
  look_at_disks(cluster);
  look_for_leader(cluster, vlot__seats_above(cluster, 0));
  look_for_suspended(cluster);
  uint64_t recent = commit > cluster->seen_commit ? commit - cluster->seen_commit : 0;
  cluster->seen_commit = commit;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_status status = read_status(seat);
    look_at(seat, &status, commit, recent);
    look_at_disk(seat, &status);
  }
}

void vlot__lint_look(vlot_cluster *cluster) {
  atomic_store_explicit(&cluster->next_look, vlot__now(cluster) + LOOK_TICKS, memory_order_relaxed);
  look(cluster);
}

/* The settings, with the members that there are now: those of the configuration in force at the
 * leader, without one those that it was opened with. */
static void add_settings(vlot_cluster *cluster, vlot__lint_list *all) {
  uint32_t leader = vlot__leader(cluster), count = cluster->bootstrap_count, voters = 0;
  vlot_configuration *configuration =
      leader ? vlot__seat_configuration(vlot__seat_of(cluster, leader)) : NULL;
  const vlot_member *members =
      configuration ? vlot_configuration_members(configuration, &count) : cluster->bootstrap;
  for (uint32_t k = 0; k < count; k++) voters += !members[k].is_learner;
  vlot__lint_add_settings(all, &cluster->options, count, voters);
  vlot_configuration_release(configuration);
}

void vlot__lint_open(vlot_cluster *cluster) {
  vlot_lint lints[VLOT_LINT_NUMBERS];
  if (!cluster->options.has_lints) return;
  vlot__lint_list all = {.lints = lints, .capacity = VLOT_LINT_NUMBERS};
  add_settings(cluster, &all);
  vlot__control_begin(cluster);
  for (size_t k = 0; k < all.count; k++) say(cluster, &lints[k]);
  look_at_disks(cluster);
  vlot__control_end(cluster);
  atomic_store(&cluster->next_look, LOOK_TICKS);
}

size_t vlot_cluster_lint(vlot_cluster *cluster, vlot_lint *lints, size_t capacity) {
  VLOT_GIVEN(cluster);
  vlot__lint_list all = {.lints = lints, .capacity = capacity};
  VLOT__VISIT(cluster, 0);
  if (!cluster->options.has_lints) return 0;
  add_settings(cluster, &all);
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__lock(&seat->status_lock);
    for (size_t w = 0; w < VLOT__LINT_TRENDS; w++) {
      const vlot__lint_trend *trend = &seat->trends[w];
      if (trend->is_on)
        vlot__lint_add(&all, trend->lint.number, seat->id, trend->lint.value, trend->lint.other);
    }
    vlot__unlock(&seat->status_lock);
  }
  return all.count;
}
