/* The laws of a core (I-19): each is broken by hand, one at a time, and the check names it. The
 * cores are those of a basin, so that what is broken is a state that came about by steps.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"
#include "raft/core.h"

typedef enum state {
  FOLLOWER,      /* 2 of 4: two writes wait, and with them two acknowledgements */
  LEADER,        /* 1 of 4: two entries are in flight, a read waits */
  LEARNER,       /* 4 of 4 */
  PRE_CANDIDATE, /* alone so far */
  ASKING,        /* a candidate whose own vote is not durable */
  CANDIDATE,     /* with its own vote */
  FENCED,
  STATES
} state;

typedef struct bench {
  basin *b;
  vlot_raft *raft;
  vlot_raft_seen seen; /* as it is */
  /* to close what was broken */
  vlot_raft kept;
  vlot__peer peers[4];
} bench;

static basin *led(void) {
  basin *b = basin_open(4, NULL);
  for (uint32_t id = 1; id <= 4; id++) basin_preset_disk(b, id, 100 + id, 100 + id);
  basin_preset_learner(b, 4);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x");
  basin_run(b, 2);
  basin_hold_disk(b, 2);
  basin_propose(b, 1, "y");
  basin_propose(b, 1, "z");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_read(b, 1, 7);
  return b;
}

static basin *asking(state wanted) {
  basin *b = basin_open(4, NULL);
  for (uint32_t id = 1; id <= 4; id++) basin_preset_disk(b, id, 100 + id, 100 + id);
  basin_preset_learner(b, 4);
  basin_start_all(b);
  if (wanted == PRE_CANDIDATE) {
    basin_campaign(b, 1);
  } else {
    basin_hold_disk(b, 1);
    basin_force_elect(b, 1);
    if (wanted == CANDIDATE) basin_store_all(b, 1);
    if (wanted == FENCED) cr_assert_eq(basin_fail_write(b, 1), VLOT_FENCED);
  }
  return b;
}

static bench open_in(state wanted) {
  static const uint32_t ids[] = {[FOLLOWER] = 2, [LEADER] = 1, [LEARNER] = 4};
  bool is_led = wanted == FOLLOWER || wanted == LEADER || wanted == LEARNER;
  bench w = {.b = is_led ? led() : asking(wanted)};
  w.raft = basin_core(w.b, is_led ? ids[wanted] : 1);
  vlot__peers_make(w.raft);
  w.seen = vlot__invariant_see(w.raft);
  w.kept = *w.raft;
  memcpy(w.peers, w.raft->peers, sizeof w.peers);
  return w;
}

static void close_again(bench *w) {
  *w->raft = w->kept;
  memcpy(w->raft->peers, w->peers, sizeof w->peers);
  basin_close(w->b);
}

static const char *look(const vlot_raft *raft, const vlot_raft_seen *seen) {
  vlot_raft_seen before = *seen;
  const char *broken = vlot_raft_check(raft, &before);
  return broken ? broken : "none";
}

/* A core in a state, whole; then the statements break it, and it is compared with what was seen:
 * nothing, unless they say otherwise. */
#define BREAKS(state, sentence, ...)                             \
  do {                                                           \
    bench w = open_in(state);                                    \
    vlot_raft *raft = w.raft;                                    \
    vlot_raft_seen seen = {0};                                   \
    cr_assert_str_eq(look(raft, &seen), "none", "%s", sentence); \
    cr_assert_str_eq(look(raft, &w.seen), "none");               \
    __VA_ARGS__;                                                 \
    cr_expect_str_eq(look(raft, &seen), sentence);               \
    close_again(&w);                                             \
  } while (0)

static vlot_slice *slice_of(vlot_raft *raft, size_t k) {
  return (vlot_slice *)vlot_log_slice(&raft->log, k);
}
static vlot__pending_write *write_of(vlot_raft *raft, size_t k) {
  return vlot__ring_at(&raft->writes, k);
}
static vlot__held *held_of(vlot_raft *raft, size_t k) { return vlot__ring_at(&raft->held, k); }
static vlot__inflight *inflight_of(vlot_raft *raft, uint32_t peer, size_t k) {
  return vlot__ring_at(&raft->peers[peer].inflight, k);
}
static vlot_message *sent_by(vlot_raft *raft) {
  cr_assert_gt(raft->output.message_count, 0);
  return (vlot_message *)raft->output.messages;
}

