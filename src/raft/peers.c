/* The members as seen from here. The table has whoever stands in the configuration in force: those
 * of the half to come in their order, then, while it is joint, whoever stands in the old one only.
 *
 * Only who campaigns or leads looks at its peers: in a large cluster most nodes never touch this
 * memory. It is allocated at open, so that a campaign needs none. While joint it is filled in at
 * once.
 */
#include "base/alloc.h"
#include "raft/core.h"
#include "raft/sending.h"

static const vlot_configuration *in_force(const vlot_raft *raft) {
  return vlot__configs_top(&raft->configs)->configuration;
}

/* Members are mostly numbered 1 … n. A table that is not filled in is in the order of members. */
static uint32_t peer_place(const vlot_raft *raft, uint32_t id) {
  const vlot_member *members = in_force(raft)->members;
  uint32_t k = 0;
  if (raft->has_peers) {
    if (id - 1 < raft->peer_count && raft->peers[id - 1].id == id) return id - 1;
    while (k < raft->peer_count && raft->peers[k].id != id) k++;
    return k;
  }
  if (id - 1 < raft->peer_count && members[id - 1].id == id) return id - 1;
  while (k < raft->peer_count && members[k].id != id) k++;
  return k;
}

/* How it stands in the configuration in force; what it has answered is kept. */
static void stand(const vlot_raft *raft, vlot__peer *peer) {
  const vlot_configuration *configuration = in_force(raft);
  peer->stands_in = peer->votes_in = 0;
  for (uint32_t half = 0; half < configuration->half_count; half++) {
    const vlot_member *member = vlot__config_member(configuration, half, peer->id);
    if (!member) continue;
    peer->stands_in |= 1u << half;
    peer->disk_ids[half] = member->disk_id;
    if (!member->is_learner) peer->votes_in |= 1u << half;
  }
}

static void init_peer(const vlot_raft *raft, vlot__peer *peer, uint32_t id) {
  *peer = (vlot__peer){.id = id};
  stand(raft, peer);
  vlot__ring_init(&peer->inflight, raft->allocator, sizeof(vlot__inflight));
}

bool vlot__peers_reserve(vlot_raft *raft, uint32_t count) {
  if (count > raft->scratch_capacity) {
    uint64_t *scratch = vlot__alloc(raft->allocator, 2 * (size_t)count, sizeof *scratch);
    if (!scratch) return false;
    vlot__alloc_free(raft->allocator, raft->scratch);
    raft->scratch = scratch;
    raft->scratch_capacity = count;
  }
  if (count <= raft->spare_capacity) return true;
  vlot__peer *spare = vlot__alloc(raft->allocator, count, sizeof *spare);
  if (!spare) return false;
  vlot__alloc_free(raft->allocator, raft->spare_peers);
  raft->spare_peers = spare;
  raft->spare_capacity = count;
  return true;
}

void vlot__peers_make(vlot_raft *raft) {
  if (raft->has_peers) return;
  for (uint32_t k = 0; k < raft->peer_count; k++)
    if (&raft->peers[k] != raft->self)
      init_peer(raft, &raft->peers[k], in_force(raft)->members[k].id);
  raft->has_peers = true;
}

vlot__peer *vlot__peer_find(vlot_raft *raft, uint32_t id) {
  uint32_t k = peer_place(raft, id);
  if (k == raft->peer_count) return NULL;
  vlot__peers_make(raft);
  VLOT_ASSERT(raft->peers[k].id == id);
  return &raft->peers[k];
}

bool vlot__peers_have(const vlot_raft *raft, uint32_t id) {
  return peer_place(raft, id) < raft->peer_count;
}

static void deinit_peer(vlot_raft *raft, vlot__peer *peer) {
  vlot__sending_drop(raft, peer);
  vlot__ring_deinit(&peer->inflight);
}

/* --- another configuration --- */

/* It goes over into the new table; its old place is empty. */
static vlot__peer take_over(vlot_raft *raft, uint32_t id) {
  vlot__peer *old = raft->self;
  vlot__peer taken;
  if (id != raft->id) {
    uint32_t k = 0;
    while (raft->has_peers && k < raft->peer_count && raft->peers[k].id != id) k++;
    old = raft->has_peers && k < raft->peer_count ? &raft->peers[k] : NULL;
  }
  if (!old) {
    init_peer(raft, &taken, id);
    return taken;
  }
  taken = *old;
  old->id = 0;
  stand(raft, &taken);
  return taken;
}

static void drop_others(vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count && raft->has_peers; k++)
    if (raft->peers[k].id != 0) deinit_peer(raft, &raft->peers[k]);
}

static void swap_tables(vlot_raft *raft, uint32_t count) {
  vlot__peer *peers = raft->spare_peers;
  uint32_t capacity = raft->spare_capacity;
  raft->spare_peers = raft->peers;
  raft->spare_capacity = raft->peer_capacity;
  raft->peers = peers;
  raft->peer_capacity = capacity;
  raft->peer_count = count;
}

/* A leader goes on with whoever stays; a follower's table is filled in as far as it was. */
void vlot__peers_change(vlot_raft *raft) {
  const vlot_configuration *configuration = in_force(raft);
  const vlot_member *member = configuration->members;
  bool is_filled = raft->has_peers || configuration->half_count > 1;
  bool has_self = false;
  uint32_t count = 0;
  VLOT_ASSERT(configuration->peer_count <= raft->spare_capacity);
  for (uint32_t half = 0; half < configuration->half_count; half++)
    for (uint32_t k = 0; k < configuration->counts[half]; k++, member++) {
      if (half > 0 && vlot__config_member(configuration, 0, member->id)) continue;
      vlot__peer *place = &raft->spare_peers[count++];
      if (member->id == raft->id) {
        *place = take_over(raft, raft->id);
        raft->self = place;
        has_self = true;
      } else if (is_filled) {
        *place = take_over(raft, member->id);
      }
    }
  VLOT_ASSERT(count == configuration->peer_count);
  if (!has_self) {
    vlot__peer self = take_over(raft, raft->id);
    raft->outsider = self;
    raft->self = &raft->outsider;
  }
  drop_others(raft);
  swap_tables(raft, count);
  raft->has_peers = is_filled;
  raft->has_new_config = false;
  if (raft->role != VLOT_ROLE_LEADER) raft->votes_granted = 0;
}

/* --- opening and closing --- */

bool vlot__peers_open(vlot_raft *raft) {
  if (!vlot__peers_reserve(raft, in_force(raft)->peer_count)) return false;
  init_peer(raft, &raft->outsider, raft->id); /* who it is until its place is found */
  raft->self = &raft->outsider;
  vlot__peers_change(raft);
  return true;
}

void vlot__peers_close(vlot_raft *raft) {
  if (raft->self) deinit_peer(raft, raft->self);
  for (uint32_t k = 0; k < raft->peer_count && raft->has_peers; k++)
    if (&raft->peers[k] != raft->self) deinit_peer(raft, &raft->peers[k]);
  vlot__alloc_free(raft->allocator, raft->peers);
  vlot__alloc_free(raft->allocator, raft->spare_peers);
  vlot__alloc_free(raft->allocator, raft->scratch);
}
