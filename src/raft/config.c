#include "raft/config.h"

#include <string.h>

#include "base/assert.h"
#include "raft/core.h"
#include "raft/quorum.h"

/* --- a configuration --- */

/* A learner may wish to become a voter, a voter to become a learner, and both to go. */
static bool is_wish_legal(const vlot_member *member) {
  switch (member->wish) {
  case VLOT_WISH_NONE:
  case VLOT_WISH_REMOVE: return true;
  case VLOT_WISH_JOIN:
  case VLOT_WISH_PROMOTE:
  case VLOT_WISH_ADD: return member->is_learner == 1;
  case VLOT_WISH_DEMOTE: return member->is_learner == 0;
  default: return false;
  }
}

static bool is_voter_by_wish(const vlot_member *member) {
  return member->wish == VLOT_WISH_JOIN || member->wish == VLOT_WISH_PROMOTE ||
         (!member->is_learner && member->wish == VLOT_WISH_NONE);
}

const char *vlot_configuration_problem(const vlot_member *members, uint32_t count) {
  uint32_t voters = 0, later_voters = 0, highest = 0;
  if (count == 0 || count > VLOT_MEMBERS_MAX || !members)
    return "members: 1 to 1024 of them are needed";
  for (uint32_t k = 0; k < count; k++) {
    const vlot_member *member = &members[k];
    if (member->id == 0) return "members: id 0 means none";
    if (member->is_learner > 1) return "members: is_learner is 0 or 1";
    if (!is_wish_legal(member)) return "members: a wish that does not go with is_learner";
    /* mostly in ascending order: then nothing has to be searched for */
    for (uint32_t other = 0; member->id <= highest && other < k; other++)
      if (members[other].id == member->id) return "members: an id stands there twice";
    if (member->id > highest) highest = member->id;
    voters += member->is_learner ? 0 : 1;
    later_voters += is_voter_by_wish(member);
  }
  if (voters == 0) return "members: at least one voter is needed";
  return later_voters == 0 ? "members: no voter would be left, as they wish" : NULL;
}

vlot_configuration *vlot__config_begin(const vlot_allocator *allocator, uint32_t count,
                                       uint32_t old_count) {
  size_t size = sizeof(vlot_configuration) + ((size_t)count + old_count) * sizeof(vlot_member);
  vlot_configuration *configuration = vlot__alloc_zero(allocator, 1, size);
  if (!configuration) return NULL;
  configuration->allocator = allocator;
  atomic_init(&configuration->references, 1);
  configuration->half_count = old_count > 0 ? 2 : 1;
  configuration->counts[0] = count;
  configuration->counts[1] = old_count;
  return configuration;
}

void vlot__config_end(vlot_configuration *configuration) {
  const vlot_member *member = configuration->members;
  configuration->peer_count = configuration->counts[0];
  for (uint32_t half = 0; half < configuration->half_count; half++) {
    configuration->voters[half] = 0;
    for (uint32_t k = 0; k < configuration->counts[half]; k++, member++) {
      if (!member->is_learner) configuration->voters[half]++;
      if (member->wish != VLOT_WISH_NONE) configuration->wish_count++;
      if (half > 0 && !vlot__config_member(configuration, 0, member->id))
        configuration->peer_count++;
    }
    VLOT_ASSERT((configuration->counts[half] == 0) == (configuration->voters[half] == 0));
  }
}

vlot_configuration *vlot__config_make(const vlot_allocator *allocator, const vlot_member *members,
                                      uint32_t count, const vlot_member *old, uint32_t old_count) {
  vlot_configuration *configuration = vlot__config_begin(allocator, count, old_count);
  if (!configuration) return NULL;
  for (uint32_t k = 0; k < count; k++) configuration->members[k] = members[k];
  for (uint32_t k = 0; k < old_count; k++) configuration->members[count + k] = old[k];
  vlot__config_end(configuration);
  return configuration;
}

