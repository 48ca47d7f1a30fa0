/* The laws of a core (I-19): what holds after every step, whatever the inputs were, also those that
 * nobody honest sends. Postconditions of vlot_raft_step(), in one place.
 *
 * A law is a line: what holds, and the sentence that is said when it does not. Here stands what one
 * core shows by itself, against what was seen of it before; what needs the history of the whole
 * cluster is the checker's (I-1 to I-11). Only the end of the log is looked at, and what else grows
 * with it is left out: a check costs members, what waits, and the step's output.
 *
 * No law: that a follower's leader stands in its configuration (who lags behind in its log may not
 * know its leader yet), and that what was acknowledged stays durable (true of honest leaders only,
 * I-9): that it is when it leaves, is one.
 */
#include "base/assert.h"
#include "raft/batch.h"
#include "raft/core.h"
#include "raft/message.h"
#include "raft/sending.h"

enum { SLICES_LOOKED_AT = 4 };

#define LAW(holds, sentence)       \
  do {                             \
    if (!(holds)) return sentence; \
  } while (0)

/* --- what it holds ---------------------------------------------------------------------------- */

/* Log and commit index begin at a snapshot whose write is not durable. */
static bool is_writing(const vlot_raft *raft) {
  return raft->receipt && raft->receipt->stage == VLOT__RECEIPT_WRITING;
}

static const char *indexes_broken(const vlot_raft *raft) {
  uint64_t last = raft->log.last_index, base = raft->log.base_index;
  LAW(base <= raft->applied_index, "the applied index is below the log's base");
  LAW(raft->applied_index <= raft->handed_index, "more is applied than was handed out");
  LAW(raft->handed_index <= raft->commit_index, "more is handed out than is committed");
  LAW(raft->handed_index - raft->applied_index <= raft->options.apply_entries_max,
      "more is handed out at once than the machine may have before it");
  LAW(raft->commit_index <= last, "the commit index is beyond the log's end");
  LAW(last < VLOT_INDEX_MAX, "the log is longer than indexes go");
  LAW(base <= raft->durable_index || is_writing(raft), "the durable index is below the log's base");
  LAW(raft->durable_index <= last, "the log is durable beyond its end");
  LAW(raft->durable_index <= raft->submitted_index, "more is durable than storage was asked for");
  LAW(raft->submitted_index == last || raft->is_fenced, "storage was not asked for the whole log");
  return NULL;
}

static const char *log_broken(const vlot_raft *raft) {
  const vlot_log *log = &raft->log;
  uint64_t index = log->last_index, term = log->last_term;
  size_t first = log->slice_first, k = log->slice_end;
  size_t lowest = k - first > SLICES_LOOKED_AT ? k - SLICES_LOOKED_AT : first;
  LAW(term <= raft->hard.term, "the log has an entry of a term that the core is not in yet");
  LAW(k == first || vlot_log_slice(log, k - 1)->term == term,
      "the log's last term is not that of its last entry");
  for (; k > lowest; k--) {
    const vlot_slice *slice = vlot_log_slice(log, k - 1);
    LAW(slice->count > 0 && vlot__slice_last(slice) == index, "the log has a gap near its end");
    LAW(slice->term <= term, "terms go down along the log");
    index = slice->index - 1;
    term = slice->term;
  }
  if (lowest > first) return NULL;
  LAW(index == log->base_index, "the log does not begin behind its base");
  LAW(log->slice_end > first ? log->base_term <= term : log->base_term == term,
      "the base is of a later term than the log above it");
  return NULL;
}

