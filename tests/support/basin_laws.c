/* What must hold after every step, over the whole history of a basin. The numbers are those of
 * docs/catalogue.md: I-1 one leader per term, I-2 a leader's log only grows, I-3 log
 * matching, I-4 leader completeness, I-5 state machine safety, I-6 committed stays, I-7 nothing
 * goes backwards, I-8 one vote per term and durable, I-9 acknowledged is durable, I-10 committed is
 * on a quorum, I-11 counted commits end in the leader's term, I-13 messages are well formed, I-15
 * the configuration is what the log says, I-18 reads are fresh, I-19 a core keeps its own laws.
 */
#include <stdlib.h>

#include "basin_inside.h"
#include "raft/config.h"

typedef unsigned long long ull;

/* --- I-3: one content and one past per (index, term), ever ------------------------------------ */

static basin_position *slot_of(basin_position *table, size_t capacity, uint64_t index,
                               uint64_t term) {
  size_t k =
      (size_t)((index * 0x9e3779b97f4a7c15u) ^ (term * 0xbf58476d1ce4e5b9u)) & (capacity - 1);
  while (table[k].index != 0 && (table[k].index != index || table[k].term != term))
    k = (k + 1) & (capacity - 1);
  return &table[k];
}

static void grow_positions(basin *b) {
  if (b->position_count * 2 < b->position_capacity) return;
  size_t capacity = b->position_capacity > 0 ? b->position_capacity * 2 : 256;
  basin_position *table = calloc(capacity, sizeof *table);
  if (!table) abort();
  for (size_t k = 0; k < b->position_capacity; k++)
    if (b->positions[k].index != 0)
      *slot_of(table, capacity, b->positions[k].index, b->positions[k].term) = b->positions[k];
  free(b->positions);
  b->positions = table;
  b->position_capacity = capacity;
}

static void check_log_matching(basin *b, const basin_node *node, uint64_t index, uint64_t term,
                               uint64_t chain) {
  if (b->is_lawless) return;
  grow_positions(b);
  basin_position *slot = slot_of(b->positions, b->position_capacity, index, term);
  if (slot->index == 0) {
    *slot = (basin_position){.index = index, .term = term, .chain = chain};
    b->position_count++;
  } else if (slot->chain != chain) {
    basin_fail(b, "I-3: node %u holds another entry or past at %llu/T%llu", node->id, (ull)index,
               (ull)term);
  }
}

/* --- the mirror: what the node's log says it holds -------------------------------------------- */

static void mirror_from(basin *b, basin_node *node, uint64_t from) {
  vlot_raft_status status = basin_status(b, node->id);
  basin_entries_cut(&node->mirror, from - 1);
  for (; from <= status.base_index; from++) /* the test knows what the node does not any more */
    *BASIN_PUSH(&node->mirror) = (basin_entry){.term = node->disk.items[from - 1].term,
                                               .chain = node->disk.items[from - 1].chain};
  if (node->mirror.count + 1 != from)
    basin_fail(b, "node %u appended at %llu, behind a gap", node->id, (ull)from);
  for (uint64_t index = from; index <= status.last_index; index++) {
    uint64_t term, chain = basin_chain_at(&node->mirror, index - 1);
    vlot_entry content;
    if (vlot_raft_get_entry(node->raft, index, &term, &content) != VLOT_OK)
      basin_fail(b, "node %u has no entry %llu", node->id, (ull)index);
    basin_entry *entry = BASIN_PUSH(&node->mirror);
    *entry = (basin_entry){.term = term, .chain = basin_chain(chain, term, &content)};
    check_log_matching(b, node, index, term, entry->chain);
  }
}

void basin_laws_on_start(basin *b, basin_node *node) {
  vlot_raft_status status = basin_status(b, node->id);
  if (node->snapshot && status.base_index != node->disk_base)
    basin_entries_restart(b, &node->disk, node->snapshot); /* the log is not its snapshot's */
  mirror_from(b, node, 1);
  basin_entries_cut(&node->written, 0);
  for (size_t k = 0; k < node->disk.count; k++) {
    basin_entry *entry = BASIN_PUSH(&node->written);
    *entry = (basin_entry){.term = node->disk.items[k].term, .chain = node->disk.items[k].chain};
  }
  node->written_hard = node->hard;
  node->role = VLOT_ROLE_FOLLOWER;
  node->seen = (vlot_raft_seen){0};
  node->seen_commit = status.commit_index;
  node->seen_last = status.last_index;
  node->seen_term = status.term;
  if (status.term != node->hard.term || status.vote != node->hard.vote)
    basin_fail(b, "I-7: node %u does not begin where its disk says", node->id);
  if (node->mirror.count != node->disk.count || basin_chain_at(&node->mirror, node->mirror.count) !=
                                                    basin_chain_at(&node->disk, node->disk.count))
    basin_fail(b, "node %u does not begin with the log of its disk", node->id);
}