vlot_configuration *vlot_configuration_retain(vlot_configuration *configuration) {
  if (configuration) atomic_fetch_add_explicit(&configuration->references, 1, memory_order_relaxed);
  return configuration;
}

void vlot_configuration_release(vlot_configuration *configuration) {
  if (!configuration) return;
  uint32_t before = atomic_fetch_sub_explicit(&configuration->references, 1, memory_order_acq_rel);
  VLOT_DUTY(before > 0, "release each reference to a configuration once");
  if (before == 1) vlot__alloc_free(configuration->allocator, configuration);
}

vlot_configuration *vlot_configuration_make(const vlot_allocator *allocator,
                                            const vlot_member *members, uint32_t count,
                                            const vlot_member *old, uint32_t old_count) {
  if (vlot_configuration_problem(members, count)) return NULL;
  if (old_count > 0 && vlot_configuration_problem(old, old_count)) return NULL;
  vlot_configuration *made =
      vlot__config_make(vlot__alloc_or_default(allocator), members, count, old, old_count);
  if (!made || vlot__config_is_legal(made)) return made;
  vlot_configuration_release(made);
  return NULL;
}

const vlot_member *vlot_configuration_old(const vlot_configuration *configuration,
                                          uint32_t *count) {
  VLOT_GIVEN(configuration);
  *count = configuration->counts[1];
  return configuration->members + configuration->counts[0];
}

static const vlot_member *find_member(const vlot_member *members, uint32_t count, uint32_t id) {
  /* mostly numbered 1 … n */
  if (id - 1 < count && members[id - 1].id == id) return &members[id - 1];
  for (uint32_t k = 0; k < count; k++)
    if (members[k].id == id) return &members[k];
  return NULL;
}

bool vlot__config_is_alike(const vlot_member *one, uint32_t one_count, const vlot_member *other,
                           uint32_t other_count) {
  for (uint32_t k = 0; k < one_count && one_count == other_count; k++) {
    const vlot_member *member = find_member(other, other_count, one[k].id);
    if (!member || member->is_learner != one[k].is_learner || member->disk_id != one[k].disk_id)
      return false;
  }
  return one_count == other_count;
}

bool vlot__config_is_legal(const vlot_configuration *configuration) {
  const vlot_member *members = configuration->members;
  const vlot_member *old = members + configuration->counts[0];
  bool is_joint = configuration->half_count > 1;
  if (vlot_configuration_problem(members, configuration->counts[0])) return false;
  if (!is_joint) return true;
  if (vlot_configuration_problem(old, configuration->counts[1])) return false;
  for (uint32_t k = 0; k < configuration->counts[0] + configuration->counts[1]; k++)
    if (members[k].wish != VLOT_WISH_NONE) return false;
  return !vlot__config_is_alike(members, configuration->counts[0], old, configuration->counts[1]);
}

bool vlot__config_is_same(const vlot_configuration *one, const vlot_configuration *other) {
  if (one == other) return true;
  if (!one || !other || one->half_count != other->half_count) return false;
  for (uint32_t half = 0; half < one->half_count; half++)
    if (one->counts[half] != other->counts[half]) return false;
  uint32_t count = one->counts[0] + one->counts[1];
  for (uint32_t k = 0; k < count; k++)
    if (one->members[k].id != other->members[k].id ||
        one->members[k].is_learner != other->members[k].is_learner ||
        one->members[k].wish != other->members[k].wish ||
        one->members[k].disk_id != other->members[k].disk_id)
      return false;
  return true;
}

const vlot_member *vlot_configuration_members(const vlot_configuration *configuration,
                                              uint32_t *count) {
  VLOT_GIVEN(configuration);
  *count = configuration->counts[0];
  return configuration->members;
}

const vlot_member *vlot__config_member(const vlot_configuration *configuration, uint32_t half,
                                       uint32_t id) {
  const vlot_member *members = configuration->members + (half == 0 ? 0 : configuration->counts[0]);
  return find_member(members, configuration->counts[half], id);
}