static const char *snapshot_broken(const vlot_raft *raft, const vlot_raft_seen *seen) {
  uint64_t base = raft->log.base_index, term;
  LAW(!raft->snapshot || base == seen->base_index || seen->term == 0 ||
          base <= vlot_snapshot_get(raft->snapshot)->index,
      "the log was compacted beyond its snapshot");
  LAW(raft->snapshot || base == seen->base_index || seen->term == 0,
      "the log was compacted and there is no snapshot");
  if (!raft->snapshot) return NULL;
  const vlot_snapshot_head *head = vlot_snapshot_get(raft->snapshot);
  LAW(head->index >= base, "the log begins above its snapshot");
  LAW(head->index >= seen->snapshot_index, "the snapshot is older than it was");
  LAW(head->index <= raft->applied_index, "the snapshot has more than is applied");
  LAW(vlot_log_term(&raft->log, head->index, &term) && term == head->term,
      "the snapshot's last entry is of another term than the log's");
  return NULL;
}

/* What comes of a snapshot, and from whom. */
static const char *receipt_broken(const vlot_raft *raft) {
  const vlot__receipt *receipt = raft->receipt;
  if (!receipt) return NULL;
  LAW(receipt->stage != VLOT__RECEIPT_EMPTY && receipt->snapshot,
      "room is kept for a snapshot that does not come");
  const vlot_snapshot_head *head = vlot_snapshot_get(receipt->snapshot);
  LAW(receipt->piece_count <= VLOT__PIECES_MAX,
      "a snapshot comes in more pieces than may be apart");
  for (uint32_t k = 0; k < receipt->piece_count; k++)
    LAW(receipt->pieces[k].from < receipt->pieces[k].to && receipt->pieces[k].to <= head->size &&
            (k == 0 || receipt->pieces[k - 1].to < receipt->pieces[k].from),
        "pieces of a snapshot overlap, or lie outside of it");
  LAW(receipt->term <= raft->hard.term, "a snapshot comes from a term that the core is not in yet");
  bool is_whole = vlot__receipt_wanted(receipt) == head->size;
  LAW(is_whole == (receipt->stage >= VLOT__RECEIPT_RESTORING),
      "a snapshot is installed and not whole, or whole and not installed");
  if (receipt->stage == VLOT__RECEIPT_RECEIVING)
    LAW(receipt->term == raft->hard.term && head->index > raft->commit_index,
        "a snapshot is kept that nobody sends, or that is overtaken");
  if (receipt->stage == VLOT__RECEIPT_WRITING)
    LAW(receipt->snapshot == raft->snapshot && receipt->token > raft->stored_token &&
            (receipt->token <= raft->last_token || raft->is_fenced) &&
            head->index <= raft->handed_index,
        "a snapshot that is written is not the core's");
  LAW(receipt->stage == VLOT__RECEIPT_RECEIVING || raft->output.apply_count == 0,
      "entries are handed out to a machine that is being replaced");
  return NULL;
}

static const char *writes_broken(const vlot_raft *raft) {
  size_t count = raft->writes.count;
  LAW(raft->stored_token <= raft->last_token, "a write is stored that was never asked for");
  LAW(count == raft->last_token - raft->stored_token,
      "writes that wait are not all that were asked for");
  for (size_t k = 0; k<count; k += count> 1 ? count - 1 : 1) { /* the oldest and the newest */
    const vlot__pending_write *write = vlot__ring_at(&raft->writes, k);
    LAW(write->token == raft->stored_token + k + 1, "writes wait out of the order of their tokens");
    LAW(write->last_index <= raft->log.last_index,
        "a write that waits would make more durable than the log has");
    LAW(write->term <= raft->hard.term, "a write that waits is of a later term");
  }
  return NULL;
}

static const char *hard_state_broken(const vlot_raft *raft) {
  LAW(raft->hard.term < VLOT_INDEX_MAX, "the term is higher than terms go");
  LAW(raft->durable_term <= raft->hard.term, "a later term is durable than the core's own");
  LAW(raft->hard_token <= raft->last_token || raft->is_fenced,
      "term and vote were never written as they are now");
  LAW(raft->hard_token > raft->stored_token ||
          (raft->durable_term == raft->hard.term && raft->durable_vote == raft->hard.vote),
      "term and vote are called durable and are others");
  return NULL;
}