/* --- writes ----------------------------------------------------------------------------------- */

void basin_laws_on_write(basin *b, basin_node *node, const vlot_write *write) {
  if (write->snapshot) basin_entries_restart(b, &node->written, write->snapshot);
  if (write->truncate_from > 0) basin_entries_cut(&node->written, write->truncate_from - 1);
  for (uint32_t k = 0; k < write->slice_count; k++) {
    const vlot_slice *slice = &write->slices[k];
    if (slice->index != node->written.count + 1)
      basin_fail(b, "node %u writes from %llu on behind %zu entries", node->id, (ull)slice->index,
                 node->written.count);
    for (uint32_t n = 0; n < slice->count; n++) {
      uint64_t chain = basin_chain_at(&node->written, node->written.count);
      basin_entry *entry = BASIN_PUSH(&node->written);
      *entry = (basin_entry){.term = slice->term};
      entry->chain = basin_chain(chain, slice->term, &vlot_slice_entries(slice)[n]);
    }
  }
  if (write->has_hard) node->written_hard = write->hard;
}

/* All that changed was asked to be written: nothing lives in memory only. */
static void check_written(basin *b, const basin_node *node, const vlot_raft_status *status) {
  if (node->written_hard.term != status->term || node->written_hard.vote != status->vote)
    basin_fail(b, "node %u has a term or vote that was not written", node->id);
  if (node->written.count != node->mirror.count ||
      basin_chain_at(&node->written, node->written.count) !=
          basin_chain_at(&node->mirror, node->mirror.count))
    basin_fail(b, "node %u has a log that was not written", node->id);
}

/* --- messages --------------------------------------------------------------------------------- */

static bool was_leader(const basin *b, uint32_t id, uint64_t term) {
  for (size_t k = 0; k < b->leaders.count; k++)
    if (b->leaders.items[k].term == term && b->leaders.items[k].candidate == id) return true;
  return false;
}

static void check_vote(basin *b, const basin_node *node, uint64_t term, uint32_t candidate) {
  if (node->hard.term < term || (node->hard.term == term && node->hard.vote != candidate))
    basin_fail(b, "I-8: node %u sends a vote of term %llu that is not durable", node->id,
               (ull)term);
  /* a voter is (member, disk) */
  uint32_t voter = node->id << 16 ^ (uint32_t)node->hard.disk_id;
  for (size_t k = 0; k < b->votes.count; k++) {
    const basin_promise *vote = &b->votes.items[k];
    if (vote->voter != voter || vote->term != term) continue;
    if (vote->candidate != candidate)
      basin_fail(b, "I-8: node %u votes for %u and for %u in term %llu", node->id, vote->candidate,
                 candidate, (ull)term);
    return;
  }
  *BASIN_PUSH(&b->votes) = (basin_promise){.term = term, .voter = voter, .candidate = candidate};
}

static void check_acknowledgement(basin *b, const basin_node *node, const vlot_message *message) {
  uint64_t match = message->kind == VLOT_MESSAGE_INSTALL_REPLY ? message->as.installed.match_index
                                                               : message->as.reply.match_index;
  if (match > node->disk.count)
    basin_fail(b, "I-9: node %u acknowledges %llu and has %zu entries on disk", node->id,
               (ull)match, node->disk.count);
  const basin_node *leader = &b->nodes[message->to - 1];
  if (!leader->raft || leader->role != VLOT_ROLE_LEADER || leader->seen_term != message->term)
    return;
  if (match > leader->mirror.count ||
      basin_chain_at(&leader->mirror, match) != basin_chain_at(&node->disk, match))
    basin_fail(b, "I-9: node %u acknowledges %llu, which the leader holds otherwise", node->id,
               (ull)match);
}

/* A snapshot stands for the one sequence, and for nothing that is not committed. */
static void check_installed(basin *b, basin_node *node, const vlot_change *change) {
  const vlot_snapshot *snapshot = vlot_raft_snapshot(node->raft);
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  if (head->index != change->to || head->term != change->term)
    basin_fail(b, "node %u installs another snapshot than it says", node->id);
  basin_entries_restart(b, &node->mirror, snapshot);
  node->handed_index = node->told_index = head->index;
  node->handed_chain = head->chain;
  if (b->is_lawless) return;
  if (head->index > b->committed.count)
    basin_fail(b, "I-14: node %u installs %llu, which is not committed", node->id,
               (ull)head->index);
  if (head->chain != basin_chain_at(&b->committed, head->index))
    basin_fail(b, "I-14: node %u installs a snapshot of another past", node->id);
}

