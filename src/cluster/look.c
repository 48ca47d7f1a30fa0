/* Looking at a cluster: status, statistics, the last events. */
#include "cluster/look.h"

#include "base/assert.h"
#include "base/lock.h"
#include "cluster/asked.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/refuse.h"

uint32_t vlot_cluster_nodes(const vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT(cluster, 0);
  return vlot__seats_count(cluster);
}

uint32_t vlot_cluster_ids(const vlot_cluster *cluster, uint32_t *ids, uint32_t capacity) {
  VLOT_GIVEN(cluster);
  uint32_t count = 0;
  VLOT__VISIT(cluster, 0);
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (count < capacity) ids[count] = seat->id;
    count++;
  }
  return count;
}

uint64_t vlot_cluster_now(vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT(cluster, 0);
  return vlot__now(cluster);
}

static void fill_status(vlot__seat *seat, vlot_node_status *status) {
  vlot__node_get_status(seat->node, status);
  status->id = seat->id;
  status->incarnation = seat->incarnation;
  status->is_learner = !status->raft.is_voter;
  status->disk_id = seat->disk_id;
  status->clock_permille = atomic_load(&seat->clock_permille);
}

static void keep_configuration(vlot__seat *seat) {
  vlot_configuration *now = vlot_raft_configuration(vlot__node_raft(seat->node), NULL);
  if (now == seat->configuration) return;
  vlot_configuration_release(seat->configuration);
  seat->configuration = vlot_configuration_retain(now);
}

void vlot__seat_publish(vlot__seat *seat) {
  vlot__lock(&seat->status_lock);
  fill_status(seat, &seat->status);
  keep_configuration(seat);
  vlot__asked_publish(seat);
  seat->status_tick = vlot__now(seat->cluster);
  vlot__unlock(&seat->status_lock);
}

vlot_configuration *vlot__seat_configuration(vlot__seat *seat) {
  vlot__lock(&seat->status_lock);
  vlot_configuration *configuration = vlot_configuration_retain(seat->configuration);
  vlot__unlock(&seat->status_lock);
  return configuration;
}

vlot_node_status vlot__seat_status(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  vlot_node_state state = atomic_load(&seat->state);
  /* first: what is not in the mailbox any more shows in the status, once its turn has ended */
  uint64_t mailbox = vlot__driver_of(cluster)->queued(seat);
  if (vlot__may_step(cluster) && seat->node) vlot__seat_publish(seat);
  vlot__lock(&seat->status_lock);
  vlot_node_status status = seat->status;
  status.slow_calls = seat->slow_count;
  status.age_ticks = vlot__now(cluster) - seat->status_tick;
  vlot__unlock(&seat->status_lock);
  status.id = seat->id;
  status.state = state;
  status.clock_permille = atomic_load(&seat->clock_permille);
  if (seat->disk) status.lost_writes = vlot__disk_lost(seat->disk);
  status.mailbox = mailbox;
  return status;
}

vlot_result vlot_cluster_get_status(vlot_cluster *cluster, uint32_t id, vlot_node_status *status) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(status);
  *status = (vlot_node_status){.id = id};
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat = vlot__seat_of(cluster, id);
  if (!seat) return vlot__refuse_member(id);
  *status = vlot__seat_status(seat);
  return VLOT_OK;
}

uint32_t vlot__leader(vlot_cluster *cluster) {
  uint32_t leader = 0;
  uint64_t term = 0;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_status status = vlot__seat_status(seat);
    bool leads = status.state == VLOT_NODE_UP && status.raft.role == VLOT_ROLE_LEADER;
    if (!leads || status.raft.term <= term) continue;
    leader = seat->id;
    term = status.raft.term;
  }
  return leader;
}

uint32_t vlot_cluster_leader(vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT(cluster, 0);
  return vlot__leader(cluster);
}