static const char *held_broken(const vlot_raft *raft) {
  for (size_t k = 0; k < raft->held.count; k++) {
    const vlot__held *held = vlot__ring_at(&raft->held, k);
    LAW(held->token > raft->stored_token, "a message is held for a write that is durable");
    LAW(held->token <= raft->last_token || raft->is_fenced,
        "a message is held for a write that was never asked for");
    LAW(held->message.term == raft->hard.term, "a message of another term is held");
    LAW(held->message.kind != VLOT_MESSAGE_APPEND && held->message.kind != VLOT_MESSAGE_INSTALL,
        "an append is held");
    LAW(vlot__durable_token_of(raft, vlot__message_match(&held->message)) <= held->token,
        "an acknowledgement is held for a write that does not make it durable");
  }
  return NULL;
}

/* --- who belongs to it ------------------------------------------------------------------------ */

static const char *configs_broken(const vlot_raft *raft) {
  const vlot__configs *configs = &raft->configs;
  LAW(configs->count > 0, "no configuration is in force");
  LAW(configs->places[0].index <= raft->log.base_index,
      "the configuration at the log's base is not known");
  LAW(vlot__configs_top(configs)->index <= raft->log.last_index,
      "the configuration in force is of an entry beyond the log's end");
  LAW(configs->count == 1 ||
          configs->places[configs->count - 2].index < vlot__configs_top(configs)->index,
      "configurations stand out of the order of their entries");
  return NULL;
}

/* Is this peer who the configuration in force says? */
static bool is_member(const vlot_configuration *configuration, uint32_t k, const vlot__peer *peer) {
  uint32_t stands_in = 0, votes_in = 0;
  for (uint32_t half = 0; half < configuration->half_count; half++) {
    const vlot_member *member = vlot__config_member(configuration, half, peer->id);
    if (!member) continue;
    stands_in |= 1u << half;
    votes_in |= (member->is_learner ? 0u : 1u) << half;
    if (peer->disk_ids[half] != member->disk_id) return false;
  }
  bool is_in_place = k < configuration->counts[0]
                         ? peer->id == configuration->members[k].id
                         : !vlot__config_member(configuration, 0, peer->id);
  return is_in_place && stands_in != 0 && peer->stands_in == stands_in &&
         peer->votes_in == votes_in;
}

static const char *peers_broken(const vlot_raft *raft) {
  const vlot_configuration *in_force = vlot__configs_top(&raft->configs)->configuration;
  LAW(!raft->has_new_config, "a configuration is in force and its peers are not known");
  LAW(raft->peer_count == in_force->peer_count, "there are more or fewer peers than members");
  bool is_outside = raft->self == &raft->outsider;
  LAW(is_outside == !vlot__config_stands(in_force, raft->id),
      "a core waits for a configuration that it has");
  LAW((is_outside || (raft->self >= raft->peers && raft->self < raft->peers + raft->peer_count)) &&
          raft->self->id == raft->id,
      "the core is not among its peers");
  for (uint32_t k = 0; k < raft->peer_count; k++)
    LAW((!raft->has_peers && &raft->peers[k] != raft->self) ||
            is_member(in_force, k, &raft->peers[k]),
        "a peer is not the member that stands in its place");
  return NULL;
}

/* --- what it is ------------------------------------------------------------------------------- */