void basin_laws_on_changes(basin *b, basin_node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->change_count; k++)
    if (output->changes[k].kind == VLOT_CHANGE_SNAPSHOT_INSTALLED)
      check_installed(b, node, &output->changes[k]);
}

void basin_laws_on_message(basin *b, basin_node *node, const vlot_message *message) {
  vlot_why why = vlot_message_check(message);
  if (why != VLOT_WHY_NONE)
    basin_fail(b, "I-13: node %u sends a malformed %s", node->id,
               vlot_message_kind_name((vlot_message_kind)message->kind));
  if (message->from != node->id || message->to > b->count) basin_fail(b, "I-13: wrong address");
  if (message->disk_id != node->hard.disk_id) basin_fail(b, "I-13: wrong disk");
  if (b->is_lawless) return;
  if (message->term > node->hard.term)
    basin_fail(b, "I-13: node %u speaks in term %llu, which is not durable", node->id,
               (ull)message->term);
  bool is_ok = (message->flags & VLOT_MESSAGE_OK) != 0;
  switch ((vlot_message_kind)message->kind) {
  case VLOT_MESSAGE_VOTE: check_vote(b, node, message->term, node->id); break;
  case VLOT_MESSAGE_VOTE_REPLY:
    if (is_ok) check_vote(b, node, message->term, message->to);
    break;
  case VLOT_MESSAGE_INSTALL:
  case VLOT_MESSAGE_TIMEOUT_NOW:
  case VLOT_MESSAGE_APPEND: break; /* after the step: leadership may be as new as the message */
  case VLOT_MESSAGE_INSTALL_REPLY:
  case VLOT_MESSAGE_APPEND_REPLY:
    if (is_ok) check_acknowledgement(b, node, message);
    break;
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_PRE_VOTE_REPLY: break;
  }
}

/* --- applying --------------------------------------------------------------------------------- */

void basin_laws_on_apply(basin *b, basin_node *node, const vlot_slice *slice) {
  if (slice->index != node->handed_index + 1)
    basin_fail(b, "I-5: node %u applies %llu after %llu", node->id, (ull)slice->index,
               (ull)node->handed_index);
  for (uint32_t k = 0; k < slice->count; k++)
    node->handed_chain =
        basin_chain(node->handed_chain, slice->term, &vlot_slice_entries(slice)[k]);
  node->handed_index = slice->index + slice->count - 1;
}

/* I-18: a read sees all that was committed anywhere when it was asked. */
void basin_laws_on_read(basin *b, const basin_node *node, const vlot_read_answer *answer) {
  if (answer->result != VLOT_OK || b->is_lawless) return;
  for (size_t k = b->asked.count; k-- > 0;) {
    const basin_asked *asked = &b->asked.items[k];
    if (asked->node != node->id || asked->tag != answer->tag) continue;
    if (answer->index < asked->committed)
      basin_fail(b, "I-18: node %u reads at %llu when %llu was committed", node->id,
                 (ull)answer->index, (ull)asked->committed);
    return;
  }
}

/* --- after a step ----------------------------------------------------------------------------- */

/* I-1 and I-4, at the moment of an election. */
static void check_election(basin *b, const basin_node *node, uint64_t term) {
  for (size_t k = 0; k < b->leaders.count; k++)
    if (b->leaders.items[k].term == term && b->leaders.items[k].candidate != node->id)
      basin_fail(b, "I-1: nodes %u and %u both lead term %llu", b->leaders.items[k].candidate,
                 node->id, (ull)term);
  *BASIN_PUSH(&b->leaders) = (basin_promise){.term = term, .candidate = node->id};
}

static void check_completeness(basin *b, const basin_node *node) {
  uint64_t last = b->committed.count;
  if (node->mirror.count < last ||
      basin_chain_at(&node->mirror, last) != basin_chain_at(&b->committed, last))
    basin_fail(b, "I-4: leader %u lacks a committed entry at or below %llu", node->id, (ull)last);
}

/* An entry that somebody looks for on disks. */
typedef struct basin_held {
  const basin *b;
  uint64_t index, chain;
} basin_held;

static bool holds(void *context, const vlot_member *member) {
  const basin_held *held = context;
  const basin_node *node = &held->b->nodes[member->id - 1];
  for (size_t k = 0; k < node->lost_disks.count; k++)
    if (node->lost_disks.items[k].disk_id == member->disk_id &&
        basin_chain_at(&node->lost_disks.items[k].entries, held->index) == held->chain)
      return true;
  return member->id <= held->b->count &&
         (member->disk_id == 0 || member->disk_id == node->hard.disk_id) &&
         basin_chain_at(&node->disk, held->index) == held->chain;
}