Test(invariant, none_is_broken_in_any_state_and_the_check_remembers_what_it_saw) {
  for (state wanted = 0; wanted < STATES; wanted++) {
    bench w = open_in(wanted);
    vlot_raft_seen seen = {0};
    cr_expect_null(vlot_raft_check(w.raft, &seen), "state %d", (int)wanted);
    cr_expect_eq(memcmp(&seen, &w.seen, sizeof seen), 0);
    cr_expect_null(vlot_raft_check(w.raft, &seen));
    w.raft->commit_index = 1000;
    cr_expect_not_null(vlot_raft_check(w.raft, &seen));
    cr_expect_eq(seen.commit_index, 1000, "the next check compares with that");
    close_again(&w);
  }
}

Test(invariant, indexes_stand_in_their_order) {
  BREAKS(FOLLOWER, "the applied index is below the log's base",
         raft->log.base_index = raft->applied_index + 1);
  BREAKS(FOLLOWER, "more is applied than was handed out",
         raft->applied_index = raft->handed_index + 1);
  BREAKS(FOLLOWER, "more is handed out than is committed",
         raft->handed_index = raft->commit_index + 1);
  BREAKS(FOLLOWER, "more is handed out at once than the machine may have before it",
         raft->applied_index = 0, raft->options.apply_entries_max = 1);
  BREAKS(FOLLOWER, "the commit index is beyond the log's end",
         raft->commit_index = raft->log.last_index + 1);
  BREAKS(FOLLOWER, "the log is longer than indexes go", raft->log.last_index = VLOT_INDEX_MAX);
  BREAKS(FOLLOWER, "the durable index is below the log's base", raft->log.base_index = 2,
         raft->durable_index = 1);
  BREAKS(FOLLOWER, "the log is durable beyond its end",
         raft->durable_index = raft->log.last_index + 1);
  BREAKS(FOLLOWER, "more is durable than storage was asked for",
         raft->submitted_index = raft->durable_index - 1);
  BREAKS(FOLLOWER, "storage was not asked for the whole log",
         raft->submitted_index = raft->log.last_index - 1);
}

Test(invariant, the_log_ends_as_it_says) {
  BREAKS(FOLLOWER, "the log has an entry of a term that the core is not in yet",
         raft->log.last_term = raft->hard.term + 1);
  BREAKS(FOLLOWER, "the log's last term is not that of its last entry", raft->log.last_term = 0);
  BREAKS(FOLLOWER, "the log has a gap near its end", slice_of(raft, 1)->count++);
  BREAKS(FOLLOWER, "terms go down along the log", slice_of(raft, 0)->term = 2);
  BREAKS(FOLLOWER, "the log does not begin behind its base", raft->log.base_index = 1);
  BREAKS(FOLLOWER, "the base is of a later term than the log above it", raft->log.base_term = 2);
}

Test(invariant, writes_wait_in_the_order_of_their_tokens) {
  BREAKS(FOLLOWER, "a write is stored that was never asked for",
         raft->stored_token = raft->last_token + 1);
  BREAKS(FOLLOWER, "writes that wait are not all that were asked for", raft->writes.count = 1);
  BREAKS(FOLLOWER, "writes wait out of the order of their tokens", write_of(raft, 0)->token++);
  BREAKS(FOLLOWER, "a write that waits would make more durable than the log has",
         write_of(raft, 1)->last_index = raft->log.last_index + 1);
  BREAKS(FOLLOWER, "a write that waits is of a later term", write_of(raft, 0)->term++);
}

Test(invariant, term_and_vote_are_durable_when_they_are_called_so) {
  BREAKS(FOLLOWER, "the term is higher than terms go", raft->hard.term = VLOT_INDEX_MAX);
  BREAKS(FOLLOWER, "a later term is durable than the core's own",
         raft->durable_term = raft->hard.term + 1);
  BREAKS(FOLLOWER, "term and vote were never written as they are now",
         raft->hard_token = raft->last_token + 1);
  BREAKS(FOLLOWER, "term and vote are called durable and are others", raft->durable_vote = 9);
}