static const char *role_broken(const vlot_raft *raft) {
  bool is_leader = raft->role == VLOT_ROLE_LEADER, is_follower = raft->role == VLOT_ROLE_FOLLOWER;
  LAW(raft->is_fenced == (raft->fenced_why != VLOT_WHY_NONE), "a fenced core does not say why");
  LAW(is_follower || raft->has_peers, "a core campaigns or leads without knowing its peers");
  bool is_needed = vlot__config_was_voter(raft) || (is_leader && raft->change.is_retiring);
  LAW(is_follower || vlot__peer_is_voter(raft->self) || is_needed, "a learner campaigns or leads");
  LAW(is_follower || vlot__peer_knows_disk(raft->self, raft->hard.disk_id) || is_needed,
      "a core campaigns or leads from a disk that does not count");
  LAW(!is_leader || raft->leader == raft->id, "a leader names another as leader");
  LAW(is_leader || raft->leader != raft->id, "a core names itself as leader and does not lead");
  LAW(is_follower || is_leader || raft->leader == 0, "a candidate knows a leader");
  LAW((raft->role != VLOT_ROLE_CANDIDATE && !is_leader) || raft->hard.vote == raft->id,
      "a candidate or leader has not voted for itself");
  LAW(is_leader || raft->reads.count == 0, "a read waits where nobody leads");
  LAW(is_leader || (!raft->change.is_asked && !raft->change.is_retiring),
      "a change waits where nobody leads");
  LAW(raft->transfer.to == 0 || is_leader != raft->transfer.is_over || raft->is_fenced,
      "leadership is handed over where nobody leads");
  LAW(raft->transfer.to != raft->id, "leadership is handed over to the leader itself");
  LAW(is_leader || raft->tail_bytes == 0, "a tail is counted where nobody leads");
  LAW(raft->new_matches == 0 || (is_leader && raft->is_fenced),
      "what was acknowledged last was not counted");
  return NULL;
}

static const char *campaign_broken(const vlot_raft *raft) {
  bool is_candidate = raft->role == VLOT_ROLE_CANDIDATE;
  if (!is_candidate && raft->role != VLOT_ROLE_PRE_CANDIDATE) return NULL;
  vlot__config_tally tally = vlot__config_count_votes(raft);
  LAW(raft->votes_granted == tally.granted, "the votes counted are not those that were given");
  LAW(!tally.is_won, "a candidate has won and does not go on");
  LAW(!tally.is_lost, "a candidate has lost and does not give up");
  LAW(raft->campaign_request < raft->next_request, "a campaign has a number that was never given");
  LAW(!is_candidate || raft->self->vote == VLOT__VOTE_UNKNOWN ||
          raft->hard_token <= raft->stored_token,
      "a candidate counts its own vote before it is durable");
  return NULL;
}

/* A timer that is due has fired, in the step that took the tick. */
static const char *timers_broken(const vlot_raft *raft) {
  const vlot_raft_options *options = &raft->options;
  bool is_leader = raft->role == VLOT_ROLE_LEADER;
  LAW(raft->election_ticks >= options->election_ticks_min &&
          raft->election_ticks < options->election_ticks_max + raft->rank_delay,
      "the election timeout is outside of its limits");
  LAW(is_leader || raft->election_elapsed < raft->election_ticks ||
          vlot__role_campaign_obstacle(raft) != VLOT_WHY_NONE,
      "the election timeout has passed and nothing came of it");
  LAW(!is_leader || raft->heartbeat_elapsed < options->heartbeat_ticks, "heartbeats are overdue");
  LAW(!is_leader || raft->quorum_elapsed < options->election_ticks_min,
      "a leader's look for its quorum is overdue");
  LAW(!raft->is_fenced || raft->output.next_timer == VLOT_NEVER, "a fenced core wants a tick");
  /* by difference: a tick may be told that is the last of all */
  LAW(raft->output.next_timer == VLOT_NEVER ||
          raft->output.next_timer - raft->now - 1 <
              (uint64_t)options->election_ticks_max + raft->rank_delay + raft->transfer.ticks,
      "the next timer is due in the past, or later than any timer");
  return NULL;
}

/* --- a leader --------------------------------------------------------------------------------- */

