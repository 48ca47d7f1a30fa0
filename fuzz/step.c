/* One core among peers that say anything at all. The bytes choose inputs: time, messages with
 * fields near the core's own (or at the limits), requests, completions of writes, crashes. Whatever
 * the peers say,
 *
 *   I-2  a leader does not touch its own log       I-6  what was committed stays as it was
 *   I-7  term and commit index do not go back      I-8  one vote per term, durable before it leaves
 *   I-13 every message that leaves is well formed, and of a term that is durable
 *   I-14 a snapshot never goes back         I-19 the core keeps its own laws
 *
 * and no assertion fails, nothing leaks, and a core that was fenced takes nothing any more.
 */
#include <stdlib.h>
#include <string.h>

#include "raft/snapshot.h"

enum {
  PEERS = 5,
  LOG_MAX = 512,
  SENT_MAX = 8,
  PENDING_MAX = 1024,
  TERMS_MAX = 256,
  GROUP_MAX = 4,
  SLICES_MAX = 4,
  STATE_SIZE = 6
};

static void demand(bool condition) {
  if (!condition) abort();
}

/* --- the bytes -------------------------------------------------------------------------------- */

typedef struct bytes {
  const uint8_t *at;
  size_t left;
} bytes;

static uint8_t next(bytes *from) {
  if (from->left == 0) return 0;
  from->left--;
  return *from->at++;
}

/* A number near another, or an extreme one. */
static uint64_t near(bytes *from, uint64_t value) {
  uint8_t how = next(from);
  if (how < 200) return value + how % 8 - (value >= 4 ? 4 : value); /* mostly within 4 */
  if (how < 220) return how - 200u;
  static const uint64_t extremes[] = {VLOT_INDEX_MAX - 1, VLOT_INDEX_MAX - 2, VLOT_INDEX_MAX,
                                      UINT64_MAX,         (uint64_t)1 << 63,  VLOT_INDEX_MAX - 3,
                                      UINT32_MAX};
  return extremes[how % (sizeof extremes / sizeof *extremes)];
}

/* --- what stands around the core -------------------------------------------------------------- */

typedef struct write {
  uint64_t token;
  uint64_t last; /* entries after this write */
  uint64_t base; /* the log's */
  vlot_snapshot *snapshot;
  vlot_hard_state hard;
  uint64_t terms[LOG_MAX + 1];
} write;

typedef struct world {
  vlot_raft *raft;
  vlot_raft_seen seen;
  uint64_t now, incarnation;
  uint64_t handed, told;
  bool is_fenced;
  /* the disk: what is durable, what was asked for, and the writes between the two */
  vlot_hard_state hard, asked_hard;
  uint64_t durable_last, asked_last;
  uint64_t durable_base, asked_base;
  vlot_snapshot *snapshot; /* the disk's */
  bool is_restoring;
  vlot_result outcome;                               /* of the last input that has one */
  uint64_t durable[LOG_MAX + 1], asked[LOG_MAX + 1]; /* terms by index */
  write *pending;                                    /* [PENDING_MAX] */
  size_t pending_count;
  /* history */
  uint64_t committed[LOG_MAX + 1]; /* term by index; 0: below a snapshot */
  uint64_t commit, term;
  vlot_role role;
  struct {
    uint64_t term;
    uint32_t candidate;
  } votes[TERMS_MAX];
  size_t vote_count;
  vlot_message sent[SENT_MAX]; /* without slices, to be answered */
  size_t sent_count;
} world;

static vlot_snapshot *state_at(uint64_t index, uint64_t term, uint64_t offset, size_t length) {
  vlot_member members[PEERS];
  for (uint32_t k = 0; k < PEERS; k++)
    members[k] = (vlot_member){.id = k + 1, .is_learner = k == PEERS - 1, .disk_id = 0};
  vlot_snapshot_head head = {.index = index, .term = term, .size = STATE_SIZE};
  head.configuration = vlot_configuration_make(NULL, members, PEERS, NULL, 0);
  uint8_t *data = NULL;
  vlot_snapshot *snapshot = vlot__snapshot_make_part(NULL, &head, offset, length, &data);
  if (snapshot) memset(data, 'x', length);
  vlot_configuration_release(head.configuration);
  return snapshot;
}