/* Of the configuration that the node committed in: the one in force, or the one before what it has
 * appended since, in the same step. */
static bool is_on_a_quorum(const basin *b, const basin_node *node, uint64_t index, uint64_t chain) {
  basin_held held = {.b = b, .index = index, .chain = chain};
  uint64_t at;
  vlot_configuration *now = vlot_raft_configuration(node->raft, &at);
  if (vlot_configuration_has_quorum(now, holds, &held)) return true;
  if (at <= node->seen_last || at == 0) return false;
  vlot_configuration *before = vlot_raft_configuration_at(node->raft, at - 1);
  return before && vlot_configuration_has_quorum(before, holds, &held);
}

static bool are_all_real(const basin *b) {
  for (uint32_t k = 0; k < b->count; k++)
    if (!b->nodes[k].was_up && !b->nodes[k].is_absent) return false;
  return true;
}

/* I-6 (against the one sequence) and I-10. */
static void check_commit(basin *b, const basin_node *node, uint64_t from, uint64_t to) {
  if (to > node->mirror.count) basin_fail(b, "I-7: node %u commits beyond its log", node->id);
  for (uint64_t index = from + 1; index <= to; index++) {
    basin_entry mine = node->mirror.items[index - 1];
    if (index <= b->committed.count) {
      if (b->committed.items[index - 1].chain != mine.chain)
        basin_fail(b, "I-5, I-6: node %u commits another entry at %llu", node->id, (ull)index);
      continue;
    }
    if (are_all_real(b) && !is_on_a_quorum(b, node, index, mine.chain))
      basin_fail(b, "I-10: node %u commits %llu, which no quorum of %s holds", node->id, (ull)index,
                 basin_members(b, node->id));
    *BASIN_PUSH(&b->committed) = (basin_entry){.term = mine.term, .chain = mine.chain};
  }
}

static void check_change(basin *b, basin_node *node, const vlot_change *change) {
  switch ((vlot_change_kind)change->kind) {
  case VLOT_CHANGE_TERM:
    if (change->to <= node->seen_term)
      basin_fail(b, "I-7: the term of node %u does not grow", node->id);
    node->seen_term = change->to;
    break;
  case VLOT_CHANGE_ROLE:
    node->role = (vlot_role)change->to;
    if (change->to == VLOT_ROLE_LEADER) check_election(b, node, change->term);
    break;
  case VLOT_CHANGE_TRUNCATE:
    if (node->role == VLOT_ROLE_LEADER) basin_fail(b, "I-2: leader %u truncates its log", node->id);
    if (change->from <= node->seen_commit)
      basin_fail(b, "I-6: node %u truncates what is committed", node->id);
    break;
  case VLOT_CHANGE_COMMIT:
    if (change->from != node->seen_commit || change->to <= change->from)
      basin_fail(b, "I-7: node %u commits from %llu to %llu", node->id, (ull)change->from,
                 (ull)change->to);
    if (node->role == VLOT_ROLE_LEADER && change->term != node->seen_term)
      basin_fail(b, "I-11: leader %u of term %llu counts up to an entry of term %llu", node->id,
                 (ull)node->seen_term, (ull)change->term);
    node->seen_commit = change->to;
    break;
  case VLOT_CHANGE_SNAPSHOT_INSTALLED:
    if (node->role == VLOT_ROLE_LEADER) basin_fail(b, "I-2: leader %u installs", node->id);
    if (change->from != node->seen_commit || change->to <= change->from)
      basin_fail(b, "I-14: node %u goes from %llu to a snapshot at %llu", node->id,
                 (ull)change->from, (ull)change->to);
    node->seen_commit = change->to;
    break;
  default: break;
  }
}

/* The lowest index that changed in the log; 0: none did. */
static uint64_t lowest_change(const vlot_output *output) {
  uint64_t lowest = 0;
  for (uint32_t k = 0; k < output->change_count; k++) {
    const vlot_change *change = &output->changes[k];
    if (change->kind == VLOT_CHANGE_SNAPSHOT_INSTALLED) lowest = 0; /* all before is gone */
    bool is_of_log = change->kind == VLOT_CHANGE_APPEND || change->kind == VLOT_CHANGE_TRUNCATE;
    if (is_of_log && (lowest == 0 || change->from < lowest)) lowest = change->from;
  }
  return lowest;
}