Test(invariant, messages_are_held_for_writes_that_wait) {
  BREAKS(FOLLOWER, "a message is held for a write that is durable",
         held_of(raft, 1)->token = raft->stored_token);
  BREAKS(FOLLOWER, "a message is held for a write that was never asked for",
         held_of(raft, 0)->token = raft->last_token + 1);
  BREAKS(FOLLOWER, "a message of another term is held", held_of(raft, 1)->message.term--);
  BREAKS(FOLLOWER, "an append is held", held_of(raft, 0)->message.kind = VLOT_MESSAGE_APPEND);
  BREAKS(FOLLOWER, "an acknowledgement is held for a write that does not make it durable",
         held_of(raft, 0)->message.as.reply.match_index++);
}

Test(invariant, the_configuration_in_force_is_of_the_log) {
  BREAKS(FOLLOWER, "no configuration is in force", raft->configs.count = 0);
  BREAKS(FOLLOWER, "the configuration at the log's base is not known",
         raft->configs.places[0].index = 1);
  for (uint64_t index = 0; index < 10; index += 9) {
    vlot__config_place places[2] = {{.index = 0}, {.index = index}};
    const char *sentence = index == 0
                               ? "configurations stand out of the order of their entries"
                               : "the configuration in force is of an entry beyond the log's end";
    BREAKS(FOLLOWER, sentence, raft->configs.places = places, raft->configs.count = 2);
  }
}

Test(invariant, peers_are_the_members_in_force) {
  BREAKS(FOLLOWER, "there are more or fewer peers than members", raft->peer_count--);
  BREAKS(FOLLOWER, "the core is not among its peers", raft->self = &raft->peers[0]);
  BREAKS(LEADER, "a peer is not the member that stands in its place", raft->peers[1].id = 3);
  BREAKS(LEADER, "a peer is not the member that stands in its place", raft->peers[1].votes_in = 0);
  BREAKS(LEADER, "a peer is not the member that stands in its place", raft->peers[2].stands_in = 3);
  BREAKS(LEADER, "a peer is not the member that stands in its place",
         raft->peers[2].disk_ids[0] = 102);
}

Test(invariant, a_role_agrees_with_all_that_belongs_to_it) {
  BREAKS(FOLLOWER, "a fenced core does not say why", raft->is_fenced = true);
  BREAKS(FOLLOWER, "a core campaigns or leads without knowing its peers",
         raft->role = VLOT_ROLE_CANDIDATE, raft->has_peers = false);
  BREAKS(LEARNER, "a learner campaigns or leads", raft->role = VLOT_ROLE_PRE_CANDIDATE);
  BREAKS(LEADER, "a core campaigns or leads from a disk that does not count",
         raft->hard.disk_id = 9);
  BREAKS(LEADER, "a leader names another as leader", raft->leader = 2);
  BREAKS(FOLLOWER, "a core names itself as leader and does not lead", raft->leader = raft->id);
  BREAKS(CANDIDATE, "a candidate knows a leader", raft->leader = 2);
  BREAKS(CANDIDATE, "a candidate or leader has not voted for itself",
         raft->hard.vote = raft->durable_vote = 2);
  BREAKS(FOLLOWER, "a read waits where nobody leads", raft->reads.count = 1);
  BREAKS(FOLLOWER, "a tail is counted where nobody leads", raft->tail_bytes = 1);
  BREAKS(LEADER, "what was acknowledged last was not counted", raft->new_matches = 1);
}

Test(invariant, a_campaign_counts_what_was_given) {
  BREAKS(PRE_CANDIDATE, "the votes counted are not those that were given", raft->votes_granted = 2);
  BREAKS(CANDIDATE, "a candidate has won and does not go on", raft->votes_granted = 2,
         raft->peers[1].vote = VLOT__VOTE_GRANTED, raft->peers[1].vote_disk_id = 102);
  BREAKS(CANDIDATE, "a candidate has lost and does not give up",
         raft->peers[1].vote = raft->peers[2].vote = VLOT__VOTE_REFUSED,
         raft->peers[1].vote_disk_id = 102, raft->peers[2].vote_disk_id = 103);
  BREAKS(CANDIDATE, "a campaign has a number that was never given",
         raft->campaign_request = raft->next_request);
  BREAKS(ASKING, "a candidate counts its own vote before it is durable", raft->votes_granted = 1,
         raft->self->vote = VLOT__VOTE_GRANTED, raft->self->vote_disk_id = 101);
}

