/* The cluster at one moment, copied: what answers to `why` are reckoned from, when it goes on
 * again. */
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "cluster/by_id.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/look.h"
#include "cluster/refuse.h"
#include "cluster/why_inside.h"

/* --- all seats stand still --- */

/* A suspended node's actor is held as any other. */
static void hold_all(vlot__moment *moment, vlot_cluster *cluster) {
  for (size_t k = 0; k < moment->member_count; k++) {
    vlot__why_member *member = &moment->members[k];
    vlot__seat *seat = vlot__seat_of(cluster, member->id);
    member->is_stuck = seat->node && vlot__driver_of(cluster)->hold(seat) != VLOT_OK;
  }
}

static void unhold_all(vlot__moment *moment, vlot_cluster *cluster) {
  for (size_t k = 0; k < moment->member_count; k++) {
    vlot__seat *seat = vlot__seat_of(cluster, moment->members[k].id);
    if (seat->node && !moment->members[k].is_stuck) vlot__driver_of(cluster)->unhold(seat);
  }
}

/* --- what is copied --- */

static bool meet(vlot__moment *moment, vlot_cluster *cluster) {
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    void *members = moment->members;
    size_t place = vlot__by_id_enter(moment->allocator, &members, &moment->member_count,
                                     &moment->member_capacity, sizeof *moment->members, seat->id);
    moment->members = members;
    if (place == SIZE_MAX) return false;
  }
  return true;
}

/* Terms go up along a log: where the run of one ends is found by halving. */
static void copy_runs(vlot__moment *moment, const vlot_raft *raft) {
  vlot_raft_status status;
  vlot_entry entry;
  uint64_t term, other;
  vlot_raft_get_status(raft, &status);
  uint64_t from =
      status.commit_index > status.base_index ? status.commit_index : status.first_index;
  while (from <= status.last_index && moment->run_count < VLOT__WHY_RUNS &&
         vlot_raft_get_entry(raft, from, &term, &entry) == VLOT_OK) {
    uint64_t low = from, high = status.last_index + 1;
    while (high - low > 1) {
      uint64_t middle = low + (high - low) / 2;
      if (vlot_raft_get_entry(raft, middle, &other, &entry) == VLOT_OK && other == term)
        low = middle;
      else
        high = middle;
    }
    moment->runs[moment->run_count++] = (vlot__why_run){.from = from, .term = term};
    from = high;
  }
}

/* False: there is no memory. */
static bool copy_sending(vlot__moment *moment, const vlot_raft *raft) {
  for (size_t k = 0; k < moment->member_count; k++) {
    void *sending = moment->sending;
    vlot_progress progress;
    if (vlot_raft_get_progress(raft, moment->members[k].id, &progress) != VLOT_OK ||
        progress.state != VLOT_PROGRESS_SNAPSHOT)
      continue;
    bool has_room = vlot__alloc_grow(moment->allocator, &sending, &moment->sending_capacity,
                                     moment->sending_count + 1, sizeof *moment->sending);
    moment->sending = sending;
    if (!has_room) return false;
    moment->sending[moment->sending_count++] = progress;
  }
  return true;
}

static bool take_member(vlot__moment *moment, vlot__seat *seat, vlot__why_member *member,
                        uint64_t index) {
  vlot_entry entry;
  member->status = vlot__seat_status(seat);
  if (index > 0 && seat->node && !member->is_stuck)
    member->has_entry = vlot_raft_get_entry(vlot__node_raft(seat->node), index, &member->entry_term,
                                            &entry) == VLOT_OK;
  if (member->id != moment->leader || !seat->node || member->is_stuck) return true;
  copy_runs(moment, vlot__node_raft(seat->node));
  return copy_sending(moment, vlot__node_raft(seat->node));
}

/* The ring of one seat (0: the cluster), and before it the rare ones that it has lost. */
static bool take_ring(vlot__moment *moment, vlot_cluster *cluster, uint32_t id) {
  vlot_event rare[VLOT_RARE_EVENTS];
  const size_t capacity = cluster->options.ring_events;
  vlot_event *events = vlot__alloc(moment->allocator, capacity, sizeof *events);
  if (!events) return false;
  const vlot__seat *seat = id ? vlot__seat_of(cluster, id) : NULL;
  size_t rare_count = vlot__seat_events(cluster, seat, true, rare, VLOT_RARE_EVENTS);
  size_t count = vlot__seat_events(cluster, seat, false, events, capacity);
  for (size_t k = 0; k < rare_count && count > 0 && rare[k].sequence < events[0].sequence; k++)
    vlot_past_add(moment->past, &rare[k]);
  for (size_t k = 0; k < count; k++) vlot_past_add(moment->past, &events[k]);
  vlot__alloc_free(moment->allocator, events);
  return true;
}