bool vlot__has_lost_disks(vlot_cluster *cluster, uint32_t *lost, uint32_t *voters) {
  vlot__seat *seat;
  *lost = *voters = 0;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__lock(&seat->status_lock);
    *voters += seat->status.raft.is_voter;
    *lost += seat->status.raft.is_voter && seat->status.raft.has_foreign_disk;
    vlot__unlock(&seat->status_lock);
  }
  return *voters > 0 && *voters - *lost < *voters / 2 + 1;
}

/* Are so many voters fenced for want of memory that no quorum of them is left? */
static bool lacks_memory(vlot_cluster *cluster) {
  uint32_t voters = 0, fenced = 0;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    bool is_fenced = atomic_load(&seat->state) == VLOT_NODE_FENCED;
    vlot__lock(&seat->status_lock);
    bool is_voter = seat->status.raft.is_voter;
    fenced += is_voter && is_fenced && seat->status.raft.fenced_why == VLOT_WHY_NO_MEMORY;
    voters += is_voter;
    vlot__unlock(&seat->status_lock);
  }
  return fenced > 0 && voters - fenced < voters / 2 + 1;
}

vlot_why vlot_cluster_leaderless_why(vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  uint32_t lost, voters;
  VLOT__VISIT(cluster, VLOT_WHY_CLUSTER_CLOSED);
  if (vlot__leader(cluster)) return VLOT_WHY_NONE;
  if (vlot__has_lost_disks(cluster, &lost, &voters)) return VLOT_WHY_DISKS_LOST;
  return lacks_memory(cluster) ? VLOT_WHY_NO_MEMORY : VLOT_WHY_NO_LEADER;
}

/* Between two of its turns. */
typedef vlot_result look_at(vlot__node *node, void *context);

static vlot_result look_between(vlot_cluster *cluster, uint32_t id, look_at *look, void *context) {
  vlot__seat *seat = vlot__seat_of(cluster, id);
  if (!seat) return vlot__refuse_member(id);
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  result = VLOT_TIMEOUT;
  if (!seat->node)
    result = vlot__refuse_down(id);
  else if (vlot__driver_of(cluster)->hold(seat) == VLOT_OK) {
    result = look(seat->node, context);
    vlot__driver_of(cluster)->unhold(seat);
  }
  if (result == VLOT_TIMEOUT)
    vlot__refuse_value(result,
                       "node {0} did not end its turn within stop_ns: its user code takes too long",
                       id, 0);
  vlot__control_end(cluster);
  return result;
}

typedef struct hashed {
  uint32_t id;
  uint64_t *hash, *applied;
} hashed;

static vlot_result look_hash(vlot__node *node, void *context) {
  const hashed *out = context;
  if (vlot__node_is_fenced(node))
    return vlot__refuse_value(
        VLOT_FENCED, "node {0} is fenced: what it last had says nothing of the others", out->id, 0);
  return vlot__node_hash(node, out->hash, out->applied);
}

vlot_result vlot_cluster_hash(vlot_cluster *cluster, uint32_t id, uint64_t *hash,
                              uint64_t *applied) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(hash);
  VLOT_GIVEN(applied);
  *hash = *applied = 0;
  VLOT__VISIT_RESULT(cluster);
  return look_between(cluster, id, look_hash,
                      &(hashed){.id = id, .hash = hash, .applied = applied});
}

typedef struct looker {
  vlot_cluster_looker *look;
  void *context;
} looker;

static vlot_result look_in(vlot__node *node, void *context) {
  const looker *by = context;
  by->look(by->context, vlot__node_raft(node), vlot__node_machine(node));
  return VLOT_OK;
}

vlot_result vlot_cluster_look(vlot_cluster *cluster, uint32_t id, vlot_cluster_looker *look,
                              void *context) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(look);
  VLOT__VISIT_RESULT(cluster);
  return look_between(cluster, id, look_in, &(looker){.look = look, .context = context});
}

static void add_traffic(vlot_cluster_stats *stats, const vlot__traffic *traffic) {
  stats->sent += atomic_load_explicit(&traffic->sent, memory_order_relaxed);
  stats->delivered += atomic_load_explicit(&traffic->delivered, memory_order_relaxed);
  stats->dropped += atomic_load_explicit(&traffic->dropped, memory_order_relaxed);
}