static void replace(vlot_snapshot **place, vlot_snapshot *snapshot) {
  (void)vlot_snapshot_retain(snapshot);
  vlot_snapshot_release(*place);
  *place = snapshot;
}

static void start(world *w) {
  vlot_member members[PEERS];
  for (uint32_t k = 0; k < PEERS; k++)
    members[k] = (vlot_member){.id = k + 1, .is_learner = k == PEERS - 1, .disk_id = 0};
  vlot_log_entry entries[LOG_MAX] = {0};
  for (uint64_t k = w->durable_base; k < w->durable_last; k++) {
    entries[k - w->durable_base].term = w->durable[k + 1];
    entries[k - w->durable_base].entry.kind = VLOT_ENTRY_COMMAND;
  }
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = members;
  options.member_count = PEERS;
  options.heartbeat_ticks = 2;
  options.election_ticks_min = 5;
  options.election_ticks_max = 9;
  options.append_entries_max = 3;
  options.append_bytes_max = 8;
  options.window_messages_max = 3;
  options.window_bytes_max = 16;
  options.tail_bytes_max = 64;
  options.apply_entries_max = 4;
  options.reads_max = 4;
  options.now = w->now;
  options.request_base = ++w->incarnation << 32;
  options.hard = w->hard;
  options.log_entries = entries;
  options.log_entry_count = (size_t)(w->durable_last - w->durable_base);
  options.base_index = w->durable_base;
  options.base_term = w->durable[w->durable_base];
  options.snapshot = w->snapshot;
  options.snapshot_chunk_bytes = 2;
  options.snapshot_window_bytes = 4;
  options.snapshot_tick_bytes = 5;
  options.log_bytes_max = 4096;
  const char *problem = NULL;
  demand(vlot_raft_open(&w->raft, &options, &problem) == VLOT_OK);
  w->seen = (vlot_raft_seen){0};
  w->asked_hard = w->hard;
  w->asked_last = w->durable_last;
  w->asked_base = w->durable_base;
  memcpy(w->asked, w->durable, sizeof w->asked);
  while (w->pending_count > 0) vlot_snapshot_release(w->pending[--w->pending_count].snapshot);
  w->is_restoring = false;
  w->handed = w->told = w->commit = w->snapshot ? vlot_snapshot_get(w->snapshot)->index : 0;
  memset(w->committed, 0, sizeof w->committed);
  w->term = w->hard.term;
  w->role = VLOT_ROLE_FOLLOWER;
  w->is_fenced = false;
}

static void crash(world *w) {
  vlot_raft_close(w->raft);
  start(w);
}

/* --- the oracle ------------------------------------------------------------------------------- */

static void check_vote(world *w, uint64_t term, uint32_t candidate) {
  demand(w->hard.term > term || (w->hard.term == term && w->hard.vote == candidate));
  for (size_t k = 0; k < w->vote_count; k++) {
    if (w->votes[k].term != term) continue;
    demand(w->votes[k].candidate == candidate);
    return;
  }
  if (w->vote_count == TERMS_MAX) return;
  w->votes[w->vote_count].term = term;
  w->votes[w->vote_count++].candidate = candidate;
}

static void check_message(world *w, const vlot_message *message) {
  demand(vlot_message_check(message) == VLOT_WHY_NONE);
  demand(message->from == 1);
  demand(message->term <= w->hard.term);
  bool is_ok = (message->flags & VLOT_MESSAGE_OK) != 0;
  if (message->kind == VLOT_MESSAGE_VOTE) check_vote(w, message->term, 1);
  if (message->kind == VLOT_MESSAGE_VOTE_REPLY && is_ok) check_vote(w, message->term, message->to);
  if (message->kind == VLOT_MESSAGE_INSTALL_REPLY && is_ok)
    demand(message->as.installed.match_index <= w->durable_last);
  if (message->kind == VLOT_MESSAGE_APPEND_REPLY && is_ok)
    demand(message->as.reply.match_index <= w->durable_last);
  w->sent[w->sent_count++ % SENT_MAX] = *message;
}