static bool take_past(vlot__moment *moment, vlot_cluster *cluster) {
  uint32_t most = cluster->options.ring_events < 128 ? 256 : 2 * cluster->options.ring_events;
  if (vlot_past_open(&moment->past, moment->allocator, most) != VLOT_OK ||
      !take_ring(moment, cluster, 0))
    return false;
  for (size_t k = 0; k < moment->member_count; k++)
    if (!moment->members[k].is_stuck && !take_ring(moment, cluster, moment->members[k].id))
      return false;
  return true;
}

static bool add_cut(vlot__moment *moment, uint32_t from, uint32_t to) {
  void *cuts = moment->cuts;
  bool has_room = vlot__alloc_grow(moment->allocator, &cuts, &moment->cut_capacity,
                                   moment->cut_count + 1, sizeof *moment->cuts);
  moment->cuts = cuts;
  if (has_room) moment->cuts[moment->cut_count++] = (vlot__why_cut){.from = from, .to = to};
  return has_room;
}

/* The lock is a leaf, and nothing may be allocated under it by a host's allocator: one link at a
 * time. */
static bool take_cuts(vlot__moment *moment, vlot_cluster *cluster) {
  for (size_t a = 0; a < moment->member_count; a++) {
    uint32_t from = moment->members[a].id;
    vlot__seat *seat = vlot__seat_of(cluster, from);
    if (atomic_load(&seat->faulty_links) == 0) continue;
    for (size_t b = 0; b < moment->member_count; b++) {
      vlot_link link;
      uint32_t to = moment->members[b].id;
      if (a != b && vlot_cluster_get_link(cluster, from, to, &link) == VLOT_OK && link.is_cut &&
          !add_cut(moment, from, to))
        return false;
    }
  }
  return true;
}

/* --- what is pending --- */

static bool add_pending(vlot__moment *moment, const vlot_pending *one) {
  void *pending = moment->pending;
  bool has_room = vlot__alloc_grow(moment->allocator, &pending, &moment->pending_capacity,
                                   moment->pending_count + 1, sizeof *moment->pending);
  moment->pending = pending;
  if (has_room) moment->pending[moment->pending_count++] = *one;
  return has_room;
}

/* With threads the clock knows what is due: timers, and what disks have under way. */
static bool take_due(vlot__moment *moment, vlot_cluster *cluster) {
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_state state = atomic_load(&seat->state);
    vlot_pending timer = {.id = VLOT_PENDING_TIMER_ID(seat->id),
                          .kind = VLOT_PENDING_TIMER,
                          .node = seat->id,
                          .due = atomic_load(&seat->due)};
    vlot_pending write = {.id = VLOT_PENDING_WRITE_ID(seat->id),
                          .kind = VLOT_PENDING_WRITE,
                          .node = seat->id,
                          .due = seat->disk ? vlot__disk_next_due(seat->disk) : VLOT_NEVER};
    size_t place =
        vlot__by_id_find(moment->members, moment->member_count, sizeof *moment->members, seat->id);
    if (place == SIZE_MAX || (state != VLOT_NODE_UP && state != VLOT_NODE_SUSPENDED)) continue;
    timer.due_for = moment->members[place].status.raft.next_due;
    if (state == VLOT_NODE_UP && timer.due != VLOT_NEVER && !add_pending(moment, &timer))
      return false;
    if (seat->disk && vlot__disk_pending(seat->disk, NULL, 0) > 0 && !add_pending(moment, &write))
      return false;
  }
  return true;
}

static int by_id(const void *left, const void *right) {
  const vlot_pending *a = left, *b = right;
  return a->id < b->id ? -1 : a->id > b->id;
}

/* Where this thread steps the cluster. Whoever has control may not ask. */
static bool take_pending(vlot__moment *moment, vlot_cluster *cluster) {
  moment->pending_capacity = vlot_lockstep_pending(cluster, NULL, 0);
  if (moment->pending_capacity == 0) return true;
  moment->pending =
      vlot__alloc(moment->allocator, moment->pending_capacity, sizeof *moment->pending);
  if (!moment->pending) return false;
  moment->pending_count = vlot_lockstep_pending(cluster, moment->pending, moment->pending_capacity);
  return true;
}

