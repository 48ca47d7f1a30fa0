/* Changes of membership, at the leader: section 6 of the paper, thesis 4. One at a time; one voter
 * more or less in one step, anything else by joint consensus. What is still to be done stands in
 * the configuration in force and shows in it at any time, so that whoever leads goes on with it
 * (B090).
 */
#include "base/alloc.h"
#include "raft/batch.h"
#include "raft/core.h"
#include "raft/edits.h"

static const vlot_configuration *in_force(const vlot_raft *raft) {
  return vlot__configs_top(&raft->configs)->configuration;
}

/* --- one configuration more in the log -------------------------------------------------------- */

/* The batch decodes what it is made of, and so has the configuration that is pushed. */
static vlot_batch *make_entry(vlot_raft *raft, const vlot_configuration *configuration) {
  uint8_t *data;
  size_t size = vlot_configuration_size(configuration);
  vlot_bytes *bytes = vlot_bytes_make(raft->allocator, size, &data);
  if (!bytes) return NULL;
  (void)vlot_configuration_encode(configuration, data, size);
  vlot_entry entry = {.data = data, .size = (uint32_t)size, .kind = VLOT_ENTRY_CONFIG};
  vlot_batch *batch = vlot_batch_make(raft->allocator, &entry, &bytes, 1);
  vlot_bytes_release(bytes);
  return batch;
}

static bool reserve_append(vlot_raft *raft, const vlot_configuration *configuration) {
  enum { CHANGES = 2 };
  return vlot_log_reserve(&raft->log, 1) && vlot__configs_reserve(&raft->configs, 1) &&
         vlot__peers_reserve(raft, configuration->peer_count) &&
         vlot__out_reserve(raft, &raft->out_changes, CHANGES, sizeof(vlot_change)) &&
         vlot__out_reserve(raft, &raft->out_write, raft->appended_slices + 1, sizeof(vlot_slice)) &&
         vlot__ring_reserve(&raft->writes, 1);
}

static void append(vlot_raft *raft, vlot_batch *batch) {
  vlot_slice slice = {
      .batch = batch, .index = raft->log.last_index + 1, .term = raft->hard.term, .count = 1};
  VLOT_ASSERT(raft->role == VLOT_ROLE_LEADER);
  VLOT_ASSERT(vlot__batch_is_legal(batch));
  vlot__durable_append(raft, &slice, raft->id);
  raft->tail_bytes += vlot__commit_bytes_of(&slice);
  VLOT_ASSERT(raft->has_new_config);
  vlot__catchup_end(raft);
  vlot__peers_change(raft);
  vlot__leader_meet(raft);
}

/* False without memory, with nothing changed. */
static bool put_in_force(vlot_raft *raft, const vlot_member *members, uint32_t count,
                         const vlot_member *old, uint32_t old_count) {
  vlot_configuration *next = vlot__config_make(raft->allocator, members, count, old, old_count);
  vlot_batch *batch = next && reserve_append(raft, next) ? make_entry(raft, next) : NULL;
  if (batch) append(raft, batch);
  vlot_configuration_release(next);
  vlot_batch_release(batch);
  return batch != NULL;
}

/* From the configuration in force to these members: by way of both, where quorums could miss each
 * other (thesis 4.3), or where that was demanded and they differ. */
static bool go_to(vlot_raft *raft, const vlot_member *members, uint32_t count) {
  const vlot_configuration *now = in_force(raft);
  vlot_member *old = vlot__alloc(raft->allocator, now->counts[0], sizeof *old);
  if (!old) return false;
  uint32_t old_count = vlot__edits_resolve(now->members, now->counts[0], vlot__edits_renounce, old);
  bool is_joint = vlot__edits_distance(old, old_count, members, count) > 1 ||
                  (raft->change.is_joint && !vlot__config_is_alike(old, old_count, members, count));
  bool is_done =
      put_in_force(raft, members, count, is_joint ? old : NULL, is_joint ? old_count : 0);
  vlot__alloc_free(raft->allocator, old);
  return is_done;
}

/* The configuration in force, with its wishes resolved. */
static bool resolve(vlot_raft *raft, bool (*how)(vlot_member *member), bool is_change) {
  const vlot_configuration *now = in_force(raft);
  vlot_member *members = vlot__alloc(raft->allocator, now->counts[0], sizeof *members);
  if (!members) return false;
  uint32_t count = vlot__edits_resolve(now->members, now->counts[0], how, members);
  bool is_done =
      is_change ? go_to(raft, members, count) : put_in_force(raft, members, count, NULL, 0);
  vlot__alloc_free(raft->allocator, members);
  return is_done;
}

/* --- a change is asked for -------------------------------------------------------------------- */