static void check_change(world *w, const vlot_change *change) {
  switch ((vlot_change_kind)change->kind) {
  case VLOT_CHANGE_TERM:
    demand(change->from == w->term && change->to > change->from);
    w->term = change->to;
    break;
  case VLOT_CHANGE_ROLE: w->role = (vlot_role)change->to; break;
  case VLOT_CHANGE_TRUNCATE:
    demand(w->role != VLOT_ROLE_LEADER);
    demand(change->from > w->commit);
    break;
  case VLOT_CHANGE_SNAPSHOT_INSTALLED:
    demand(w->role != VLOT_ROLE_LEADER);
    demand(change->from == w->commit && change->to > change->from);
    w->commit = w->handed = w->told = change->to;
    memset(w->committed, 0, sizeof w->committed);
    break;
  case VLOT_CHANGE_COMPACTED:
    demand(change->from == w->asked_base && change->to <= w->told);
    demand(w->snapshot || change->to == 0);
    w->asked_base = w->durable_base = change->to;
    break;
  case VLOT_CHANGE_COMMIT:
    demand(change->from == w->commit && change->to > change->from);
    w->commit = change->to;
    break;
  default: break;
  }
}

/* The committed prefix of this incarnation is the one that it handed out. A crash may lose what
 * only others hold. */
static void check_log(world *w, const vlot_raft_status *status) {
  demand(status->term == w->term && status->commit_index == w->commit && status->role == w->role);
  demand(status->commit_index <= status->last_index &&
         status->applied_index <= status->commit_index);
  demand(status->last_index == w->asked_last);
  demand(status->durable_index <= w->durable_last || status->durable_index <= w->asked_last);
  demand(status->base_index == w->asked_base);
  for (uint64_t index = w->asked_base + 1; index <= status->last_index; index++) {
    uint64_t term;
    vlot_entry entry;
    demand(vlot_raft_get_entry(w->raft, index, &term, &entry) == VLOT_OK);
    demand(term == w->asked[index] && term <= status->term);
    demand(index == 1 || term >= w->asked[index - 1]);
    if (index <= w->handed && w->committed[index] > 0) demand(w->committed[index] == term);
  }
}

/* --- carrying out ----------------------------------------------------------------------------- */

static void take_write(world *w, const vlot_write *asked) {
  if (asked->token == 0) return;
  if (asked->snapshot) {
    const vlot_snapshot_head *head = vlot_snapshot_get(asked->snapshot);
    demand(head->index <= LOG_MAX && head->index > w->asked_base);
    w->asked_base = w->asked_last = head->index;
    w->asked[head->index] = head->term;
  }
  if (asked->truncate_from > 0) {
    demand(asked->truncate_from <= w->asked_last);
    w->asked_last = asked->truncate_from - 1;
  }
  for (uint32_t k = 0; k < asked->slice_count; k++) {
    const vlot_slice *slice = &asked->slices[k];
    demand(slice->index == w->asked_last + 1);
    for (uint32_t n = 0; n < slice->count; n++) {
      demand(w->asked_last < LOG_MAX);
      w->asked[++w->asked_last] = slice->term;
    }
  }
  if (asked->has_hard) w->asked_hard = asked->hard;
  demand(w->pending_count < PENDING_MAX);
  write *kept = &w->pending[w->pending_count++];
  kept->token = asked->token;
  kept->last = w->asked_last;
  kept->base = w->asked_base;
  kept->snapshot = vlot_snapshot_retain(asked->snapshot);
  kept->hard = w->asked_hard;
  memcpy(kept->terms, w->asked, sizeof kept->terms);
}

static void take_apply(world *w, const vlot_slice *slice) {
  demand(slice->index == w->handed + 1);
  for (uint32_t k = 0; k < slice->count; k++) w->committed[++w->handed] = slice->term;
  demand(w->handed <= w->commit);
}