static const char *window_broken(const vlot_raft *raft, const vlot__peer *peer) {
  size_t count = peer->inflight.count;
  LAW(count <= raft->options.window_messages_max, "more is in flight to a peer than its window");
  if (count == 0) {
    LAW(peer->inflight_bytes == 0, "bytes are in flight to a peer and no message is");
    return NULL;
  }
  const vlot__inflight *oldest = vlot__ring_at(&peer->inflight, 0);
  const vlot__inflight *newest = vlot__ring_at(&peer->inflight, count - 1);
  LAW(peer->state == VLOT_PROGRESS_REPLICATE, "a window is open to a peer that is probed");
  LAW(oldest->last_index > peer->match_index, "what a peer has acknowledged is still in flight");
  LAW(newest->last_index == peer->next_index - 1,
      "what was sent last is not what stands before the next index");
  return NULL;
}

static const char *sending_broken(const vlot_raft *raft, const vlot__peer *peer) {
  const vlot__sending *sending = peer->sending;
  LAW((peer->state == VLOT_PROGRESS_SNAPSHOT) == (sending != NULL),
      "a snapshot is sent to a peer that is not in that state, or the other way round");
  if (!sending) return NULL;
  uint64_t size = vlot_snapshot_get(sending->snapshot)->size;
  LAW(peer->next_index <= raft->log.base_index, "a peer is sent a snapshot and needs none");
  LAW(sending->acked <= sending->next && sending->next <= size,
      "more of a snapshot is acknowledged than was sent, or sent than there is");
  LAW(sending->hole_from >= sending->hole_to ||
          (sending->hole_from >= sending->acked && sending->hole_to <= sending->next),
      "what was never sent of a snapshot, or has arrived, is to be sent again");
  LAW(sending->next - sending->acked <= raft->options.snapshot_window_bytes ||
          sending->next - sending->acked <= raft->options.snapshot_chunk_bytes,
      "more of a snapshot is in flight than its window");
  return NULL;
}

static const char *progress_broken(const vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    LAW(peer->dealing < raft->next_dealing, "a dealing has a number that was never given");
    if (peer == raft->self) continue;
    LAW(peer->match_index <= raft->log.last_index, "a peer's match index is beyond the log's end");
    LAW(peer->next_index > peer->match_index, "a peer's next index is not above its match index");
    LAW(peer->next_index <= raft->log.last_index + 1, "a peer's next index leaves a gap");
    LAW(peer->acked_request < raft->next_request, "a peer has answered what was never asked");
    LAW(peer->sent_commit <= raft->commit_index, "a peer was told of more than is committed");
    LAW(peer->state == VLOT_PROGRESS_PROBE || !peer->is_paused, "a peer is paused and not probed");
    LAW(peer->asked_request < raft->next_request && peer->gap_request <= raft->next_request,
        "a peer was asked what was never asked");
    LAW(peer->silent_ticks < peer->silence_max, "a peer is silent for too long and was not asked");
    const char *broken = window_broken(raft, peer);
    if (!broken) broken = sending_broken(raft, peer);
    if (broken) return broken;
  }
  return NULL;
}

/* Another configuration was appended since: what was counted before it was counted in another. */
static bool has_pushed(const vlot_raft *raft, const vlot_raft_seen *seen) {
  return vlot__configs_top(&raft->configs)->index > seen->last_index;
}

/* With votes that stay as they were counted until the next campaign. */
static const char *leader_broken(const vlot_raft *raft, const vlot_raft_seen *seen) {
  uint64_t last = raft->log.last_index, tail = last - raft->commit_index;
  if (raft->role != VLOT_ROLE_LEADER) return NULL;
  LAW((seen->role == VLOT_ROLE_LEADER && seen->term == raft->hard.term) || has_pushed(raft, seen) ||
          vlot__config_count_votes(raft).is_won,
      "a core leads that no quorum has elected");
  LAW(raft->self->match_index == raft->durable_index,
      "a leader's own match index is not what is durable here");
  LAW((last >= raft->term_first_index) == (raft->log.last_term == raft->hard.term),
      "a leadership's first entry is not the first one of its term");
  LAW(tail > 0 || raft->tail_bytes == 0, "a tail is counted and all is committed");
  LAW(raft->tail_bytes >= tail * VLOT_ENTRY_OVERHEAD, "the tail has more entries than are counted");
  LAW(raft->reads.count <= raft->options.reads_max, "more reads wait than may");
  if (raft->reads.count > 0) {
    const vlot__read *read = vlot__ring_at(&raft->reads, 0);
    LAW(read->index <= raft->commit_index, "a read waits for what is not committed");
    LAW(read->round <= raft->next_request, "a read waits for a request that is not the next one");
  }
  return progress_broken(raft);
}