static bool copy_all(vlot__moment *moment, vlot_cluster *cluster, uint64_t index, bool wants_past) {
  moment->now = vlot__now(cluster);
  moment->leader = vlot__leader(cluster);
  moment->obstacle = vlot_cluster_leaderless_why(cluster);
  moment->raft = &cluster->options.raft;
  bool is_whole = true;
  for (size_t k = 0; k < moment->member_count; k++) {
    vlot__why_member *member = &moment->members[k];
    is_whole = take_member(moment, vlot__seat_of(cluster, member->id), member, index) && is_whole;
  }
  is_whole = is_whole && (!wants_past || take_past(moment, cluster)) &&
             take_cuts(moment, cluster) && (moment->is_stepped || take_due(moment, cluster));
  if (is_whole && moment->pending_count > 0) /* ids differ: there are no ties */
    qsort(moment->pending, moment->pending_count, sizeof *moment->pending, by_id);
  return is_whole;
}

vlot_result vlot__moment_take(vlot__moment *moment, vlot_cluster *cluster, uint64_t index,
                              bool wants_past) {
  *moment = (vlot__moment){.allocator = cluster->allocator, .is_stepped = vlot__may_step(cluster)};
  bool is_whole = !moment->is_stepped || take_pending(moment, cluster);
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) {
    vlot__moment_deinit(moment);
    return result;
  }
  is_whole = is_whole && meet(moment, cluster);
  if (is_whole) {
    hold_all(moment, cluster);
    is_whole = copy_all(moment, cluster, index, wants_past);
    unhold_all(moment, cluster);
  }
  vlot__control_end(cluster);
  if (is_whole) return VLOT_OK;
  vlot__moment_deinit(moment);
  return vlot__refuse(VLOT_NOMEM, "no memory for what the cluster is like");
}

void vlot__moment_deinit(vlot__moment *moment) {
  vlot__alloc_free(moment->allocator, moment->members);
  vlot__alloc_free(moment->allocator, moment->pending);
  vlot__alloc_free(moment->allocator, moment->cuts);
  vlot__alloc_free(moment->allocator, moment->sending);
  vlot_past_close(moment->past);
  *moment = (vlot__moment){.allocator = moment->allocator};
}

/* --- looking at it --- */

vlot_node_status vlot__why_status(const why *at, uint32_t id) {
  const vlot__moment *moment = at->moment;
  size_t place =
      vlot__by_id_find(moment->members, moment->member_count, sizeof *moment->members, id);
  return place == SIZE_MAX ? (vlot_node_status){.id = id} : moment->members[place].status;
}

uint32_t vlot__why_next(const why *at, uint32_t id) {
  const vlot__moment *moment = at->moment;
  size_t place =
      vlot__by_id_search(moment->members, moment->member_count, sizeof *moment->members, id + 1);
  return place < moment->member_count ? moment->members[place].id : 0;
}

uint64_t vlot__why_term(const why *at, uint64_t index) {
  uint64_t term = 0;
  for (size_t k = 0; k < at->moment->run_count && at->moment->runs[k].from <= index; k++)
    term = at->moment->runs[k].term;
  return term;
}

bool vlot__why_is_cut(const why *at, uint32_t from, uint32_t to) {
  for (size_t k = 0; k < at->moment->cut_count; k++)
    if (at->moment->cuts[k].from == from && at->moment->cuts[k].to == to) return true;
  return false;
}

const vlot_pending *vlot__why_find_pending(const why *at, uint64_t id) {
  size_t low = 0, high = at->moment->pending_count;
  const vlot_pending *pending = at->moment->pending;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (pending[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < at->moment->pending_count && pending[low].id == id ? &pending[low] : NULL;
}

bool vlot__why_is_copy(const vlot_event *sent) {
  return sent->kind == VLOT_EVENT_SENT &&
         (sent->why == VLOT_WHY_LINK_DUPLICATE || sent->why == VLOT_WHY_COPIED);
}

const vlot_event *vlot__why_first_of(const why *at, const vlot_event *sent) {
  const vlot_event *from = vlot__why_is_copy(sent) ? vlot_past_find(at->past, sent->cause) : NULL;
  return from && from->kind == VLOT_EVENT_SENT ? vlot__why_first_of(at, from) : sent;
}