static void step(world *w, const vlot_input *inputs, uint32_t count) {
  const vlot_output *output = NULL;
  bool was_fenced = w->is_fenced;
  vlot_result result = vlot_raft_step(w->raft, inputs, count, &output);
  demand(vlot_raft_check(w->raft, &w->seen) == NULL);
  demand(result == VLOT_OK || result == VLOT_FENCED);
  demand(result == VLOT_FENCED || output->consumed == count);
  demand(!was_fenced || (result == VLOT_FENCED && output->consumed == 0));
  demand(!was_fenced ||
         (output->write.token == 0 && output->message_count == 0 && output->apply_count == 0));
  w->is_fenced = result == VLOT_FENCED;
  for (uint32_t k = 0; k < output->change_count; k++) check_change(w, &output->changes[k]);
  take_write(w, &output->write);
  if (output->restore) {
    demand(!w->is_restoring && vlot__snapshot_is_whole(output->restore));
    w->is_restoring = true;
  }
  if (output->outcome_count > 0) w->outcome = output->outcomes[output->outcome_count - 1].result;
  for (uint32_t k = 0; k < output->message_count; k++) check_message(w, &output->messages[k]);
  for (uint32_t k = 0; k < output->apply_count; k++) take_apply(w, &output->apply[k]);
  for (uint32_t k = 0; k < output->lost_count; k++)
    demand(output->lost[k].first <= output->lost[k].last);
  vlot_raft_status status;
  vlot_raft_get_status(w->raft, &status);
  demand((status.is_fenced != 0) == w->is_fenced);
  check_log(w, &status);
}

static void store(world *w, size_t most) {
  if (most > w->pending_count) most = w->pending_count;
  if (most == 0) return;
  const write *last = &w->pending[most - 1];
  w->durable_last = last->last;
  w->hard = last->hard;
  memcpy(w->durable, last->terms, sizeof w->durable);
  uint64_t token = last->token;
  for (size_t k = 0; k < most; k++) {
    if (w->pending[k].base > w->durable_base) w->durable_base = w->pending[k].base;
    if (w->pending[k].snapshot) replace(&w->snapshot, w->pending[k].snapshot);
    vlot_snapshot_release(w->pending[k].snapshot);
  }
  w->pending_count -= most;
  memmove(w->pending, w->pending + most, w->pending_count * sizeof *w->pending);
  step(w, &(vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token}, 1);
}

/* --- inputs from the bytes -------------------------------------------------------------------- */

typedef struct speech {
  vlot_message message;
  vlot_slice slices[SLICES_MAX];
  vlot_snapshot *snapshot; /* a reference, or NULL */
} speech;

static uint32_t any_peer(bytes *from) { return 2 + next(from) % (PEERS + 1); /* strangers too */ }

static void speak_entries(bytes *from, speech *said, vlot_batch *batch, uint64_t last) {
  vlot_message *message = &said->message;
  uint32_t count = last < LOG_MAX - 64 ? next(from) % (SLICES_MAX + 1) : 0;
  uint64_t index = message->as.append.prev_index, term = message->as.append.prev_term;
  for (uint32_t k = 0; k < count; k++) {
    uint8_t shape = next(from);
    vlot_slice *slice = &said->slices[k];
    if (shape % 4 == 0) term++;
    if (term == 0) term = 1;
    *slice = (vlot_slice){.batch = batch,
                          .index = index + 1,
                          .term = term,
                          .first = shape % 3,
                          .count = 1 + shape % 2};
    if (shape > 250) slice->index++; /* a gap */
    index += slice->count;
    message->as.append.entry_count += slice->count;
  }
  message->as.append.slices = said->slices;
  message->as.append.slice_count = count;
}