bool vlot_configuration_has_quorum(const vlot_configuration *configuration,
                                   bool (*counts)(void *context, const vlot_member *member),
                                   void *context) {
  VLOT_GIVEN(counts);
  VLOT_GIVEN(configuration);
  const vlot_member *member = configuration->members;
  for (uint32_t half = 0; half < configuration->half_count; half++) {
    uint32_t found = 0;
    for (uint32_t k = 0; k < configuration->counts[half]; k++, member++)
      if (!member->is_learner && counts(context, member)) found++;
    if (found < vlot__quorum_of(configuration->voters[half])) return false;
  }
  return true;
}

/* --- the stack --- */

bool vlot__configs_init(vlot__configs *configs, const vlot_allocator *allocator, uint64_t index,
                        vlot_configuration *configuration) {
  *configs = (vlot__configs){.allocator = allocator};
  if (!vlot__configs_reserve(configs, 1)) return false;
  configs->places[configs->count++] = (vlot__config_place){
      .index = index, .configuration = vlot_configuration_retain(configuration)};
  return true;
}

void vlot__configs_deinit(vlot__configs *configs) {
  for (size_t k = 0; k < configs->count; k++)
    vlot_configuration_release(configs->places[k].configuration);
  vlot__alloc_free(configs->allocator, configs->places);
  *configs = (vlot__configs){0};
}

bool vlot__configs_reserve(vlot__configs *configs, size_t more) {
  void *places = configs->places;
  bool has_room = vlot__alloc_grow(configs->allocator, &places, &configs->capacity,
                                   configs->count + more, sizeof *configs->places);
  configs->places = places;
  return has_room;
}

void vlot__configs_push(vlot__configs *configs, uint64_t index, vlot_configuration *configuration) {
  VLOT_ASSERT(configs->count > 0 && configs->count < configs->capacity);
  VLOT_ASSERT(index > vlot__configs_top(configs)->index);
  configs->places[configs->count++] = (vlot__config_place){
      .index = index, .configuration = vlot_configuration_retain(configuration)};
}

void vlot__configs_compact(vlot__configs *configs, uint64_t base) {
  size_t below = 0;
  while (below + 1 < configs->count && configs->places[below + 1].index <= base)
    vlot_configuration_release(configs->places[below++].configuration);
  configs->count -= below;
  memmove(configs->places, configs->places + below, configs->count * sizeof *configs->places);
  VLOT_ASSERT(configs->count > 0);
}

void vlot__configs_restart(vlot__configs *configs, uint64_t index,
                           vlot_configuration *configuration) {
  (void)vlot_configuration_retain(configuration);
  while (configs->count > 0)
    vlot_configuration_release(configs->places[--configs->count].configuration);
  configs->places[configs->count++] =
      (vlot__config_place){.index = index, .configuration = configuration};
}

bool vlot__configs_truncate(vlot__configs *configs, uint64_t from) {
  size_t before = configs->count;
  VLOT_ASSERT(from > configs->places[0].index);
  while (vlot__configs_top(configs)->index >= from)
    vlot_configuration_release(configs->places[--configs->count].configuration);
  VLOT_ASSERT(configs->count > 0);
  return configs->count < before;
}

/* --- counting --- */

static const vlot_configuration *in_force(const vlot_raft *raft) {
  return vlot__configs_top(&raft->configs)->configuration;
}

static uint32_t quorum_of_half(const vlot_raft *raft, uint32_t half) {
  return vlot__quorum_of(in_force(raft)->voters[half]);
}

/* Does what this peer says, from this disk, count in a half? */
static bool counts_in(const vlot__peer *peer, uint32_t half, uint64_t disk_id) {
  return (peer->votes_in >> half & 1u) != 0 &&
         (peer->disk_ids[half] == 0 || peer->disk_ids[half] == disk_id);
}