Test(invariant, timers_that_are_due_have_fired) {
  BREAKS(FOLLOWER, "the election timeout is outside of its limits",
         raft->election_ticks = raft->options.election_ticks_max);
  BREAKS(FOLLOWER, "the election timeout has passed and nothing came of it",
         raft->election_elapsed = raft->election_ticks);
  BREAKS(LEADER, "heartbeats are overdue", raft->heartbeat_elapsed = raft->options.heartbeat_ticks);
  BREAKS(LEADER, "a leader's look for its quorum is overdue",
         raft->quorum_elapsed = raft->options.election_ticks_min);
  BREAKS(FENCED, "a fenced core wants a tick", raft->output.next_timer = raft->now + 1);
  BREAKS(LEADER, "the next timer is due in the past, or later than any timer",
         raft->output.next_timer = raft->now);
  BREAKS(LEADER, "the next timer is due in the past, or later than any timer",
         raft->output.next_timer = raft->now + raft->options.election_ticks_max + 1);
}

Test(invariant, changes_and_transfers_are_a_leaders) {
  BREAKS(LEADER, "a configuration is in force and its peers are not known",
         raft->has_new_config = true);
  BREAKS(FOLLOWER, "a change waits where nobody leads", raft->change.is_asked = true);
  BREAKS(FOLLOWER, "a change waits where nobody leads", raft->change.is_retiring = true);
  BREAKS(FOLLOWER, "leadership is handed over where nobody leads", raft->transfer.to = 3);
  BREAKS(LEADER, "leadership is handed over where nobody leads", raft->transfer.to = 3,
         raft->transfer.is_over = true);
  BREAKS(LEADER, "leadership is handed over to the leader itself", raft->transfer.to = raft->id);
}

Test(invariant, a_leader_is_elected_and_knows_its_own_log) {
  BREAKS(LEADER, "a core leads that no quorum has elected",
         raft->peers[1].vote = raft->peers[2].vote = VLOT__VOTE_UNKNOWN);
  BREAKS(LEADER, "a leader's own match index is not what is durable here",
         raft->self->match_index--);
  BREAKS(LEADER, "a leadership's first entry is not the first one of its term",
         raft->term_first_index = raft->log.last_index + 1);
  BREAKS(LEADER, "a tail is counted and all is committed",
         raft->commit_index = raft->log.last_index);
  BREAKS(LEADER, "the tail has more entries than are counted",
         raft->tail_bytes = 2 * VLOT_ENTRY_OVERHEAD - 1);
  BREAKS(LEADER, "more reads wait than may", raft->options.reads_max = 0);
  BREAKS(LEADER, "a read waits for what is not committed",
         ((vlot__read *)vlot__ring_at(&raft->reads, 0))->index = raft->commit_index + 1);
  BREAKS(LEADER, "a read waits for a request that is not the next one",
         ((vlot__read *)vlot__ring_at(&raft->reads, 0))->round = raft->next_request + 1);
}

Test(invariant, a_leaders_view_of_a_peer_is_of_its_own_log) {
  BREAKS(LEADER, "a dealing has a number that was never given",
         raft->peers[1].dealing = raft->next_dealing);
  BREAKS(LEADER, "a peer's match index is beyond the log's end",
         raft->peers[1].match_index = raft->log.last_index + 1);
  BREAKS(LEADER, "a peer's next index is not above its match index",
         raft->peers[2].next_index = raft->peers[2].match_index);
  BREAKS(LEADER, "a peer's next index leaves a gap",
         raft->peers[1].next_index = raft->log.last_index + 2);
  BREAKS(LEADER, "a peer has answered what was never asked",
         raft->peers[1].acked_request = raft->next_request);
  BREAKS(LEADER, "a peer was told of more than is committed",
         raft->peers[1].sent_commit = raft->commit_index + 1);
  BREAKS(LEADER, "a peer is paused and not probed", raft->peers[3].is_paused = true);
  BREAKS(LEADER, "a peer was asked what was never asked",
         raft->peers[1].asked_request = raft->next_request);
  BREAKS(LEADER, "a peer is silent for too long and was not asked",
         raft->peers[1].silent_ticks = raft->peers[1].silence_max);
  BREAKS(LEADER, "more is in flight to a peer than its window",
         raft->options.window_messages_max = 1);
  BREAKS(LEADER, "bytes are in flight to a peer and no message is",
         raft->peers[1].inflight.count = 0);
  BREAKS(LEADER, "a window is open to a peer that is probed",
         raft->peers[1].state = VLOT_PROGRESS_PROBE);
  BREAKS(LEADER, "what a peer has acknowledged is still in flight",
         inflight_of(raft, 1, 0)->last_index = raft->peers[1].match_index);
  BREAKS(LEADER, "what was sent last is not what stands before the next index",
         inflight_of(raft, 2, 1)->last_index++);
}