/* --- what leaves it --------------------------------------------------------------------------- */

static bool is_promise_durable(const vlot_raft *raft, const vlot_message *message) {
  bool is_grant = message->kind == VLOT_MESSAGE_VOTE_REPLY && (message->flags & VLOT_MESSAGE_OK);
  uint32_t candidate = message->kind == VLOT_MESSAGE_VOTE ? message->from : message->to;
  return (message->kind != VLOT_MESSAGE_VOTE && !is_grant) || message->term < raft->durable_term ||
         raft->durable_vote == candidate;
}

static const char *messages_broken(const vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->output.message_count; k++) {
    const vlot_message *message = &raft->output.messages[k];
    LAW(message->from == raft->id && message->disk_id == raft->hard.disk_id,
        "a message leaves in another's name");
    LAW(message->to != raft->id, "a message leaves for its sender");
    LAW(message->term <= raft->durable_term, "a message leaves before its term is durable");
    LAW(is_promise_durable(raft, message), "a message leaves before its vote is durable");
    LAW(vlot__message_match(message) <= raft->durable_index || message->term < raft->hard.term,
        "an acknowledgement leaves before it is durable");
    LAW((message->kind != VLOT_MESSAGE_APPEND && message->kind != VLOT_MESSAGE_INSTALL &&
         message->kind != VLOT_MESSAGE_TIMEOUT_NOW) ||
            (raft->role == VLOT_ROLE_LEADER && message->term == raft->hard.term),
        "an append leaves and its sender does not lead");
  }
  return NULL;
}

static const char *output_broken(const vlot_raft *raft) {
  const vlot_output *output = &raft->output;
  const vlot_write *write = &output->write;
  LAW(write->token == 0 || write->token == raft->last_token, "a write has not the last token");
  LAW(!write->snapshot || (write->snapshot == raft->snapshot && write->truncate_from == 0),
      "a write begins at a snapshot that is not the core's");
  LAW(output->compact_index == 0 || output->compact_index == raft->log.base_index,
      "what is to be compacted is not below the log's base");
  if (write->slice_count > 0)
    LAW(vlot__slice_last(&write->slices[write->slice_count - 1]) == raft->log.last_index,
        "a write does not reach the log's end");
  for (uint32_t k = 1; k < output->apply_count; k++)
    LAW(output->apply[k].index == vlot__slice_last(&output->apply[k - 1]) + 1,
        "what is to be applied has a gap");
  if (output->apply_count > 0)
    LAW(vlot__slice_last(&output->apply[output->apply_count - 1]) == raft->handed_index,
        "what is to be applied does not end where it was handed out");
  for (uint32_t k = 0; k < output->read_count; k++)
    LAW(output->reads[k].index <= raft->commit_index,
        "a read is answered with what is not committed");
  return messages_broken(raft);
}

/* --- what may not go back --------------------------------------------------------------------- */