static vlot__config_tally count_half(const vlot_raft *raft, uint32_t half) {
  uint32_t granted = 0, refused = 0, quorum = quorum_of_half(raft, half);
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    if (!counts_in(peer, half, peer->vote_disk_id)) continue;
    granted += peer->vote == VLOT__VOTE_GRANTED;
    refused += peer->vote == VLOT__VOTE_REFUSED;
  }
  VLOT_ASSERT(granted + refused <= in_force(raft)->voters[half]);
  return (vlot__config_tally){.granted = granted,
                              .quorum = quorum,
                              .is_won = granted >= quorum,
                              .is_lost = refused > in_force(raft)->voters[half] - quorum};
}

vlot__config_tally vlot__config_count_votes(const vlot_raft *raft) {
  vlot__config_tally tally = count_half(raft, 0);
  for (uint32_t half = 1; half < in_force(raft)->half_count; half++) {
    vlot__config_tally other = count_half(raft, half);
    bool is_won = tally.is_won && other.is_won, is_lost = tally.is_lost || other.is_lost;
    /* what they lack, without going below zero */
    if (other.quorum + tally.granted > tally.quorum + other.granted) tally = other;
    tally.is_won = is_won;
    tally.is_lost = is_lost;
  }
  return tally;
}

uint64_t vlot__config_reached(vlot_raft *raft) {
  uint64_t lowest = UINT64_MAX;
  for (uint32_t half = 0; half < in_force(raft)->half_count; half++) {
    uint64_t *counted = raft->scratch + raft->peer_count;
    uint32_t count = 0;
    for (uint32_t k = 0; k < raft->peer_count; k++) {
      const vlot__peer *peer = &raft->peers[k];
      if (peer->votes_in >> half & 1u)
        counted[count++] = counts_in(peer, half, peer->seen_disk_id) ? raft->scratch[k] : 0;
    }
    VLOT_ASSERT(count == in_force(raft)->voters[half]);
    uint64_t reached = vlot__quorum_reached(counted, count);
    if (reached < lowest) lowest = reached;
  }
  return lowest;
}

bool vlot__config_has_matched(const vlot_raft *raft, uint64_t index) {
  for (uint32_t half = 0; half < in_force(raft)->half_count; half++) {
    uint32_t matched = 0;
    for (uint32_t k = 0; k < raft->peer_count; k++) {
      const vlot__peer *peer = &raft->peers[k];
      matched += peer->match_index >= index && counts_in(peer, half, peer->seen_disk_id);
    }
    if (matched < quorum_of_half(raft, half)) return false;
  }
  return true;
}

bool vlot__config_has_contact(const vlot_raft *raft) {
  for (uint32_t half = 0; half < in_force(raft)->half_count; half++) {
    uint32_t active = 0;
    for (uint32_t k = 0; k < raft->peer_count; k++) {
      const vlot__peer *peer = &raft->peers[k];
      active +=
          (peer == raft->self || peer->is_active) && counts_in(peer, half, peer->seen_disk_id);
    }
    if (active < quorum_of_half(raft, half)) return false;
  }
  return true;
}

uint32_t vlot__config_quorum(const vlot_raft *raft) { return quorum_of_half(raft, 0); }

bool vlot__config_is_awaited(const vlot_raft *raft) { return in_force(raft)->counts[0] == 0; }

bool vlot__config_was_voter(const vlot_raft *raft) {
  const vlot__configs *configs = &raft->configs;
  if (configs->count < 2 || vlot__configs_top(configs)->index <= raft->commit_index) return false;
  const vlot_configuration *before = configs->places[configs->count - 2].configuration;
  for (uint32_t half = 0; half < before->half_count; half++) {
    const vlot_member *member = vlot__config_member(before, half, raft->id);
    if (member && !member->is_learner &&
        (member->disk_id == 0 || member->disk_id == raft->hard.disk_id))
      return true;
  }
  return false;
}

bool vlot__config_is_sole_voter(const vlot_raft *raft) {
  const vlot_configuration *configuration = in_force(raft);
  for (uint32_t half = 0; half < configuration->half_count; half++)
    if (configuration->voters[half] != 1 || !(raft->self->votes_in >> half & 1u)) return false;
  return true;
}