/* Of a snapshot near what the core has, whole or in parts. */
static void speak_chunk(bytes *from, speech *said, uint64_t index, uint64_t term) {
  uint8_t shape = next(from);
  uint64_t offset = shape % (STATE_SIZE + 1), length = shape / 8 % (STATE_SIZE + 1);
  if (shape < 128) offset = 0, length = STATE_SIZE;
  if (length > STATE_SIZE - offset) length = STATE_SIZE - offset;
  said->snapshot = shape % 2 ? state_at(index, term, offset, (size_t)length)
                             : state_at(index, term, 0, STATE_SIZE);
  said->message.as.install.snapshot = said->snapshot;
  said->message.as.install.offset = offset;
  said->message.as.install.length = (uint32_t)length;
}

static void speak(world *w, bytes *from, speech *said, vlot_batch *batch) {
  vlot_raft_status status;
  vlot_raft_get_status(w->raft, &status);
  vlot_message *message = &said->message;
  memset(said, 0, sizeof *said);
  message->kind = (uint16_t)(next(from) % (VLOT_MESSAGE_KINDS + 1));
  message->from = any_peer(from);
  message->to = 1;
  message->disk_id = next(from) % 3;
  message->term = near(from, status.term);
  message->flags = (uint16_t)(next(from) % 4);
  bool is_reply = message->kind % 2 == 0;
  if (is_reply)
    message->flags &= VLOT_MESSAGE_OK;
  else if (message->kind != VLOT_MESSAGE_VOTE)
    message->flags = 0;
  if (is_reply && !message->flags) message->why = VLOT_WHY_LOG_BEHIND;
  if (is_reply && w->sent_count > 0) { /* an answer to something that was said */
    const vlot_message *asked =
        &w->sent[next(from) % (w->sent_count < SENT_MAX ? w->sent_count : SENT_MAX)];
    message->request_id =
        asked->request_id + (next(from) % 16 == 0); /* or a guess at what is not sent yet */
    message->dealing = message->kind >= VLOT_MESSAGE_APPEND ? asked->dealing : 0;
    if (next(from) % 8) message->from = asked->to;
  } else {
    message->request_id = next(from);
    message->dealing = message->kind >= VLOT_MESSAGE_APPEND ? next(from) : 0;
  }
  uint64_t index = near(from, status.last_index), term = 0;
  if (index <= status.last_index && index > 0 && next(from) % 4)
    term = w->asked[index];
  else if (index > 0)
    term = near(from, status.last_term);
  switch (message->kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
    message->as.vote.last_index = index;
    message->as.vote.last_term = term;
    break;
  case VLOT_MESSAGE_APPEND:
    message->as.append.prev_index = index;
    message->as.append.prev_term = term;
    message->as.append.commit = near(from, status.commit_index);
    speak_entries(from, said, batch, status.last_index);
    break;
  case VLOT_MESSAGE_APPEND_REPLY:
    message->as.reply.prev_index = near(from, status.last_index);
    if (message->flags)
      message->as.reply.match_index = index;
    else
      message->as.reply.hint_index = index;
    if (!message->flags) message->as.reply.hint_term = term;
    break;
  case VLOT_MESSAGE_INSTALL:
    if (index > LOG_MAX / 2 && index < VLOT_INDEX_MAX) index = status.commit_index + index % 4;
    speak_chunk(from, said, index, term);
    break;
  case VLOT_MESSAGE_INSTALL_REPLY:
    message->as.installed.index = near(from, status.snapshot_index);
    if (message->flags)
      message->as.installed.match_index = message->as.installed.index;
    else {
      static const uint32_t whys[] = {VLOT_WHY_SNAPSHOT_PARTIAL, VLOT_WHY_SNAPSHOT_INSTALLING,
                                      VLOT_WHY_SNAPSHOT_CORRUPT, VLOT_WHY_SNAPSHOT_TOO_LARGE};
      uint8_t shape = next(from);
      message->why = whys[shape % 4];
      message->as.installed.offset = shape / 4 % (STATE_SIZE + 1);
      message->as.installed.limit = STATE_SIZE - (shape > 200 ? 1 : 0);
    }
    break;
  default: break;
  }
}

