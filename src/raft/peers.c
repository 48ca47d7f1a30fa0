/* The members as seen from here. The table has whoever stands in the configuration in force, in its
 * order.
 *
 * Only who campaigns or leads looks at its peers: in a large cluster most nodes never touch this
 * memory. It is allocated at open, so that a campaign needs none.
 */
#include "base/alloc.h"
#include "raft/core.h"
#include "raft/sending.h"

static const vlot_configuration *in_force(const vlot_raft *raft) {
  return vlot__configs_top(&raft->configs)->configuration;
}

/* Members are mostly numbered 1 … n. */
static uint32_t peer_place(const vlot_raft *raft, uint32_t id) {
  const vlot_member *members = in_force(raft)->members;
  if (id - 1 < raft->peer_count && members[id - 1].id == id) return id - 1;
  uint32_t k = 0;
  while (k < raft->peer_count && members[k].id != id) k++;
  return k;
}

static void init_peer(vlot_raft *raft, uint32_t k) {
  const vlot_configuration *configuration = in_force(raft);
  vlot__peer *peer = &raft->peers[k];
  *peer = (vlot__peer){.id = configuration->members[k].id};
  for (uint32_t half = 0; half < configuration->half_count; half++) {
    const vlot_member *member = vlot__config_member(configuration, half, peer->id);
    if (!member) continue;
    peer->stands_in |= 1u << half;
    peer->disk_ids[half] = member->disk_id;
    if (!member->is_learner) peer->votes_in |= 1u << half;
  }
  vlot__ring_init(&peer->inflight, raft->allocator, sizeof(vlot__inflight));
}

static void find_self(vlot_raft *raft) {
  uint32_t k = peer_place(raft, raft->id);
  if (k == raft->peer_count) { /* it waits for a configuration, or stands in none */
    raft->outsider = (vlot__peer){.id = raft->id};
    vlot__ring_init(&raft->outsider.inflight, raft->allocator, sizeof(vlot__inflight));
    raft->self = &raft->outsider;
    return;
  }
  raft->self = &raft->peers[k];
  init_peer(raft, k);
  VLOT_ASSERT(raft->self->stands_in != 0);
}

bool vlot__peers_open(vlot_raft *raft) {
  uint32_t count = in_force(raft)->counts[0];
  raft->peers = vlot__alloc(raft->allocator, count, sizeof *raft->peers);
  raft->scratch = vlot__alloc(raft->allocator, 2 * (size_t)count, sizeof *raft->scratch);
  if (!raft->peers || !raft->scratch) return false;
  raft->peer_count = count;
  find_self(raft);
  return true;
}

static void free_spares(vlot_raft *raft) {
  vlot__alloc_free(raft->allocator, raft->spare_peers);
  vlot__alloc_free(raft->allocator, raft->spare_scratch);
  raft->spare_peers = NULL;
  raft->spare_scratch = NULL;
}

bool vlot__peers_reserve(vlot_raft *raft, const vlot_configuration *configuration) {
  uint32_t count = configuration->counts[0];
  free_spares(raft);
  if (vlot__config_is_same(configuration, in_force(raft))) return true;
  raft->spare_peers = vlot__alloc(raft->allocator, count, sizeof *raft->peers);
  raft->spare_scratch = vlot__alloc(raft->allocator, 2 * (size_t)count, sizeof *raft->scratch);
  if (raft->spare_peers && raft->spare_scratch) return true;
  free_spares(raft);
  return false;
}

void vlot__peers_make(vlot_raft *raft) {
  if (raft->has_peers) return;
  raft->has_peers = true;
  for (uint32_t k = 0; k < raft->peer_count; k++)
    if (&raft->peers[k] != raft->self) init_peer(raft, k);
}

vlot__peer *vlot__peer_find(vlot_raft *raft, uint32_t id) {
  uint32_t k = peer_place(raft, id);
  if (k == raft->peer_count) return NULL;
  vlot__peers_make(raft);
  VLOT_ASSERT(raft->peers[k].id == id);
  return &raft->peers[k];
}

static void deinit_peer(vlot_raft *raft, vlot__peer *peer) {
  vlot__sending_drop(raft, peer);
  vlot__ring_deinit(&peer->inflight);
}

static void close_table(vlot_raft *raft) {
  if (raft->self) deinit_peer(raft, raft->self);
  for (uint32_t k = 0; k < raft->peer_count && raft->has_peers; k++)
    if (&raft->peers[k] != raft->self) deinit_peer(raft, &raft->peers[k]);
  vlot__alloc_free(raft->allocator, raft->peers);
  vlot__alloc_free(raft->allocator, raft->scratch);
}

/* Progress and votes are of a follower's no concern: nothing of the old table is kept. */
void vlot__peers_change(vlot_raft *raft) {
  if (!raft->spare_peers) return; /* they are the same */
  VLOT_ASSERT(raft->role == VLOT_ROLE_FOLLOWER);
  close_table(raft);
  raft->peers = raft->spare_peers;
  raft->scratch = raft->spare_scratch;
  raft->spare_peers = NULL;
  raft->spare_scratch = NULL;
  raft->peer_count = in_force(raft)->counts[0];
  raft->has_peers = false;
  raft->votes_granted = 0;
  find_self(raft);
}

void vlot__peers_close(vlot_raft *raft) {
  close_table(raft);
  free_spares(raft);
}