/* Two changes at once, or one beside what an earlier leader has left, could have quorums without a
 * common member (B087, B100). */
static vlot_why obstacle(const vlot_raft *raft) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  if (raft->transfer.to != 0 || raft->change.is_retiring) return VLOT_WHY_TRANSFER;
  if (vlot__durable_is_full(raft)) return VLOT_WHY_WRITES_FULL;
  if (raft->log.last_index + 1 >= VLOT_INDEX_MAX) return VLOT_WHY_INDEX_LIMIT;
  if (top->index > raft->commit_index || top->configuration->half_count > 1 ||
      top->configuration->wish_count > 0 || raft->change.is_asked)
    return VLOT_WHY_CHANGE_UNDER_WAY;
  if ((raft->switches & VLOT_SWITCH_TERM_FIRST) && raft->commit_index < raft->term_first_index)
    return VLOT_WHY_NO_ENTRY_OF_TERM;
  return VLOT_WHY_NONE;
}

/* Does a voter to be answer? One that is yet to be caught up will have to. */
static bool will_answer(vlot_raft *raft, const vlot_member *voter) {
  if (voter->id == raft->id) return voter->disk_id == 0 || voter->disk_id == raft->hard.disk_id;
  const vlot_member *now = vlot__config_member(in_force(raft), 0, voter->id);
  if (!now || now->is_learner) return true;
  const vlot__peer *peer = vlot__peer_find(raft, voter->id);
  return vlot__peer_is_alive(peer) && (voter->disk_id == 0 || voter->disk_id == peer->seen_disk_id);
}

/* With what is left no change could be taken back (B098). */
static bool would_lose_quorum(vlot_raft *raft, const vlot_member *members, uint32_t count) {
  const vlot_configuration *now = in_force(raft);
  uint32_t voters = 0, answering = 0;
  if (vlot__edits_distance(now->members, now->counts[0], members, count) == 0) return false;
  for (uint32_t k = 0; k < count; k++) {
    if (members[k].is_learner) continue;
    voters++;
    answering += will_answer(raft, &members[k]);
  }
  return 2 * answering <= voters;
}

static bool must_catch_up(vlot_raft *raft, const vlot__edited *edited) {
  for (uint32_t k = 0; k < edited->count; k++) {
    const vlot_member *member = &edited->members[k];
    if (member->wish == VLOT_WISH_JOIN) return true;
    if (member->wish == VLOT_WISH_PROMOTE && !vlot__catchup_is_there(raft, member->id)) return true;
  }
  return false;
}

static void refuse(vlot_outcome *outcome, vlot_result result, vlot_why why) {
  outcome->result = result;
  outcome->why = why;
}

/* target: room for all members. False without memory. */
static bool begin_change(vlot_raft *raft, const vlot_input *input, vlot__edited *edited,
                         vlot_member *target, vlot_outcome *outcome) {
  vlot_result result =
      vlot__edits_take(edited, &raft->configs, input->as.change.edits, input->as.change.count);
  outcome->accepted = edited->accepted;
  if (result != VLOT_OK) {
    refuse(outcome, result, edited->why);
    return true;
  }
  uint32_t count = vlot__edits_resolve(edited->members, edited->count, vlot__edits_fulfil, target);
  if (would_lose_quorum(raft, target, count)) {
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_WOULD_LOSE_QUORUM);
    return true;
  }
  vlot__change before = raft->change;
  raft->change = (vlot__change){.is_due = true,
                                .is_asked = true,
                                .is_joint = input->as.change.is_joint != 0,
                                .tag = input->as.change.tag};
  bool is_done = must_catch_up(raft, edited)
                     ? put_in_force(raft, edited->members, edited->count, NULL, 0)
                     : go_to(raft, target, count);
  if (!is_done) raft->change = before;
  return is_done;
}

bool vlot__change_take(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  vlot_why why = raft->role == VLOT_ROLE_LEADER ? obstacle(raft) : VLOT_WHY_NOT_LEADER;
  uint64_t expected = input->as.change.expected_index;
  if (why != VLOT_WHY_NONE) {
    refuse(outcome, why == VLOT_WHY_NOT_LEADER ? VLOT_NOT_LEADER : VLOT_BUSY, why);
    return true;
  }
  if (expected != 0 && expected != top->index) {
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_CONFIG_CHANGED);
    return true;
  }
  if (input->as.change.count > VLOT_MEMBERS_MAX) {
    refuse(outcome, VLOT_INVALID, VLOT_WHY_TOO_MANY_MEMBERS);
    return true;
  }
  uint32_t now = top->configuration->counts[0];
  size_t room = (size_t)now + input->as.change.count;
  vlot_member *members = vlot__alloc(raft->allocator, 2 * room, sizeof *members);
  if (!members) return false;
  for (uint32_t k = 0; k < now; k++) members[k] = top->configuration->members[k];
  vlot__edited edited = {.members = members, .count = now};
  bool is_taken = begin_change(raft, input, &edited, members + room, outcome);
  vlot__alloc_free(raft->allocator, members);
  return is_taken;
}