/* Ticks that have passed since the last action. */
static uint64_t idle_ticks(vlot_cluster *cluster) {
  const vlot__lockstep *lockstep = &cluster->lockstep;
  bool is_idle = vlot__driver_of(cluster)->is_stepped && lockstep->idle_action == cluster->action;
  return is_idle ? vlot__now(cluster) - lockstep->idle_from : 0;
}

void vlot_cluster_get_stats(vlot_cluster *cluster, vlot_cluster_stats *stats) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(stats);
  *stats = (vlot_cluster_stats){0};
  VLOT__VISIT(cluster, );
  vlot__lock(&cluster->stats_lock);
  *stats = cluster->stats;
  stats->lent_turns = atomic_load_explicit(&cluster->lent_turns, memory_order_relaxed);
  if (cluster->leaders == 0)
    stats->leaderless_ticks += vlot__now(cluster) - cluster->leaderless_since;
  vlot__unlock(&cluster->stats_lock);
  add_traffic(stats, &cluster->traffic);
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_status status = vlot__seat_status(seat);
    if (status.raft.commit_index > stats->commits) stats->commits = status.raft.commit_index;
    add_traffic(stats, &seat->traffic);
  }
  if (!vlot__may_step(cluster)) return; /* another thread counts them, while it has paused it */
  stats->actions = cluster->action;
  stats->idle_ticks = idle_ticks(cluster);
  stats->event_hash = cluster->observer.hash;
}

static size_t copy_ring(const vlot_cluster *cluster, const vlot_event *ring, uint64_t sequence,
                        vlot_event *events, size_t capacity) {
  uint64_t kept = sequence < cluster->options.ring_events ? sequence : cluster->options.ring_events;
  if (kept > capacity) kept = capacity;
  for (uint64_t k = 0; k < kept; k++)
    events[k] = ring[(sequence - kept + 1 + k) & (cluster->options.ring_events - 1)];
  return (size_t)kept;
}

static size_t copy_rare(const vlot__rare *rare, vlot_event *events, size_t capacity) {
  uint64_t kept = rare->count < rare->capacity ? rare->count : rare->capacity;
  if (kept > capacity) kept = capacity;
  for (uint64_t k = 0; k < kept; k++)
    events[k] = rare->events[(rare->count - kept + k) % rare->capacity];
  return (size_t)kept;
}

size_t vlot__seat_events(const vlot_cluster *cluster, const vlot__seat *seat, bool is_rare,
                         vlot_event *events, size_t capacity) {
  if (is_rare) return copy_rare(seat ? &seat->rare : &cluster->rare, events, capacity);
  return seat ? copy_ring(cluster, seat->events, seat->sequence, events, capacity)
              : copy_ring(cluster, cluster->events, cluster->sequence, events, capacity);
}

static size_t take_events(vlot_cluster *cluster, uint32_t id, bool is_rare, vlot_event *events,
                          size_t capacity) {
  VLOT__VISIT(cluster, 0);
  vlot__seat *seat = vlot__seat_of(cluster, id);
  size_t count = 0;
  if ((id != 0 && !seat) || vlot__control_take(cluster) != VLOT_OK) return 0;
  if (id == 0) {
    count = vlot__seat_events(cluster, NULL, is_rare, events, capacity);
  } else if (vlot__driver_of(cluster)->hold(seat) == VLOT_OK) {
    count = vlot__seat_events(cluster, seat, is_rare, events, capacity);
    vlot__driver_of(cluster)->unhold(seat);
  }
  vlot__control_end(cluster);
  return count;
}

size_t vlot_cluster_events(vlot_cluster *cluster, uint32_t id, vlot_event *events,
                           size_t capacity) {
  VLOT_GIVEN(cluster);
  return take_events(cluster, id, false, events, capacity);
}

size_t vlot_cluster_rare_events(vlot_cluster *cluster, uint32_t id, vlot_event *events,
                                size_t capacity) {
  VLOT_GIVEN(cluster);
  return take_events(cluster, id, true, events, capacity);
}