/* Members, leadership, ranks. */
static vlot_input ask_for_members(bytes *from, uint8_t what) {
  static vlot_edit edits[2];
  static vlot_rank ranks[2];
  vlot_input input = {0};
  if (what < 240) {
    input.kind = VLOT_INPUT_CHANGE;
    input.as.change.count = 1 + what % 2;
    input.as.change.is_joint = what % 8 == 0;
    input.as.change.edits = edits;
    for (uint32_t k = 0; k < 2; k++) {
      edits[k].kind = next(from) % 8;
      edits[k].id = 1 + next(from) % (PEERS + 2);
    }
  } else if (what < 246) {
    input.kind = VLOT_INPUT_TRANSFER;
    input.as.transfer.to = next(from) % (PEERS + 2);
    input.as.transfer.ticks = next(from) % 8;
  } else if (what < 251) {
    input.kind = VLOT_INPUT_CANCEL_CHANGE;
  } else {
    input.kind = VLOT_INPUT_RANKS;
    input.as.ranks.ranks = ranks;
    input.as.ranks.count = what % 3;
    for (uint32_t k = 0; k < 2; k++)
      ranks[k] = (vlot_rank){.id = next(from) % (PEERS + 2), .rank = next(from)};
  }
  return input;
}

static vlot_input ask(world *w, bytes *from, vlot_command *commands) {
  static const uint8_t payload[16] = {0};
  static const vlot_input_kind plain[] = {VLOT_INPUT_CAMPAIGN, VLOT_INPUT_ELECT,
                                          VLOT_INPUT_STEP_DOWN, VLOT_INPUT_FORGET_LEADER};
  uint8_t what = next(from);
  vlot_input input = {0};
  if (what < 100) {
    input.kind = VLOT_INPUT_PROPOSE;
    input.as.propose.count = w->asked_last < LOG_MAX - 64 ? 1 + what % 3 : 1;
    input.as.propose.commands = commands;
    for (uint32_t k = 0; k < 3; k++)
      commands[k] = (vlot_command){.data = payload, .size = next(from) % 16};
    if (w->asked_last >= LOG_MAX - 64) input = (vlot_input){.kind = VLOT_INPUT_READ};
  } else if (what < 150) {
    input.kind = VLOT_INPUT_READ;
    input.as.read_tag = what;
  } else if (what < 160) {
    input.kind = VLOT_INPUT_SWITCHES;
    input.as.switches = next(from) % (VLOT_SWITCH_ALL + 1);
  } else if (what >= 220) {
    input = ask_for_members(from, what);
  } else {
    input.kind = plain[what % 4];
  }
  return input;
}

static void act(world *w, bytes *from, vlot_batch *batch) {
  speech said[GROUP_MAX] = {0};
  vlot_command commands[GROUP_MAX][3];
  vlot_input inputs[GROUP_MAX];
  uint32_t count = 0, most = 1 + next(from) % GROUP_MAX;
  while (count < most && from->left > 0) {
    uint8_t what = next(from);
    if (what < 150) {
      speak(w, from, &said[count], batch);
      inputs[count] = (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &said[count].message};
    } else if (what < 200) {
      uint64_t elapsed = what % 8 == 7 ? 1000 : what % 8;
      inputs[count] = (vlot_input){.kind = VLOT_INPUT_TICK};
      inputs[count].as.tick.now = w->now += elapsed;
      inputs[count].as.tick.elapsed = elapsed;
    } else {
      inputs[count] = ask(w, from, commands[count]);
    }
    count++;
  }
  step(w, inputs, count);
  for (uint32_t k = 0; k < GROUP_MAX; k++) vlot_snapshot_release(said[k].snapshot);
}