static void check_status(basin *b, const basin_node *node, const vlot_raft_status *status) {
  if (status->term != node->seen_term)
    basin_fail(b, "node %u changed its term without saying so", node->id);
  if (status->role != node->role)
    basin_fail(b, "node %u changed its role without saying so", node->id);
  if (status->commit_index != node->seen_commit)
    basin_fail(b, "node %u committed without saying so", node->id);
  if (status->applied_index > status->commit_index || status->commit_index > status->last_index)
    basin_fail(b, "I-7: applied %llu, committed %llu, last %llu", (ull)status->applied_index,
               (ull)status->commit_index, (ull)status->last_index);
  if (status->last_index != node->mirror.count)
    basin_fail(b, "node %u changed its log without saying so", node->id);
  if (status->durable_index > status->last_index)
    basin_fail(b, "node %u: durable beyond its last", node->id);
  if (basin_chain_at(&node->disk, status->durable_index) !=
      basin_chain_at(&node->mirror, status->durable_index))
    basin_fail(b, "I-9: node %u takes %llu for durable", node->id, (ull)status->durable_index);
}

static void check_brief(basin *b, const basin_node *node, const vlot_raft_status *status,
                        const vlot_output *output) {
  const vlot_brief *after = &output->after;
  if (after->term != status->term || after->vote != status->vote ||
      after->role != (uint32_t)status->role || after->last_index != status->last_index ||
      after->commit_index != status->commit_index || output->leader != status->leader ||
      output->next_timer != status->next_timer)
    basin_fail(b, "node %u says in its output what its status does not", node->id);
}

static void check_senders(basin *b, const basin_node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->message_count; k++)
    if ((output->messages[k].kind == VLOT_MESSAGE_APPEND ||
         output->messages[k].kind == VLOT_MESSAGE_TIMEOUT_NOW ||
         output->messages[k].kind == VLOT_MESSAGE_INSTALL) &&
        !was_leader(b, node->id, output->messages[k].term))
      basin_fail(b, "I-13: node %u appends in a term it does not lead", node->id);
}

/* I-15: what is in force is what the newest entry of its kind says, committed or not. */
static void check_configuration(basin *b, const basin_node *node) {
  uint64_t at, term;
  vlot_entry entry;
  vlot_configuration *now = vlot_raft_configuration(node->raft, &at), *decoded = NULL;
  if (vlot_raft_get_entry(node->raft, at, &term, &entry) != VLOT_OK) return; /* the base's */
  bool is_so = entry.kind == VLOT_ENTRY_CONFIG &&
               vlot_configuration_decode(NULL, entry.data, entry.size, &decoded) == VLOT_OK &&
               vlot__config_is_same(decoded, now);
  vlot_configuration_release(decoded);
  if (!is_so)
    basin_fail(b, "I-15: node %u counts by what does not stand at %llu", node->id, (ull)at);
  for (uint64_t index = at + 1; index <= node->mirror.count; index++)
    if (vlot_raft_get_entry(node->raft, index, &term, &entry) == VLOT_OK &&
        entry.kind == VLOT_ENTRY_CONFIG)
      basin_fail(b, "I-15: node %u does not count by what stands at %llu", node->id, (ull)index);
}

void basin_laws_after_step(basin *b, basin_node *node, const vlot_output *output) {
  const char *broken = vlot_raft_check(node->raft, &node->seen);
  if (broken) basin_fail(b, "I-19: node %u: %s", node->id, broken);
  vlot_raft_status status = basin_status(b, node->id);
  uint64_t commit = node->seen_commit;
  bool was_follower = node->role != VLOT_ROLE_LEADER;
  uint64_t from = lowest_change(output);
  if (from > 0)
    mirror_from(b, node, from <= node->mirror.count + 1 ? from : node->mirror.count + 1);
  check_written(b, node, &status);
  check_brief(b, node, &status, output);
  if (b->is_lawless) {
    node->seen_term = status.term;
    node->seen_commit = status.commit_index;
    node->role = status.role;
    return;
  }
  for (uint32_t k = 0; k < output->change_count; k++) check_change(b, node, &output->changes[k]);
  check_commit(b, node, commit, status.commit_index);
  if (was_follower && node->role == VLOT_ROLE_LEADER) check_completeness(b, node);
  if (node->handed_index > 0 &&
      node->handed_chain != basin_chain_at(&b->committed, node->handed_index))
    basin_fail(b, "I-5: node %u applied another sequence up to %llu", node->id,
               (ull)node->handed_index);
  check_status(b, node, &status);
  check_senders(b, node, output);
  check_configuration(b, node);
  node->seen_last = status.last_index;
}
