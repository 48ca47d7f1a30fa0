/* Watches: the last state of something, told when it is another. Nothing is queued: whoever tells
 * looks, and looks again when something has changed meanwhile. */
#include "vlot/watch.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/problem.h"
#include "cluster/door.h"
#include "cluster/host.h"
#include "cluster/look.h"
#include "cluster/refuse.h"
#include "cluster/wire.h"

struct vlot_watch {
  vlot__listener listener; /* first */
  vlot_cluster *cluster;   /* a reference to its struct */
  vlot_watch_options options;
  vlot__wire wire;
  pthread_mutex_t lock;
  vlot_watched state; /* that was looked at last; under the lock */
  uint64_t taken;     /* changes: of the state that was taken last; under the lock … */
  uint64_t told;      /* … and told, by who tells */
};

void vlot_watch_options_init(vlot_watch_options *options, vlot_watch_kind kind) {
  VLOT_GIVEN(options);
  *options = (vlot_watch_options){.size = sizeof *options, .kind = kind, .fd = -1};
}

/* --- looking --- */

static uint64_t applied_of(vlot__seat *seat) {
  vlot_node_status status = vlot__seat_status(seat);
  bool is_up = status.state == VLOT_NODE_UP || status.state == VLOT_NODE_SUSPENDED;
  return is_up ? status.applied_index : 0;
}

static vlot_watched watched_of(const vlot_watch *watch) {
  vlot_cluster *cluster = watch->cluster;
  vlot_watched now = {.node = watch->options.node};
  vlot__seat *seat;
  if (watch->options.kind == VLOT_WATCH_LEADER) {
    now.leader = vlot__leader(cluster);
    if (now.leader) now.term = vlot__seat_status(vlot__seat_of(cluster, now.leader)).raft.term;
    return now;
  }
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    uint64_t applied = now.node == 0 || now.node == seat->id ? applied_of(seat) : 0;
    if (applied > now.applied) now.applied = applied;
  }
  return now;
}

/* By the one thread that tells, or before there is one: an older look never follows a newer one. */
static void enter_state(vlot_watch *watch) {
  vlot_watched now = watched_of(watch);
  vlot__lock(&watch->lock);
  const vlot_watched *last = &watch->state;
  bool is_same = last->changes > 0 && last->leader == now.leader && last->term == now.term &&
                 last->applied == now.applied;
  now.changes = last->changes + 1;
  if (!is_same) watch->state = now;
  vlot__unlock(&watch->lock);
}

/* Of a cluster that is closing too: its last state. */
static void tell_watcher(vlot__listener *listener) {
  vlot_watch *watch = (vlot_watch *)(void *)listener;
  enter_state(watch);
  vlot__lock(&watch->lock);
  vlot_watched now = watch->state;
  vlot__unlock(&watch->lock);
  if (now.changes == watch->told) return;
  watch->told = now.changes;
  if (watch->options.told)
    watch->options.told(watch->options.context, &now);
  else
    vlot__wire_tell(&watch->wire);
}

bool vlot_watch_take(vlot_watch *watch, vlot_watched *state) {
  VLOT_GIVEN(watch);
  VLOT_GIVEN(state);
  *state = (vlot_watched){0};
  if (vlot__is_forked(watch->cluster)) return false;
  vlot__wire_taken(&watch->wire); /* first: what changes from here on is told again */
  vlot__lock(&watch->lock);
  *state = watch->state;
  bool is_new = state->changes != watch->taken;
  watch->taken = state->changes;
  vlot__unlock(&watch->lock);
  return is_new;
}

/* --- its life --- */

static void watch_free(vlot_watch *watch) {
  vlot_cluster *cluster = watch->cluster;
  pthread_mutex_destroy(&watch->lock);
  vlot__alloc_free(cluster->allocator, watch);
  vlot__cluster_release(cluster);
}

static void watch_gone(vlot__listener *listener) { watch_free((vlot_watch *)(void *)listener); }

static vlot_result check_watch(const vlot_cluster *cluster, const vlot_watch_options *options) {
  if (options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_watch_options_init() first");
  if (options->kind != VLOT_WATCH_LEADER && options->kind != VLOT_WATCH_APPLIED)
    return vlot__refuse_value(VLOT_INVALID, "kind {0}: VLOT_WATCH_LEADER or VLOT_WATCH_APPLIED",
                              options->kind, 0);
  if (options->kind == VLOT_WATCH_APPLIED && options->node != 0 &&
      !vlot__seat_of(cluster, options->node))
    return vlot__refuse_member(options->node);
  return vlot__wire_check(options->told != NULL, options->fd);
}

vlot_result vlot_watch_open(vlot_watch **out, vlot_cluster *cluster,
                            const vlot_watch_options *options) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(options);
  *out = NULL;
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = check_watch(cluster, options);
  if (result != VLOT_OK) return result;
  vlot_watch *watch = vlot__alloc_zero(cluster->allocator, 1, sizeof *watch);
  if (!watch) return vlot__refuse(VLOT_NOMEM, "no memory for a watch");
  vlot__cluster_retain(cluster);
  watch->cluster = cluster;
  watch->options = *options;
  watch->listener.tell = tell_watcher;
  watch->listener.gone = watch_gone;
  vlot__wire_init(&watch->wire, options->fd);
  pthread_mutex_init(&watch->lock, NULL);
  enter_state(watch);
  result = vlot__teller_add(cluster, &watch->listener);
  if (result == VLOT_BUSY) vlot__host_lacks_threads(cluster);
  if (result != VLOT_OK) {
    watch_free(watch);
    return result;
  }
  vlot__teller_news(cluster); /* of how it is now */
  vlot__teller_ended(cluster);
  *out = watch;
  return VLOT_OK;
}

void vlot_watch_close(vlot_watch *watch) {
  if (!watch || vlot__is_forked(watch->cluster)) return;
  if (vlot__teller_remove(watch->cluster, &watch->listener)) watch_free(watch);
}