void vlot__change_cancel(vlot_raft *raft, vlot_outcome *outcome) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  bool is_over = top->index <= raft->commit_index && top->configuration->half_count == 1 &&
                 top->configuration->wish_count == 0;
  if (raft->role != VLOT_ROLE_LEADER)
    refuse(outcome, VLOT_NOT_LEADER, VLOT_WHY_NOT_LEADER);
  else if (is_over)
    refuse(outcome, VLOT_NOT_FOUND, VLOT_WHY_NONE);
  else if (top->configuration->wish_count == 0)
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_CHANGE_UNDER_WAY);
  else
    raft->change.why = VLOT_WHY_CANCELLED;
}

/* --- it goes on ------------------------------------------------------------------------------- */

static void answer_change(vlot_raft *raft, vlot_result result, vlot_why why, uint32_t peer,
                          uint64_t index) {
  if (!raft->change.is_asked) return;
  vlot_late_answer *said = vlot__out_push(&raft->out_answers, sizeof *said);
  *said = (vlot_late_answer){.what = VLOT_INPUT_CHANGE,
                             .result = result,
                             .why = why,
                             .peer = peer,
                             .tag = raft->change.tag,
                             .index = index};
}

void vlot__change_end(vlot_raft *raft) {
  answer_change(raft, VLOT_UNKNOWN, VLOT_WHY_LEADERSHIP_LOST, 0, 0);
  raft->change = (vlot__change){0};
}

/* Those that wait are there, or will not be: then their wishes are taken back. Who asked is told
 * once that is committed: until then another leader could still go on with them. */
static void look_after_new_voters(vlot_raft *raft) {
  uint32_t hopeless = 0;
  vlot_why why = raft->change.why;
  vlot__catchup state = vlot__catchup_look(raft, &hopeless);
  if (why == VLOT_WHY_NONE && state == VLOT__CATCHUP_FAILED) why = VLOT_WHY_NOT_CAUGHT_UP;
  if (why != VLOT_WHY_NONE) {
    if (!vlot__out_reserve(raft, &raft->out_changes, 3, sizeof(vlot_change)) ||
        !resolve(raft, vlot__edits_renounce, false))
      return;
    raft->change.is_ending = true;
    raft->change.why = why;
    raft->change.peer = hopeless;
    vlot__out_change(raft, VLOT_CHANGE_ROUND, why, hopeless, 0, 0, raft->hard.term);
  } else if (state == VLOT__CATCHUP_DONE) {
    (void)resolve(raft, vlot__edits_fulfil, true);
  }
}

/* A leader that votes no more has led until that was committed, and tells everybody so (thesis
 * 4.2.2, B094, B095). */
static bool votes_on(const vlot_raft *raft) {
  const vlot_member *self = vlot__config_member(in_force(raft), 0, raft->id);
  return self && !self->is_learner && (self->disk_id == 0 || self->disk_id == raft->hard.disk_id);
}

static void finish_change(vlot_raft *raft) {
  vlot__change *change = &raft->change;
  if (change->is_ending)
    answer_change(raft, VLOT_REJECTED, change->why, change->peer, 0);
  else
    answer_change(raft, VLOT_OK, VLOT_WHY_NONE, 0, vlot__configs_top(&raft->configs)->index);
  *change = (vlot__change){.is_retiring = !votes_on(raft)};
  for (uint32_t k = 0; k < raft->peer_count && change->is_retiring; k++)
    if (&raft->peers[k] != raft->self) vlot__peer_ask(raft, &raft->peers[k], VLOT_WHY_COMMIT_ALONE);
}

/* Every step of a leader, while it is due. Without memory it goes on another time. */
void vlot__change_go_on(vlot_raft *raft) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  bool is_committed =
      top->index <= raft->commit_index && raft->commit_index >= raft->term_first_index;
  if (!is_committed) return; /* of an old half, too (B089) */
  if (top->configuration->half_count == 1 && top->configuration->wish_count == 0) {
    finish_change(raft);
    return;
  }
  if (vlot__durable_is_full(raft) || raft->log.last_index + 1 >= VLOT_INDEX_MAX) return;
  if (top->configuration->half_count == 1)
    look_after_new_voters(raft);
  else
    (void)put_in_force(raft, top->configuration->members, top->configuration->counts[0], NULL, 0);
}