Test(invariant, the_output_fits_the_core) {
  const vlot_slice slices[] = {{.index = 1, .count = 1}, {.index = 3, .count = 1}};
  const vlot_read_answer answer = {.index = 100};
  BREAKS(FOLLOWER, "a write has not the last token", raft->output.write.token--);
  BREAKS(FOLLOWER, "a write does not reach the log's end",
         ((vlot_slice *)raft->output.write.slices)[0].count++);
  BREAKS(FOLLOWER, "what is to be applied has a gap", raft->output.apply = slices,
         raft->output.apply_count = 2);
  BREAKS(FOLLOWER, "what is to be applied does not end where it was handed out",
         raft->output.apply = slices, raft->output.apply_count = 1);
  BREAKS(LEADER, "a read is answered with what is not committed", raft->output.reads = &answer,
         raft->output.read_count = 1);
}

Test(invariant, messages_leave_in_the_cores_own_name_and_not_too_early) {
  BREAKS(LEADER, "a message leaves in another's name", sent_by(raft)->from = 9);
  BREAKS(LEADER, "a message leaves in another's name", sent_by(raft)->disk_id = 9);
  BREAKS(LEADER, "a message leaves for its sender", sent_by(raft)->to = raft->id);
  BREAKS(LEADER, "a message leaves before its term is durable", sent_by(raft)->term++);
  BREAKS(CANDIDATE, "a message leaves before its vote is durable",
         sent_by(raft)->kind = VLOT_MESSAGE_VOTE_REPLY, sent_by(raft)->flags = VLOT_MESSAGE_OK);
  BREAKS(CANDIDATE, "an append leaves and its sender does not lead",
         sent_by(raft)->kind = VLOT_MESSAGE_APPEND);
}

Test(invariant, nothing_goes_back) {
  BREAKS(FOLLOWER, "the term went back", seen.term = raft->hard.term + 1);
  BREAKS(FOLLOWER, "a vote was changed within its term", seen.term = raft->hard.term,
         seen.vote = 9);
  BREAKS(FOLLOWER, "the commit index went back", seen.commit_index = raft->commit_index + 1);
  BREAKS(FOLLOWER, "what was handed out went back", seen.handed_index = raft->handed_index + 1);
  BREAKS(FOLLOWER, "the applied index went back", seen.applied_index = raft->applied_index + 1);
  BREAKS(FOLLOWER, "the log's base went back", seen.base_index = 1);
  BREAKS(FOLLOWER, "tokens went back", seen.last_token = raft->last_token + 1);
  BREAKS(FOLLOWER, "tokens went back", seen.stored_token = raft->stored_token + 1);
  BREAKS(FOLLOWER, "a request's number is given again", seen.next_request = raft->next_request + 1);
  BREAKS(FOLLOWER, "time went back", seen.now = raft->now + 1);
  BREAKS(FOLLOWER, "what is committed was written over", seen = w.seen,
         raft->change_from = raft->commit_index);
}

Test(invariant, a_fenced_core_is_over) {
  const vlot_read_answer answer = {.index = 0};
  BREAKS(FOLLOWER, "a fenced core goes on", seen.is_fenced = 1);
  BREAKS(FENCED, "something leaves a fenced core", seen = w.seen, raft->output.reads = &answer,
         raft->output.read_count = 1);
}

Test(invariant, a_leadership_appends_and_commits_by_counting) {
  BREAKS(LEADER, "a leader changed what stood in its log", seen = w.seen, seen.last_index++);
  BREAKS(LEADER, "a leader changed what stood in its log", seen = w.seen,
         raft->change_from = seen.last_index);
  /* of term 1, where it leads in term 2 and has appended nothing yet */
  BREAKS(LEADER, "a leader committed by counting an entry of another term",
         raft->hard.term = raft->durable_term = 2, raft->term_first_index = 5,
         raft->output.message_count = 0, seen = vlot__invariant_see(raft), seen.commit_index = 1);
  BREAKS(LEADER, "a leader committed what no quorum has acknowledged", seen = w.seen,
         seen.commit_index = 1, raft->peers[1].match_index = raft->peers[2].match_index = 0);
}