/* What a machine does with snapshots: it has one of its own, or has been restored. */
static void take_or_restore(world *w, bytes *from) {
  static const vlot_result results[] = {VLOT_OK, VLOT_OK, VLOT_OK, VLOT_CORRUPT, VLOT_IO};
  uint8_t shape = next(from);
  w->outcome = VLOT_INVALID;
  if (w->is_restoring || shape > 240) {
    bool was_restoring = w->is_restoring;
    w->is_restoring = false;
    step(w, &(vlot_input){.kind = VLOT_INPUT_RESTORED, .as.restored = results[shape % 5]}, 1);
    demand(was_restoring || w->outcome != VLOT_OK);
    return;
  }
  uint64_t index = shape > 200 ? near(from, w->told) : w->told;
  if (index > LOG_MAX) index = 1;
  vlot_snapshot *taken = state_at(index, w->asked[index], 0, STATE_SIZE);
  if (!taken) return;
  vlot_snapshot *before = vlot_snapshot_retain(w->snapshot);
  vlot_input input = {.kind = VLOT_INPUT_SNAPSHOT_TAKEN};
  input.as.taken.snapshot = taken;
  input.as.taken.compact_to = index - shape % 3;
  replace(&w->snapshot, taken);
  step(w, &input, 1);
  if (w->outcome != VLOT_OK) replace(&w->snapshot, before);
  demand(w->outcome != VLOT_OK || (index <= w->told && index <= w->durable_last));
  vlot_snapshot_release(before);
  vlot_snapshot_release(taken);
}

static void complete(world *w, bytes *from) {
  uint8_t what = next(from);
  if (what < 200 && w->pending_count < PENDING_MAX - 8)
    store(w, what < 100 ? 1 : what);
  else if (what < 230 || w->pending_count >= PENDING_MAX - 8)
    crash(w);
  else if (what < 250 && w->pending_count > 0)
    step(w, &(vlot_input){.kind = VLOT_INPUT_WRITE_FAILED, .as.token = w->pending[0].token}, 1);
  else
    step(w, &(vlot_input){.kind = VLOT_INPUT_STORED, .as.token = near(from, 0)}, 1);
}

/* Joint, and without the learner: what a disk gives back is commands, so that a crash forgets
 * it. */
static vlot_entry encode_config(uint8_t *out, size_t capacity) {
  static const vlot_member next[] = {{.id = 1}, {.id = 2}, {.id = 6}},
                           old[] = {{.id = 1}, {.id = 2}, {.id = 3}, {.id = 4}};
  vlot_configuration *joint = vlot_configuration_make(NULL, next, 3, old, 4);
  if (!joint) abort();
  size_t size = vlot_configuration_encode(joint, out, capacity);
  vlot_configuration_release(joint);
  return (vlot_entry){.data = out, .size = (uint32_t)size, .kind = VLOT_ENTRY_CONFIG};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  world *w = calloc(1, sizeof *w);
  if (!w) abort();
  w->pending = calloc(PENDING_MAX, sizeof *w->pending);
  uint8_t config[128];
  vlot_entry entries[8] = {
      {.kind = VLOT_ENTRY_COMMAND}, {.kind = VLOT_ENTRY_NOOP}, encode_config(config, sizeof config),
      {.kind = VLOT_ENTRY_COMMAND}, {.kind = VLOT_ENTRY_NOOP}, {.kind = VLOT_ENTRY_COMMAND},
      {.kind = VLOT_ENTRY_COMMAND}, {.kind = VLOT_ENTRY_NOOP}};
  vlot_batch *batch = vlot_batch_make(NULL, entries, NULL, 8);
  if (!w->pending || !batch) abort();
  bytes from = {.at = data, .left = size};
  w->hard.disk_id = 1;
  start(w);
  while (from.left > 0) {
    uint8_t what = next(&from);
    if (w->pending_count >= PENDING_MAX - 8) crash(w);
    if (w->asked_last >= LOG_MAX - 32) break;
    if (what < 160)
      act(w, &from, batch);
    else if (what < 230)
      complete(w, &from);
    else if (what < 243)
      take_or_restore(w, &from);
    else if (!w->is_fenced && w->told < w->handed)
      step(w, &(vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = w->told += 1}, 1);
  }
  vlot_raft_close(w->raft);
  vlot_batch_release(batch);
  while (w->pending_count > 0) vlot_snapshot_release(w->pending[--w->pending_count].snapshot);
  vlot_snapshot_release(w->snapshot);
  free(w->pending);
  free(w);
  return 0;
}
