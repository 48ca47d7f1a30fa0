/* Waiting for what a cluster comes to, so that nobody writes a sleep loop. */
#include "cluster/await.h"

#include "base/assert.h"
#include "cluster/change.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/look.h"
#include "cluster/refuse.h"

vlot_result vlot__await(vlot_cluster *cluster,
                        bool (*is_reached)(vlot_cluster *cluster, void *context), void *context,
                        uint64_t timeout_ticks) {
  uint64_t now = vlot__now(cluster);
  uint64_t deadline = timeout_ticks < VLOT_NEVER - 1 - now ? now + timeout_ticks : VLOT_NEVER - 1;
  if (vlot__waits_for_itself(cluster)) return vlot__refuse_node_thread();
  vlot_result result = vlot__driver_of(cluster)->await(cluster, is_reached, context, deadline);
  if (result == VLOT_CLOSED) return vlot__refuse_closed();
  if (result == VLOT_TIMEOUT)
    return vlot__refuse_value(
        result, "{0} ticks of the cluster clock have passed, and it has not come to that",
        timeout_ticks, 0);
  return result;
}

/* --- what a cluster comes to, unless it is interrupted --- */

typedef struct await {
  bool (*is_reached)(vlot_cluster *cluster, void *context);
  void *context;
  uint64_t interrupts; /* when it began */
  bool is_reached_now;
} await;

static bool is_over(vlot_cluster *cluster, void *context) {
  await *self = context;
  self->is_reached_now = self->is_reached(cluster, self->context);
  return self->is_reached_now || atomic_load(&cluster->interrupts) != self->interrupts;
}

vlot_result vlot__await_reached(vlot_cluster *cluster,
                                bool (*is_reached)(vlot_cluster *cluster, void *context),
                                void *context, uint64_t timeout_ticks) {
  await self = {.is_reached = is_reached, .context = context};
  if (vlot__waits_for_itself(cluster)) return vlot__refuse_node_thread();
  self.interrupts = vlot__await_begin(cluster);
  vlot_result result = vlot__await(cluster, is_over, &self, timeout_ticks);
  vlot__await_end(cluster);
  return result == VLOT_OK && !self.is_reached_now ? VLOT_INTERRUPTED : result;
}

vlot_result vlot_cluster_interrupt(vlot_cluster *cluster) {
  VLOT__VISIT_RESULT(cluster);
  vlot__await_interrupt(cluster);
  return VLOT_OK;
}

typedef struct follow {
  vlot_cluster *cluster;
  vlot_node_status leader;
} follow;

static bool follows(void *context, const vlot_member *member) {
  const follow *wanted = context;
  vlot__seat *seat = vlot__seat_of(wanted->cluster, member->id);
  if (!seat) return false;
  vlot_node_status status = vlot__seat_status(seat);
  if (status.state != VLOT_NODE_UP) return false;
  bool is_known = member->disk_id == 0 || member->disk_id == status.disk_id;
  return is_known && status.raft.leader == wanted->leader.id &&
         status.raft.term == wanted->leader.raft.term;
}

/* A leader whose quorum says so too: that of the configuration in force there. */
static bool has_leader(vlot_cluster *cluster, void *context) {
  uint32_t *id = context;
  follow wanted = {.cluster = cluster};
  *id = vlot__leader(cluster);
  if (*id == 0) return false;
  vlot__seat *seat = vlot__seat_of(cluster, *id);
  wanted.leader = vlot__seat_status(seat);
  vlot_configuration *configuration = vlot__seat_configuration(seat);
  bool has_quorum = configuration && vlot_configuration_has_quorum(configuration, follows, &wanted);
  vlot_configuration_release(configuration);
  return has_quorum;
}

vlot_result vlot_await_leader(vlot_cluster *cluster, uint64_t timeout_ticks, uint32_t *id) {
  VLOT_GIVEN(cluster);
  uint32_t leader = 0;
  if (id) *id = 0;
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = vlot__await_reached(cluster, has_leader, &leader, timeout_ticks);
  if (id && result == VLOT_OK) *id = leader;
  return result;
}

typedef struct goal {
  uint32_t id;
  uint64_t index;
  vlot_role role;
} goal;

static bool has_applied(vlot_cluster *cluster, void *context) {
  const goal *wanted = context;
  bool has_one = false; /* what holds of nobody is not reached */
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_status status = vlot__seat_status(seat);
    bool is_asked = wanted->id ? wanted->id == seat->id && status.state != VLOT_NODE_DOWN
                               : status.state == VLOT_NODE_UP;
    if (is_asked && status.applied_index < wanted->index) return false;
    if (is_asked) has_one = true;
  }
  return has_one;
}

vlot_result vlot_await_applied(vlot_cluster *cluster, uint32_t id, uint64_t index,
                               uint64_t timeout_ticks) {
  VLOT_GIVEN(cluster);
  goal wanted = {.id = id, .index = index};
  VLOT__VISIT_RESULT(cluster);
  if (id != 0 && !vlot__seat_of(cluster, id)) return vlot__refuse_member(id);
  return vlot__await_reached(cluster, has_applied, &wanted, timeout_ticks);
}

static bool has_role(vlot_cluster *cluster, void *context) {
  const goal *wanted = context;
  vlot_node_status status = vlot__seat_status(vlot__seat_of(cluster, wanted->id));
  return status.state == VLOT_NODE_UP && status.raft.role == wanted->role;
}

vlot_result vlot_await_role(vlot_cluster *cluster, uint32_t id, vlot_role role,
                            uint64_t timeout_ticks) {
  VLOT_GIVEN(cluster);
  goal wanted = {.id = id, .role = role};
  VLOT__VISIT_RESULT(cluster);
  if (!vlot__seat_of(cluster, id)) return vlot__refuse_member(id);
  return vlot__await_reached(cluster, has_role, &wanted, timeout_ticks);
}

/* Nodes that are up have all applied the same, and as much as any of them knows to be committed,
 * and nobody waits. *turns grows with each turn of any of them. */
static bool looks_quiet(vlot_cluster *cluster, uint64_t *turns) {
  uint64_t commit = 0, applied = UINT64_MAX;
  vlot__seat *seat;
  *turns = 0;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_node_status status = vlot__seat_status(seat);
    *turns += ((uint64_t)status.incarnation << 40) + status.turns;
    if (status.state != VLOT_NODE_UP) continue;
    if (status.mailbox > 0 || status.waiting > 0 || status.raft.held_messages > 0) return false;
    if (status.raft.durable_index < status.raft.last_index) return false;
    if (status.raft.commit_index > commit) commit = status.raft.commit_index;
    if (status.applied_index < applied) applied = status.applied_index;
  }
  bool has_one = applied != UINT64_MAX;
  return has_one && applied >= commit && !vlot__driver_of(cluster)->has_traffic(cluster);
}

/* Where nodes run meanwhile each is seen at another moment, and what one has sent is in the mailbox
 * of another that was seen before. So they are looked at again until no turn lies in between: the
 * second look shows that the turns which the first one saw have ended, the third that none has
 * begun since. */
static bool is_quiet(vlot_cluster *cluster, void *context) {
  uint64_t turns, again;
  (void)context;
  if (!looks_quiet(cluster, &turns)) return false;
  if (vlot__may_step(cluster)) return true;
  for (int k = 0; k < 2; k++)
    if (!looks_quiet(cluster, &again) || again != turns) return false;
  return true;
}

vlot_result vlot_await_quiet(vlot_cluster *cluster, uint64_t timeout_ticks) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  return vlot__await_reached(cluster, is_quiet, NULL, timeout_ticks);
}