static const char *order_broken(const vlot_raft *raft, const vlot_raft_seen *seen) {
  LAW(raft->hard.term >= seen->term, "the term went back");
  LAW(raft->hard.term != seen->term || seen->vote == 0 || raft->hard.vote == seen->vote,
      "a vote was changed within its term");
  LAW(raft->commit_index >= seen->commit_index, "the commit index went back");
  LAW(raft->handed_index >= seen->handed_index, "what was handed out went back");
  LAW(raft->applied_index >= seen->applied_index, "the applied index went back");
  LAW(raft->log.base_index >= seen->base_index, "the log's base went back");
  LAW(raft->last_token >= seen->last_token && raft->stored_token >= seen->stored_token,
      "tokens went back");
  LAW(raft->next_request >= seen->next_request, "a request's number is given again");
  LAW(raft->now >= seen->now, "time went back");
  LAW(raft->change_from > seen->commit_index, "what is committed was written over");
  return NULL;
}

/* A core that is fenced is over; a leadership appends, and commits by counting. */
static const char *steps_broken(const vlot_raft *raft, const vlot_raft_seen *seen) {
  const vlot_output *output = &raft->output;
  bool is_same_leadership = seen->role == VLOT_ROLE_LEADER && raft->role == VLOT_ROLE_LEADER &&
                            seen->term == raft->hard.term;
  LAW(!seen->is_fenced || raft->is_fenced, "a fenced core goes on");
  LAW(!seen->is_fenced || (output->message_count == 0 && output->write.token == 0 &&
                           output->apply_count == 0 && output->read_count == 0),
      "something leaves a fenced core");
  if (!is_same_leadership) return NULL;
  LAW(raft->log.last_index >= seen->last_index && raft->change_from > seen->last_index,
      "a leader changed what stood in its log");
  if (raft->commit_index == seen->commit_index) return NULL;
  uint64_t term;
  LAW(vlot_log_term(&raft->log, raft->commit_index, &term) && term == raft->hard.term,
      "a leader committed by counting an entry of another term");
  LAW(has_pushed(raft, seen) || vlot__config_has_matched(raft, raft->commit_index),
      "a leader committed what no quorum has acknowledged");
  return NULL;
}

/* --- the check -------------------------------------------------------------------------------- */

static const char *broken_law(const vlot_raft *raft, const vlot_raft_seen *seen) {
  /* in this order: the later ones rest on the earlier ones */
  const char *broken = order_broken(raft, seen);
  if (!broken) broken = indexes_broken(raft);
  if (!broken) broken = log_broken(raft);
  if (!broken) broken = snapshot_broken(raft, seen);
  if (!broken) broken = receipt_broken(raft);
  if (!broken) broken = writes_broken(raft);
  if (!broken) broken = hard_state_broken(raft);
  if (!broken) broken = held_broken(raft);
  if (!broken) broken = configs_broken(raft);
  if (!broken) broken = peers_broken(raft);
  if (!broken) broken = role_broken(raft);
  if (!broken) broken = campaign_broken(raft);
  if (!broken) broken = leader_broken(raft, seen);
  if (!broken) broken = timers_broken(raft);
  if (!broken) broken = output_broken(raft);
  return broken ? broken : steps_broken(raft, seen);
}

vlot_raft_seen vlot__invariant_see(const vlot_raft *raft) {
  return (vlot_raft_seen){.term = raft->hard.term,
                          .base_index = raft->log.base_index,
                          .last_index = raft->log.last_index,
                          .commit_index = raft->commit_index,
                          .handed_index = raft->handed_index,
                          .applied_index = raft->applied_index,
                          .stored_token = raft->stored_token,
                          .last_token = raft->last_token,
                          .next_request = raft->next_request,
                          .now = raft->now,
                          .snapshot_index =
                              raft->snapshot ? vlot_snapshot_get(raft->snapshot)->index : 0,
                          .vote = raft->hard.vote,
                          .role = raft->role,
                          .is_fenced = raft->is_fenced};
}

const char *vlot_raft_check(const vlot_raft *raft, vlot_raft_seen *seen) {
  VLOT_GIVEN(raft);
  const char *broken = broken_law(raft, seen);
  *seen = vlot__invariant_see(raft);
  return broken;
}
